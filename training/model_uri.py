"""The two forms of a model's address that consumers use, and which version each means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

_BY_ALIAS = re.compile(r"models:/(?P<model>[^/@:]+)@(?P<alias>[A-Za-z0-9_-]{1,255})", re.ASCII)
_BY_VERSION = re.compile(r"models:/(?P<model>[^/@:]+)/(?P<version>[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ModelUri:
    """An address of a registered model: by alias, or pinned to a version. Exactly one of the two is set."""

    model: str
    alias: str | None = None
    version: str | None = None

    def __post_init__(self) -> None:
        """Refuse both, and neither."""
        if (self.alias is None) == (self.version is None):
            raise ValueError("either an alias or a version")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `models:/churn@champion` or `models:/churn/3`.

        Stages, `latest` and run addresses are refused: they do not name a version that anybody decided on.

        Raises:
            ValueError: the text is neither.
        """
        found = _BY_ALIAS.fullmatch(text) or _BY_VERSION.fullmatch(text)
        if found is None:
            raise ValueError(
                f"MODEL_URI must look like models:/churn@champion or models:/churn/3, not {text!r}"
            )
        return cls(**found.groupdict())

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read MODEL_URI, or MODEL_NAME with MODEL_ALIAS.

        Raises:
            ValueError: neither or both are set, or it is no such address.
        """
        name, alias = environ.get("MODEL_NAME"), environ.get("MODEL_ALIAS")
        if name is None and alias is None:
            return cls.parse(environ.get("MODEL_URI", ""))
        if not name or not alias or "MODEL_URI" in environ:
            raise ValueError("either MODEL_URI, or both MODEL_NAME and MODEL_ALIAS")
        return cls.parse(f"models:/{name}@{alias}")

    def __str__(self) -> str:
        """Write it as MLflow reads it."""
        return f"models:/{self.model}@{self.alias}" if self.alias else f"models:/{self.model}/{self.version}"
