"""A registry's credentials: from mounted files that may change at any time, or as the command line was given them."""

import threading
from pathlib import Path
from typing import Final, Protocol

from mlflow.utils.rest_utils import MlflowHostCreds

from modelalias.core.errors import Refused
from modelalias.settings import ClientSettings, Credentials, RegistrySettings

Stamp = tuple[int, int, int]
"""Inode, size and time of the last change: a mounted secret is replaced as a whole."""

LONGEST: Final = 64 * 1024
"""Bytes that a credential may have; more is a wrong file."""


def stamp_of(path: Path) -> Stamp:
    """Return what differs once the file was replaced; raise `Refused` when it is not there."""
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path) from error
    return status.st_ino, status.st_size, status.st_mtime_ns


class CredentialSource(Protocol):
    """Where a wire takes a registry's credentials from."""

    def host_creds(self) -> MlflowHostCreds:
        """Return what MLflow's client authenticates with; raise `Refused` when that cannot be told."""
        ...

    def forget(self) -> None:
        """Look for them afresh the next time."""
        ...


def source_of(settings: RegistrySettings) -> CredentialSource:
    """Return where the credentials of a registry come from."""
    return FixedCredentials(settings) if isinstance(settings, ClientSettings) else CredentialFiles(settings)


class FixedCredentials:
    """The credentials that the command line was started with."""

    def __init__(self, settings: ClientSettings) -> None:
        given, ca_file = settings.given, settings.credentials.ca_file
        self._creds = MlflowHostCreds(  # type: ignore[no-untyped-call]  # MLflow's
            settings.uri,
            username=given.username.get_secret_value() if given.username else None,
            password=given.password.get_secret_value() if given.password else None,
            token=given.token.get_secret_value() if given.token else None,
            ignore_tls_verification=given.insecure_tls,
            server_cert_path=str(ca_file) if ca_file else None,
        )

    def host_creds(self) -> MlflowHostCreds:
        """Return them; they stay as they are."""
        return self._creds

    def forget(self) -> None:
        """Do nothing: there is nowhere to look again."""


class CredentialFiles:
    """The credentials of one registry as they stand in their files now; threads may share it."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._uri = settings.uri
        self._files: Credentials = settings.credentials
        self._lock = threading.Lock()
        self._read: dict[Path, tuple[Stamp, str]] = {}

    def host_creds(self) -> MlflowHostCreds:
        """Return what MLflow's client authenticates with; raise `Refused` when a file cannot be read.

        A file is read when its stamp differs from the last time.
        """
        files = self._files
        return MlflowHostCreds(  # type: ignore[no-untyped-call]  # MLflow's
            self._uri,
            username=self._text(files.username_file),
            password=self._text(files.password_file),
            token=self._text(files.token_file),
            server_cert_path=str(files.ca_file) if files.ca_file else None,
        )

    def forget(self) -> None:
        """Have every file read again, whatever its stamp."""
        with self._lock:
            self._read.clear()

    def _text(self, path: Path | None) -> str | None:
        if path is None:
            return None
        with self._lock:
            stamp = stamp_of(path)
            try:
                known = self._read.get(path)
                if known is None or known[0] != stamp:
                    with path.open(encoding="utf-8") as file:
                        known = (stamp, file.read(LONGEST).strip())
                    self._read[path] = known
            except (OSError, UnicodeDecodeError) as error:
                raise _unreadable(path) from error
        text = known[1]
        if not text or not text.isprintable():
            raise Refused(f"the registry's credentials file {path.name} is empty or not one line of text")
        return text


def _unreadable(path: Path) -> Refused:
    return Refused(f"the registry's credentials file {path.name} cannot be read")
