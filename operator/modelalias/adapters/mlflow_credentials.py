"""A registry's credentials: from mounted files that may change at any time, or as the command line was given them."""

from typing import Final, Protocol

from mlflow.utils.rest_utils import MlflowHostCreds

from modelalias.adapters.credential_files import CredentialTexts
from modelalias.servers import Credentials
from modelalias.settings import ClientSettings, RegistrySettings

OWNER: Final = "the registry's"


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
        self._texts = CredentialTexts(OWNER)

    def host_creds(self) -> MlflowHostCreds:
        """Return what MLflow's client authenticates with; raise `Refused` when a file cannot be read.

        A file is read when its stamp differs from the last time.
        """
        files = self._files
        return MlflowHostCreds(  # type: ignore[no-untyped-call]  # MLflow's
            self._uri,
            username=self._texts.text(files.username_file),
            password=self._texts.text(files.password_file),
            token=self._texts.text(files.token_file),
            server_cert_path=str(files.ca_file) if files.ca_file else None,
        )

    def forget(self) -> None:
        """Have every file read again, whatever its stamp."""
        self._texts.forget()
