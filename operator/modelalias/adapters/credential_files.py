"""Credentials of a server in mounted files that may change at any time."""

import base64
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from modelalias.core.errors import Refused

Stamp = tuple[int, int, int]
"""Inode, size and time of the last change: a mounted secret is replaced as a whole."""

LONGEST: Final = 64 * 1024
"""Bytes that a credential may have; more is a wrong file."""


class CredentialTexts:
    """What stands in the files now; threads may share it. `owner` says whose it is: "the registry's"."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._lock = threading.Lock()
        self._read: dict[Path, tuple[Stamp, str]] = {}

    def text(self, path: Path | None) -> str | None:
        """Return what the file says, read anew when its stamp differs from the last time; None without a file.

        Raise `Refused` when it cannot be read, or holds no credential.
        """
        if path is None:
            return None
        with self._lock:
            stamp = stamp_of(path, self._owner)
            try:
                known = self._read.get(path)
                if known is None or known[0] != stamp:
                    with path.open(encoding="utf-8") as file:
                        known = (stamp, file.read(LONGEST).strip())
                    self._read[path] = known
            except (OSError, UnicodeDecodeError) as error:
                raise unreadable(path, self._owner) from error
        text = known[1]
        if not text or not text.isprintable():
            raise Refused(f"{self._owner} credentials file {path.name} is empty or not one line of text")
        return text

    def forget(self) -> None:
        """Have every file read again, whatever its stamp."""
        with self._lock:
            self._read.clear()


def stamp_of(path: Path, owner: str) -> Stamp:
    """Return what differs once the file was replaced; raise `Refused` when it is not there."""
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, owner) from error
    return status.st_ino, status.st_size, status.st_mtime_ns


def authorization(
    owner: str, *, username: str | None, password: str | None, token: str | None
) -> Mapping[str, str]:
    """Return the header that authenticates, none without credentials; raise `Refused` for what cannot be one."""
    if username and password:
        encoded = base64.standard_b64encode(f"{username}:{password}".encode()).decode()
        return {"Authorization": f"Basic {encoded}"}
    if not token:
        return {}
    if not token.isascii():
        raise Refused(f"{owner} token contains characters that are not allowed in an HTTP header")
    return {"Authorization": f"Bearer {token}"}


def unreadable(path: Path, owner: str) -> Refused:
    """Return what to raise for a file that is missing or is no credential; its folder is not named."""
    return Refused(f"{owner} credentials file {path.name} cannot be read")
