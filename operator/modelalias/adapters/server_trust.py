"""Whose certificates are accepted, by a mounted file that may change at any time."""

import ssl
from pathlib import Path

from modelalias.adapters.credential_files import Stamp, stamp_of, unreadable


class ServerTrust:
    """The certificates in a CA file as it is now; without a file those that the system trusts.

    `owner` says whose it is: "Prometheus'".
    """

    def __init__(self, file: Path | None, owner: str) -> None:
        self._file, self._owner = file, owner
        self._trusted: tuple[Stamp, ssl.SSLContext] | None = None

    def context(self) -> ssl.SSLContext | bool:
        """Return it as aiohttp takes it; raise `Refused` when the file cannot be read.

        Another file gives another context: connections that were trusted by an older one are not used.
        """
        if self._file is None:
            return True
        stamp = stamp_of(self._file, self._owner)
        if self._trusted is None or self._trusted[0] != stamp:
            self._trusted = stamp, self._context(self._file)
        return self._trusted[1]

    def _context(self, file: Path) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=str(file))
        except OSError as error:
            raise unreadable(file, self._owner) from error
