"""Traffic: how the requests of an HTTPRoute are split between the version that is current and a challenger."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import ConfigDict, Field, StrictInt, model_validator

from modelalias.api.fields import AliasName, ObjectName, ShortDuration, Value, cel, each_once, list_map

ServiceName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
"""The name of a Kubernetes Service."""

BackendWeightNumber = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
"""A weight as the Gateway API has it: the share is the weight divided by the sum of the weights."""

Percent = Annotated[StrictInt, Field(ge=1, le=100)]

_STEPPED = "has(self.steps) && size(self.steps) > 0"
_OWN_WEIGHT = "!has(b.alias) && has(b.weight) && b.weight > 0"
_ONE_CHALLENGER = "one of the two backends has an alias: the challenger; the other serves this alias"
_WEIGHTS = "each backend has a weight, unless steps say how much the challenger gets"
_SOME_WEIGHT = (
    "the backend of this alias has a weight above 0: it gets everything when there is no challenger"
)
_RISING = "steps rise"


class Backend(Value):
    """A Service behind the HTTPRoute, and what it gets of the requests."""

    service: ServiceName
    """Name of the Service, in the namespace of the ModelAlias."""
    alias: AliasName | None = None
    """The alias that its pods serve, of the same model: that of a ModelAlias of this namespace. Unset: this
    ModelAlias's own."""
    weight: BackendWeightNumber | None = None
    """Its weight while there is a challenger, such as 90 and 10. Left out with steps."""


class Traffic(Value):
    """How the requests of an HTTPRoute are split between this alias and a challenger.

    The challenger gets its share while its ModelAlias has accepted a version other than this one, all its
    workloads run it, and no monitor of it is breached. Otherwise everything goes to the Service of this alias.
    """

    http_route: ObjectName
    """Name of the HTTPRoute, in the namespace of the ModelAlias. Only the weights of the two backends are written."""
    backends: Annotated[
        tuple[Backend, ...],
        Field(
            min_length=2,
            max_length=2,
            json_schema_extra={
                **list_map("service"),
                **cel(("self.exists_one(b, has(b.alias))", _ONE_CHALLENGER)),
            },
        ),
        each_once("service"),
    ]
    """The two Services: one that serves this alias, one that serves the challenger's."""
    steps: Annotated[
        tuple[Percent, ...],
        Field(
            max_length=10,
            json_schema_extra=cel(("self.isSorted() && self.all(a, self.exists_one(b, b == a))", _RISING)),
        ),
    ] = ()
    """What percentage the challenger gets, one step after another, such as 10, 50, 100, in place of weights. The
    next step comes when every monitor of the challenger's ModelAlias passes after stepDuration."""
    step_duration: ShortDuration = "10m"
    """How long a step lasts at least."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (f"{_STEPPED} || self.backends.all(b, has(b.weight))", _WEIGHTS),
            (f"{_STEPPED} || self.backends.exists(b, {_OWN_WEIGHT})", _SOME_WEIGHT),
        )
    )

    @model_validator(mode="after")
    def _as_the_schema_says(self) -> Self:
        if len([item for item in self.backends if item.alias is not None]) != 1:
            raise ValueError(_ONE_CHALLENGER)
        if not all(a < b for a, b in pairwise(self.steps)):
            raise ValueError(_RISING)
        if not self.steps and any(item.weight is None for item in self.backends):
            raise ValueError(_WEIGHTS)
        if not self.steps and not self.own.weight:
            raise ValueError(_SOME_WEIGHT)
        return self

    @property
    def own(self) -> Backend:
        """The backend that serves this alias."""
        return next(item for item in self.backends if item.alias is None)

    @property
    def challenger(self) -> Backend:
        """The backend that serves the challenger."""
        return next(item for item in self.backends if item.alias is not None)
