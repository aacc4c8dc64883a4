"""What people are told of a split."""

from decimal import Decimal
from typing import Final

from modelalias.api.alias import Traffic
from modelalias.api.conditions import Cause, Reason
from modelalias.core.traffic.split import Share, Weights
from modelalias.ports import Route

_HUNDREDTH: Final = Decimal("0.01")


def standing(route: Route, traffic: Traffic, given: Share | None, unfit: str) -> Cause:
    """Return how the requests are split, once the weights of the route are as they should be."""
    name = f"HTTPRoute {route.ref.name}"
    if not route.accepted:
        message = f"the weights of {name} are right, and not every gateway has accepted it: {route.problem}"
        return Cause(Reason.ROUTE_NOT_ACCEPTED, message)
    if not route.settled:
        return Cause(Reason.PROGRESSING, f"the gateway of {name} has not taken its last change yet")
    scope = _scope(route, traffic)
    if given is None:
        return Cause(Reason.CURRENT_ONLY, f"all requests{scope} go to Service {traffic.own.service}: {unfit}")
    return Cause(Reason.SPLIT, "; ".join([_shares(traffic, given, scope), *_steps(traffic, given)]))


def shown(route: Route, traffic: Traffic) -> str:
    """Return the weights of the route as they stand, of its first rule that has both Services, as `90/10`."""
    services = (traffic.own.service, traffic.challenger.service)
    rule = next(rule for rule in route.rules if rule.names(services))
    return "/".join(str(rule.weight_of(service)) for service in services)


def as_shown(weights: Weights, traffic: Traffic) -> str:
    """Return weights in the same form."""
    known = dict(weights)
    return f"{known[traffic.own.service]}/{known[traffic.challenger.service]}"


def percent(weight: int, total: int) -> str:
    """Return a share as a percentage; what is rounded says so, and some is never all or nothing."""
    exact = Decimal(100 * weight) / total
    rounded = exact.quantize(_HUNDREDTH)
    text = f"{rounded.normalize():f}"
    if rounded == exact:
        return f"{text} %"
    if not rounded:
        return f"less than {_HUNDREDTH} %"
    return f"more than {100 - _HUNDREDTH} %" if rounded == 100 else f"about {text} %"  # noqa: PLR2004 - percent


def _scope(route: Route, traffic: Traffic) -> str:
    """Return of which requests it is told: a rule with one of the Services alone is not split."""
    services = {traffic.own.service, traffic.challenger.service}
    named = [{item.service for item in rule.backends} & services for rule in route.rules]
    return "" if all(found in (set(), services) for found in named) else " of the rules with both Services"


def _shares(traffic: Traffic, given: Share, scope: str) -> str:
    weights, own, other = dict(given.weights), traffic.own, traffic.challenger
    total = sum(weights.values())
    challenger = f"Service {other.service} ({other.alias}, version {given.version})"
    return (
        f"{percent(weights[own.service], total)} of the requests{scope} go to Service {own.service}, "
        f"{percent(weights[other.service], total)} to {challenger}"
    )


def _steps(traffic: Traffic, given: Share) -> list[str]:
    if given.step is None:
        return []
    parts = [f"step {given.step} of {len(traffic.steps)}"]
    if given.note:
        parts.append(f"the next step waits: {given.note}")
    elif given.until is not None:
        parts.append(f"the next step not before {given.until:%Y-%m-%d %H:%M} UTC")
    return parts
