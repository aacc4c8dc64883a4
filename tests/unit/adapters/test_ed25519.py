"""Keys as people bring them: what is one, what is none, and that nothing of them is told."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from modelalias.adapters.ed25519 import (
    Ed25519Notary,
    key_id,
    new_private_pem,
    public_pem,
    read_private,
    read_public,
    readable,
)
from modelalias.core.errors import InvalidRequest
from tests.support.fake_keys import pkcs8, private_key


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _locked() -> bytes:
    return private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"no key",
        pkcs8(private_key())[:-40],
        _locked(),
        _rsa().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        Ed448PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        public_pem(private_key().public_key()).encode(),
    ],
    ids=["nothing", "text", "cut", "with a password", "RSA", "Ed448", "public"],
)
def test_what_is_no_key_is_refused_by_its_place_alone(pem: bytes) -> None:
    with pytest.raises(InvalidRequest) as told:
        read_private(pem, "private-key.pem in Secret ops/key")

    assert str(told.value) == (
        "private-key.pem in Secret ops/key is no Ed25519 private key in PEM without a password"
    )
    assert told.value.__cause__ is None


def test_a_key_that_was_made_is_read_again_and_named_by_its_public_half() -> None:
    private = read_private(new_private_pem(), "x")
    public = read_public(public_pem(private.public_key()), "x")

    assert key_id(public) == key_id(private.public_key())
    assert len(key_id(public)) == 32
    assert key_id(public) != key_id(private_key().public_key())


def test_nothing_of_the_key_is_shown() -> None:
    notary = Ed25519Notary("c1", private_key(), ())

    assert private_key().private_bytes_raw().hex() not in repr(vars(notary)) + repr(notary)


def test_what_is_no_public_key_is_nobodys() -> None:
    other = _rsa().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    published = {"a.pem": public_pem(private_key().public_key()), "b.pem": other, "c": "x"}

    assert [key_id(key) for key in readable(published)] == [key_id(private_key().public_key())]
    with pytest.raises(InvalidRequest, match="not one of Ed25519"):
        read_public(other, "b.pem")
