"""The split of an HTTPRoute: what it should be, what it is, and what has to be written.

The weights are compared with what they should be at each look, so that a restart changes nothing. They are
written only where that sends nobody to a Service without a ready pod.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from modelalias.api.alias import BackendWeight, ModelAlias, Traffic, TrafficStatus
from modelalias.api.conditions import Cause, Reason
from modelalias.core.errors import InvalidRequest, Unavailable
from modelalias.core.protocol.answers import ANSWER_POLL
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft
from modelalias.core.protocol.effects import SetWeights
from modelalias.core.protocol.facts import Failed
from modelalias.core.status import ways_out
from modelalias.core.traffic.fitness import why_unfit
from modelalias.core.traffic.split import Share, Weights, own_alone, share
from modelalias.ports import Route, RouteRef

POLL: Final = timedelta(seconds=15)
"""How often the route and the pods behind it are looked at: no watch tells of them."""

MOST_REWRITES: Final = 3
"""How often weights that somebody changed are set again within `REWRITE_WINDOW`: a writer that insists is not fought."""

REWRITE_WINDOW: Final = timedelta(hours=1)

_SEEN_AS_WANTED: Final = frozenset(
    {
        Reason.SPLIT,
        Reason.CURRENT_ONLY,
        Reason.ROUTE_NOT_ACCEPTED,
        Reason.WAITING,
        Reason.CONTENDED,
    }
)
"""After which reasons other weights are somebody else's doing."""


def split(context: Context, alias: ModelAlias, draft: Draft) -> ModelAlias:
    """Return the alias with how its requests are split; a write that it takes is left in the draft.

    Raises `Needed` for what has to be read.
    """
    traffic, before = alias.spec.traffic, alias.status.traffic
    if traffic is None:
        return alias.with_status(alias.status.with_traffic(None)) if before is not None else alias
    if before is not None and before.http_route != traffic.http_route:
        before = None
    draft.wake(context.now + POLL)
    try:
        return alias.with_status(alias.status.with_traffic(_looked(context, alias, traffic, before, draft)))
    except Failed as failed:
        draft.wake(context.now + ANSWER_POLL)
        status = before or TrafficStatus(http_route=traffic.http_route, reason=str(failed.reason))
        known = Reason.FORBIDDEN if failed.reason is Reason.FORBIDDEN else Reason.WAITING
        message = f"HTTPRoute {traffic.http_route} or what stands behind it cannot be read: {failed}"
        return alias.with_status(
            alias.status.with_traffic(status.changed(reason=str(known), message=message))
        )


def _looked(
    context: Context, alias: ModelAlias, traffic: Traffic, before: TrafficStatus | None, draft: Draft
) -> TrafficStatus:
    route = context.facts.route(RouteRef(namespace=context.namespace, name=traffic.http_route))
    status = before or TrafficStatus(http_route=traffic.http_route, reason=str(Reason.WAITING))
    if route is None:
        message = f"there is no HTTPRoute {traffic.http_route} in this namespace"
        return _said(status, Cause(Reason.ROUTE_MISSING, message)).changed(split=None)
    wrong = _why_not_splittable(route, traffic)
    if wrong is not None:
        return _said(status, wrong).changed(split=None)
    if alias.spec.suspend:
        message = f"not changed while it is suspended; {ways_out.resume(alias)}"
        return _said(status, Cause(Reason.SUSPENDED, message)).changed(split=_shown(route, traffic))
    given, unfit = _share(context, alias, traffic, status)
    weights = own_alone(traffic) if given is None else given.weights
    if _is_so(route, weights):
        cause = _standing(route, traffic, given, unfit)
        after = _said(status, cause).changed(weights=_as_status(weights))
    else:
        after = _written(context, status, route, weights, draft)
    draft.wake(None if given is None or given.note else given.until)
    version, step = (None, None) if given is None else (given.version, given.step)
    is_same = (version, step, after.reason) == (status.version, status.step, status.reason)
    return after.changed(
        split=_shown(route, traffic),
        version=version,
        step=step,
        since=status.since if is_same and status.since is not None else context.now,
    )


def _share(
    context: Context, alias: ModelAlias, traffic: Traffic, before: TrafficStatus
) -> tuple[Share | None, str]:
    """Return what the challenger gets, or why it gets nothing.

    While this alias is being moved its share stays as it is, and none begins.
    """
    challenger = context.challenger
    unfit = why_unfit(alias, challenger, traffic.challenger.alias or "")
    if unfit or challenger is None:
        return None, unfit
    if not context.facts.ready_pods(context.namespace, traffic.challenger.service):
        return None, f"Service {traffic.challenger.service} has no ready pod"
    if alias.status.plan is None:
        return share(traffic, before, challenger, context.now), ""
    if before.version is None:
        return None, f"{alias.spec.alias} is being moved"
    kept = tuple((item.service, item.weight) for item in before.weights)
    return Share(kept, before.version, before.step), ""


def _written(
    context: Context, status: TrafficStatus, route: Route, weights: Weights, draft: Draft
) -> TrafficStatus:
    """Have the weights written, unless that sends requests to nobody or somebody insists on others."""
    for service, weight in weights:
        if weight and not context.facts.ready_pods(context.namespace, service):
            message = f"the weights stay as they are: Service {service} has no ready pod"
            return _said(status, Cause(Reason.NO_READY_POD, message))
    effect = SetWeights(ref=route.ref, weights=weights)
    refusal = context.facts.failure(effect)
    if refusal is not None:
        draft.wake(context.now + ANSWER_POLL)
        return _said(status, Cause(_why_refused(refusal), f"the weights cannot be written: {refusal}"))
    wanted_before = status.weights == _as_status(weights)
    if wanted_before and _is_contended(context, status):
        until = status.rewritten[0] + REWRITE_WINDOW
        message = (
            f"somebody changes the weights of HTTPRoute {route.ref.name} again and again: they were set "
            f"{MOST_REWRITES} times within an hour, and are set again after {until:%H:%M} UTC"
        )
        return _said(status, Cause(Reason.CONTENDED, message))
    draft.do(effect)
    undone = wanted_before and status.reason in _SEEN_AS_WANTED
    rewritten = (*status.rewritten, context.now) if undone else status.rewritten
    after = status.changed(weights=_as_status(weights), rewritten=rewritten)
    return _said(
        after, Cause(Reason.PROGRESSING, f"HTTPRoute {route.ref.name} gets the weights {_words(weights)}")
    )


def _why_refused(refusal: Exception) -> Reason:
    if isinstance(refusal, Unavailable):
        return Reason.PROGRESSING
    return Reason.INVALID if isinstance(refusal, InvalidRequest) else Reason.FORBIDDEN


def _is_contended(context: Context, status: TrafficStatus) -> bool:
    rewritten = status.rewritten
    return len(rewritten) >= MOST_REWRITES and rewritten[0] > context.now - REWRITE_WINDOW


def _standing(route: Route, traffic: Traffic, given: Share | None, unfit: str) -> Cause:
    """Return how the requests are split, once the weights are as they should be."""
    if not route.accepted:
        why = route.problem or "no status says so: does the route name a Gateway?"
        return Cause(Reason.ROUTE_NOT_ACCEPTED, f"no gateway has accepted HTTPRoute {route.ref.name}: {why}")
    if not route.settled:
        message = f"the gateway of HTTPRoute {route.ref.name} has not taken its last change yet"
        return Cause(Reason.WAITING, message)
    own, other = traffic.own.service, traffic.challenger
    if given is None:
        return Cause(Reason.CURRENT_ONLY, f"all requests go to Service {own}: {unfit}")
    weights = dict(given.weights)
    own_share, theirs = _percent(weights, own), _percent(weights, other.service)
    challenger = f"Service {other.service} ({other.alias}, version {given.version})"
    parts = [f"{own_share} of the requests go to Service {own}, {theirs} to {challenger}"]
    if given.step is not None:
        parts.append(f"step {given.step} of {len(traffic.steps)}")
    if given.note:
        parts.append(f"the next step waits: {given.note}")
    elif given.until is not None:
        parts.append(f"the next step not before {given.until:%Y-%m-%d %H:%M} UTC")
    return Cause(Reason.SPLIT, "; ".join(parts))


def _why_not_splittable(route: Route, traffic: Traffic) -> Cause | None:
    """Return what a person has to edit in the route before its requests can be split."""
    services = [item.service for item in traffic.backends]
    rules = [rule for rule in route.rules if rule.names(services)]
    if not rules:
        message = f"no rule of HTTPRoute {traffic.http_route} has both Services, {' and '.join(services)}, as backends"
        return Cause(Reason.INVALID, message)
    others = {item.named for rule in rules for item in rule.backends if item.service not in services}
    if others:
        message = (
            f"a rule of HTTPRoute {traffic.http_route} has other backends beside the two: "
            f"{', '.join(sorted(others))}"
        )
        return Cause(Reason.INVALID, message)
    return None


def _is_so(route: Route, weights: Weights) -> bool:
    services = [service for service, _ in weights]
    return all(
        rule.weight_of(service) == weight
        for rule in route.rules
        if rule.names(services)
        for service, weight in weights
    )


def _shown(route: Route, traffic: Traffic) -> str:
    """Return the weights of the route as they stand, of its first rule that has both Services."""
    services = (traffic.own.service, traffic.challenger.service)
    rule = next(rule for rule in route.rules if rule.names(services))
    return "/".join(str(rule.weight_of(service)) for service in services)


def _percent(weights: Mapping[str, int], service: str) -> str:
    """Return a share as a percentage, of which no digit is made up."""
    return f"{100 * weights[service] / sum(weights.values()):.3g} %"


def _words(weights: Weights) -> str:
    return ", ".join(f"{service} {weight}" for service, weight in weights)


def _as_status(weights: Sequence[tuple[str, int]]) -> tuple[BackendWeight, ...]:
    return tuple(BackendWeight(service=service, weight=weight) for service, weight in weights)


def _said(status: TrafficStatus, cause: Cause) -> TrafficStatus:
    return status.changed(reason=str(cause.reason), message=cause.message)
