"""Ed25519 keys: how they are written, how they are named, and signing and verifying with them.

Nothing of a private key gets into a text of ours: no repr, no message.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from modelalias.core.errors import InvalidRequest

_ID_DIGITS: Final = 32


class PublicKeys:
    """The port `Verifier` with these keys."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        """Take the keys that are to be believed."""
        self._keys = {key_id(key): key for key in keys}

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the keys."""
        return frozenset(self._keys)

    def verify(self, key: str, message: bytes, signature: bytes) -> bool | None:
        """Return whether the key with that id has signed the message; None when no such key is known."""
        known = self._keys.get(key)
        if known is None:
            return None
        try:
            known.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Ed25519Notary(PublicKeys):
    """The port `Notary` with this key, and the public keys beside its own."""

    def __init__(self, cluster: str, private: Ed25519PrivateKey, public: Iterable[Ed25519PublicKey]) -> None:
        """Take the cluster's id, the key that signs and the public keys that are to be believed."""
        super().__init__((*public, private.public_key()))
        self.cluster, self.key = cluster, key_id(private.public_key())
        self._private = private

    def sign(self, message: bytes) -> bytes:
        """Return the signature; the same message gives the same one."""
        return self._private.sign(message)


def key_id(key: Ed25519PublicKey) -> str:
    """Name a key: the first digits of the SHA-256 of its DER form (SubjectPublicKeyInfo)."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:_ID_DIGITS]


def new_private_pem() -> bytes:
    """Make a key and return it as PKCS#8 in PEM."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_private(pem: bytes, where: str) -> Ed25519PrivateKey:
    """Read a private key; raise `InvalidRequest`, which tells where it stands and nothing of it."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidRequest(f"{where} is no Ed25519 private key in PEM without a password")
    return key


def public_pem(key: Ed25519PublicKey) -> str:
    """Write a public key as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_public(pem: str, where: str) -> Ed25519PublicKey:
    """Read a public key; raise `InvalidRequest`."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidRequest(f"{where} is no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidRequest(f"{where} is a public key, and not one of Ed25519")
    return key


def readable(published: Mapping[str, str]) -> Iterable[Ed25519PublicKey]:
    """Return the public keys among what is published; what is none is nobody's."""
    for name, pem in sorted(published.items()):
        try:
            yield read_public(pem, name)
        except InvalidRequest:
            continue
