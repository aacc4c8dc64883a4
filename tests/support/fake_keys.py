"""The keys that sign records, in memory; the contract suite holds them to the real ones."""

from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from modelalias.adapters.ed25519 import Ed25519Notary, key_id, public_pem, readable
from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from modelalias.ports import Notary

CLUSTER: Final = "c1c1c1c1-0000-4000-8000-000000000001"
ELSEWHERE: Final = "c2c2c2c2-0000-4000-8000-000000000002"


@cache
def private_key(number: int = 1) -> Ed25519PrivateKey:
    """Return a key that is the same in every run."""
    return Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))


def pkcs8(key: Ed25519PrivateKey) -> bytes:
    """Write a key as an owner brings it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def notary_of(number: int = 1, *, cluster: str = CLUSTER, known: tuple[int, ...] = ()) -> Ed25519Notary:
    """Return who signs with a key in a cluster, and believes other keys too."""
    return Ed25519Notary(cluster, private_key(number), (private_key(item).public_key() for item in known))


NOTARY: Final = notary_of()


class FakeSigningKeys:
    """The port in memory."""

    def __init__(self, cluster: str = CLUSTER) -> None:
        self.cluster = cluster
        self.private: Ed25519PrivateKey | None = None
        self.spoiled = False
        self.published: dict[str, str] = {}
        self.failure: Unavailable | Refused | None = None
        self._numbers = iter(range(1, 100))

    async def load(self) -> Notary:
        if self.failure is not None:
            raise self.failure
        if self.spoiled:
            raise InvalidRequest("that is no key")
        if self.private is None:
            self.private = private_key(next(self._numbers))
        mine = _published(self.private)
        self.published[mine[0]] = mine[1]
        return _notary(self.cluster, self.private, tuple(self.published.items()))


@cache
def _published(private: Ed25519PrivateKey) -> tuple[str, str]:
    """Return the name and the text of the public key, which is asked for once a minute of a test's hours."""
    public = private.public_key()
    return f"{key_id(public)}.pem", public_pem(public)


@cache
def _notary(cluster: str, private: Ed25519PrivateKey, published: tuple[tuple[str, str], ...]) -> Notary:
    return Ed25519Notary(cluster, private, readable(dict(published)))
