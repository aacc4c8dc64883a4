"""What is configured of a server that the operator asks: its address, the account there, and who may use it."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from modelalias.api.fields import Value

Pattern = Annotated[str, Field(min_length=1, max_length=255)]
"""A shell pattern with `*`, `?` and `[abc]`; it has to match the whole name, including its case."""


def _address(uri: str) -> str:
    """Refuse addresses without a host or with a port that does not exist."""
    parts = urlsplit(uri)
    if not parts.hostname or parts.port == 0:
        raise ValueError("the address needs a host, and a port other than 0")
    return uri


Address = Annotated[str, Field(pattern=r"^https?://[^\s@?#]+$"), AfterValidator(_address)]
"""The address of an HTTP server, without credentials."""


class Credentials(Value):
    """Files that hold a server's credentials; each is read again when it changes."""

    token_file: Path | None = None
    """A bearer token."""
    username_file: Path | None = None
    """A user name, with `passwordFile`."""
    password_file: Path | None = None
    ca_file: Path | None = None
    """Certificates to trust in place of the system's, as PEM."""

    @model_validator(mode="after")
    def _one_way_to_authenticate(self) -> Self:
        """Refuse credentials that are incomplete or name two accounts."""
        if (self.username_file is None) != (self.password_file is None):
            raise ValueError("set usernameFile and passwordFile together")
        if self.token_file is not None and self.username_file is not None:
            raise ValueError("set either tokenFile, or usernameFile and passwordFile")
        return self


class PrometheusSettings(Value):
    """One Prometheus, or what answers like it, that monitors may ask."""

    uri: Address
    """The address before `/api/v1/query`, without credentials."""
    credentials: Credentials = Credentials()
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Total time one query may take."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    """Concurrent queries."""
    namespaces: tuple[Pattern, ...] = ("*",)
    """Which namespaces may ask it. Left out: all. Empty: none."""

    def may_be_asked_by(self, namespace: str) -> bool:
        """Return whether monitors of ModelAliases in the namespace may ask it."""
        return any(fnmatchcase(namespace, item) for item in self.namespaces)
