"""MLflow's answers about a model version, as values of the port."""

import re
from datetime import UTC, datetime
from typing import Final

from mlflow.entities.model_registry import ModelVersion as MlflowVersion

from modelalias.adapters.mlflow_errors import STRANGE
from modelalias.core.errors import Unavailable, VersionNotFound
from modelalias.ports import ModelVersion, VersionState

VERSION: Final = re.compile(r"[1-9][0-9]{0,17}")

LARGEST_VERSION: Final = 2**31 - 1
"""What the column of MLflow's table takes; PostgreSQL answers a larger one with an error of its own."""

MODEL_ID: Final = re.compile(r"m-[A-Za-z0-9_-]{1,254}")
"""The id of a logged model: safe in a path, because it has neither slashes nor dots."""

SCHEME: Final = "models:/"


def model_version(version: MlflowVersion) -> ModelVersion:
    """Return the version as the port wants it; raise `Unavailable` when it makes no sense."""
    try:
        return ModelVersion(
            model=version.name,
            version=str(version.version),
            run_id=version.run_id or None,
            state=VersionState(version.status),
            tags=dict(version.tags),
            registered_at=_registered_at(version),
            model_id=model_id_of(version),
        )
    except ValueError as error:
        raise Unavailable(STRANGE) from error


def check_version(model: str, version: str) -> None:
    """Refuse spellings that MLflow would read as another version, such as 01, or fall over, such as 2^63."""
    if not VERSION.fullmatch(version) or int(version) > LARGEST_VERSION:
        raise no_version(model, version)


def no_version(model: str, version: str) -> VersionNotFound:
    """Return the failure that the model has no such version."""
    return VersionNotFound(f"model {model} has no version {version}")


def _registered_at(version: MlflowVersion) -> datetime | None:
    """Return when the version was registered, which only MLflow itself writes."""
    milliseconds = version.creation_timestamp
    try:
        return datetime.fromtimestamp(milliseconds // 1000, UTC) if milliseconds else None
    except (OverflowError, OSError) as error:
        raise ValueError("no time") from error


def model_id_of(version: MlflowVersion) -> str | None:
    """Return the logged model that the source itself names.

    MLflow's answer has a field for it that MLflow does not fill.
    """
    source = version.source or ""
    named = source.removeprefix(SCHEME)
    return named if named != source and MODEL_ID.fullmatch(named) else None
