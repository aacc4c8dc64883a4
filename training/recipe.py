"""What a training run may vary, the same knobs for every pipeline."""

import math
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Quality(StrEnum):
    """Three recipes whose order on the held-out rows is known, for examples and tests."""

    GOOD = "good"
    BETTER = "better"
    WORSE = "worse"


class Recipe(BaseModel):
    """What a training run may vary. The table and the held-out rows are the same for all of them."""

    model_config = ConfigDict(frozen=True)

    samples: int | None = Field(
        default=None, ge=50, description="rows to learn from; unset: all that are not held out"
    )
    noise: float = Field(
        default=0.0, ge=0, le=0.5, description="share of wrong outcomes among them, as a bad export has"
    )
    degree: int = Field(default=1, ge=1, le=3, description="2: also learn how two features act together")
    regularization: float = Field(
        default=1.0, gt=0, lt=math.inf, description="strength of the penalty on large weights"
    )
