"""What the operator tells an evaluation Job through its environment.

Measure which version, for which side, into which run.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict

from training.model_uri import ModelUri


class Side(StrEnum):
    """Which of the two that are compared."""

    CANDIDATE = "Candidate"
    CHAMPION = "Champion"


class Assignment(BaseModel):
    """One side of a comparison. `uri` names a version: an alias could move between the two sides."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    uri: ModelUri
    side: Side

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read MLFLOW_RUN_ID, MODEL_URI and MODELALIAS_SIDE.

        Raises:
            ValueError: one of them is missing or makes no sense.
        """
        run_id, side = environ.get("MLFLOW_RUN_ID"), environ.get("MODELALIAS_SIDE", "")
        if not run_id:
            raise ValueError("MLFLOW_RUN_ID is not set: it names the run to log into")
        uri = ModelUri.parse(environ.get("MODEL_URI", ""))
        if uri.version is None:
            raise ValueError(
                f"MODEL_URI must name a version, such as models:/churn/3, not {str(uri)!r}: an alias may move"
            )
        if side not in tuple(Side):
            raise ValueError(f"MODELALIAS_SIDE must be {' or '.join(Side)}, not {side!r}")
        return cls(run_id=run_id, uri=uri, side=Side(side))
