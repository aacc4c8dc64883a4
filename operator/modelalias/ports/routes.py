"""HTTPRoutes of the Gateway API, as far as their weights go, and the pods behind a Service, in our own words."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from modelalias.api.fields import Value


class RouteRef(Value):
    """Which HTTPRoute."""

    namespace: str
    name: str


class RouteBackend(Value):
    """One backend of a rule."""

    service: str
    """Name of a Service of the route's namespace; "" for anything else."""
    named: str
    """How it is named to people."""
    weight: int


class RouteRule(Value):
    """One rule of a route: its backends, in their order."""

    backends: tuple[RouteBackend, ...]

    def names(self, services: Sequence[str]) -> bool:
        """Return whether all these Services are among the backends."""
        return {*services} <= {item.service for item in self.backends}

    def repeated(self, services: Sequence[str]) -> tuple[str, ...]:
        """Return which of these Services stand among the backends more than once, as with two ports."""
        named = [item.service for item in self.backends]
        return tuple(sorted({item for item in services if named.count(item) > 1}))

    def weight_of(self, service: str) -> int:
        """Return the weight of a Service that is among the backends once."""
        return next(item.weight for item in self.backends if item.service == service)


class Route(Value):
    """An HTTPRoute as it was seen."""

    ref: RouteRef
    uid: str
    rules: tuple[RouteRule, ...]
    accepted: bool
    """Whether every gateway that it names has accepted it, and resolved what it refers to."""
    settled: bool
    """Whether they have seen it as it is now, as far as they say."""
    problem: str = ""
    """Why it is not accepted, in the words of its conditions."""


class Routes(Protocol):
    """HTTPRoutes, and the Services behind them.

    Every call raises `Unavailable` and `Refused` as `Objects` does; `Unavailable` also where the cluster has no
    Gateway API.
    """

    async def read(self, ref: RouteRef) -> Route | None:
        """Read a route afresh."""
        ...

    async def ready_pods(self, namespace: str, service: str) -> int:
        """Return how many ready endpoints a Service has, at most those of one page; 0 where there is no such Service."""
        ...

    async def set_weights(self, route: Route, weights: Mapping[str, int]) -> Route:
        """Write the weights of these Services into every rule that names all of them; return the route after.

        The same values again are no write. Raise `StaleObject` when the route is gone, was made anew or has its
        backends in other places now, and `InvalidRequest` when a policy does not let the change in, or something
        took it out again on its way in.
        """
        ...
