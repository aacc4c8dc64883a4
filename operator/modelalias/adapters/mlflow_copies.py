"""Versions that `copy_model_version` made: where the logged model of what was copied is found.

MLflow gives a copy the run of its original, and in place of the logged model the original itself as its source.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from mlflow.entities.model_registry import ModelVersion as MlflowVersion

from modelalias.adapters.mlflow_versions import SCHEME, VERSION, model_id_of
from modelalias.core.errors import NotFound, Refused

MOST_COPIES: Final = 5
"""Copies of copies that are followed."""

COPIED: Final = re.compile(rf"{SCHEME}(.+)/({VERSION.pattern})", re.DOTALL)

ReadVersion = Callable[[str, str], Awaitable[MlflowVersion]]


def is_copy(version: MlflowVersion) -> bool:
    """Return whether a version was made from another one, which tells its logged model."""
    return COPIED.fullmatch(version.source or "") is not None


class CopyReader:
    """Follows copies to what they were copied from."""

    def __init__(self, version: ReadVersion) -> None:
        """Take `version`, which reads one and raises the port's failures."""
        self._version = version

    async def model_id(self, version: MlflowVersion) -> str | None:
        """Return the logged model that a version was made from, also through copies.

        None where an original is gone, was made after its copy, or may not be read: then nothing is known of it.
        """
        for _ in range(MOST_COPIES):
            named = COPIED.fullmatch(version.source or "")
            if named is None:
                break
            try:
                original = await self._version(*named.groups())
            except (NotFound, Refused):
                return None
            if (original.creation_timestamp or 0) > (version.creation_timestamp or 0):
                return None
            version = original
        return model_id_of(version)
