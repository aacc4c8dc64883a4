"""How the requests of an HTTPRoute are split, as it was read last."""

from typing import Annotated

from pydantic import Field

from modelalias.api.fields import (
    Message,
    ModelVersionNumber,
    ObjectName,
    ReasonName,
    Reported,
    Timestamp,
    keep_last,
)
from modelalias.api.traffic import BackendWeightNumber, ServiceName


class BackendWeight(Reported):
    """The weight of one Service."""

    service: ServiceName
    """Name of the Service."""
    weight: BackendWeightNumber
    """Its weight."""


class TrafficStatus(Reported):
    """How the requests are split."""

    http_route: ObjectName
    """Name of the HTTPRoute."""
    weights: Annotated[tuple[BackendWeight, ...], Field(max_length=2)] = ()
    """What the operator wants the weights to be; the condition TrafficRouted says whether they are."""
    split: Annotated[str, Field(max_length=32)] | None = None
    """The weights that the HTTPRoute had when it was read last, this alias's first, such as 90/10."""
    version: ModelVersionNumber | None = None
    """The challenger's version that has its share in the HTTPRoute."""
    step: Annotated[int, Field(ge=1, le=10)] | None = None
    """Which of spec.traffic.steps the HTTPRoute has, the first is 1."""
    since: Timestamp | None = None
    """Since when it stands so, as far as the operator has looked."""
    rewritten: Annotated[tuple[Timestamp, ...], Field(max_length=3), keep_last(3)] = ()
    """When the operator set the weights again after somebody else changed them, the last three times."""
    unread: Message = ""
    """Why nobody looked at it last; what is said here is from before."""
    reason: ReasonName
    """Why the requests are split so, or why they cannot be: the reason of the condition TrafficRouted."""
    message: Message = ""
    """The same as a sentence."""
