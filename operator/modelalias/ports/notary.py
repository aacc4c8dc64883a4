"""What signs the records of versions, and what knows whose signature is to be believed."""

from typing import Protocol


class Verifier(Protocol):
    """The public keys that are to be believed."""

    def verify(self, key: str, message: bytes, signature: bytes) -> bool | None:
        """Return whether the key with that id has signed the message; None when no such key is known."""
        ...


class Notary(Verifier, Protocol):
    """The key of this cluster's operator beside them; the key itself stays behind the port."""

    @property
    def cluster(self) -> str:
        """The id of this cluster, which no other has."""
        ...

    @property
    def key(self) -> str:
        """The id of the key that signs."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature; the same message gives the same one."""
        ...


class SigningKeys(Protocol):
    """Where the key that signs is kept, and the public keys that are to be believed."""

    async def load(self) -> Notary:
        """Read the key and the public keys; make the key when there is none, and publish its public key.

        The keys that were published before stay, so that what they signed stays valid. Raises `Unavailable`,
        `Refused`, and `InvalidRequest` when what is kept there is no key.
        """
        ...
