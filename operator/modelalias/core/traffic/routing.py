"""The split of an HTTPRoute: what it should be, what it is, and what has to be written.

The weights are compared with what they should be at each look, so that a restart changes nothing. They are
written only where that sends nobody to a Service without a ready pod.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from modelalias.api.alias import BackendWeight, ModelAlias, Traffic, TrafficStatus
from modelalias.api.conditions import Cause, Reason
from modelalias.core.errors import InvalidRequest, Unavailable
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft
from modelalias.core.protocol.effects import SetWeights
from modelalias.core.protocol.facts import Failed
from modelalias.core.status import ways_out
from modelalias.core.traffic import words
from modelalias.core.traffic.fitness import why_unfit
from modelalias.core.traffic.split import Share, Weights, kept, own_alone, share
from modelalias.ports import Route, RouteRef

POLL: Final = timedelta(seconds=15)
"""How often the route and the pods behind it are looked at: no watch tells of them."""

QUIET_POLL: Final = timedelta(seconds=60)
"""How often, while the challenger may get nothing whatever its pods do. What it may get wakes this alias."""

MOST_REWRITES: Final = 3
"""How often weights that somebody changed are set again within `REWRITE_WINDOW`: a writer that insists is not fought."""

REWRITE_WINDOW: Final = timedelta(hours=1)

_NOT_WRITTEN: Final = frozenset({Reason.INVALID, Reason.FORBIDDEN, Reason.PROGRESSING})
"""What is said of weights that could not be written stays until they are."""


def split(context: Context, alias: ModelAlias, draft: Draft) -> ModelAlias:
    """Return the alias with how its requests are split; a write that it takes is left in the draft.

    Raises `Needed` for what has to be read.
    """
    traffic, before = alias.spec.traffic, alias.status.traffic
    if traffic is None:
        return alias.with_status(alias.status.with_traffic(None)) if before is not None else alias
    status = _of_now(traffic, before)
    try:
        after = _looked(context, alias, traffic, status, draft)
    except Failed as failed:
        draft.wake(context.now + POLL)
        message = f"HTTPRoute {traffic.http_route} or what stands behind it cannot be read: {failed}"
        after = status.changed(unread=message)
    return alias.with_status(alias.status.with_traffic(after))


def unlooked(alias: ModelAlias, why: Cause) -> ModelAlias:
    """Return the alias with the word that nobody looks at its route."""
    before = alias.status.traffic
    if before is None:
        return alias
    message = f"HTTPRoute {before.http_route} is not looked at: {why.message}"
    return alias.with_status(alias.status.with_traffic(before.changed(unread=message)))


def _of_now(traffic: Traffic, before: TrafficStatus | None) -> TrafficStatus:
    """Return what is known of this very split; of another route, or other Services, nothing is."""
    fresh = TrafficStatus(http_route=traffic.http_route, reason=str(Reason.WAITING))
    if before is None or before.http_route != traffic.http_route:
        return fresh
    services = {item.service for item in before.weights}
    return before if services in (set(), {item.service for item in traffic.backends}) else fresh


class _Wanted(NamedTuple):
    """What the challenger gets, or why it gets nothing."""

    given: Share | None
    unfit: str = ""
    woken: bool = False
    """Whether this alias is woken when it may get something."""


def _looked(
    context: Context, alias: ModelAlias, traffic: Traffic, before: TrafficStatus, draft: Draft
) -> TrafficStatus:
    status = before.changed(unread="")
    route = context.facts.route(RouteRef(namespace=context.namespace, name=traffic.http_route))
    wrong = _why_not_splittable(context, route, traffic)
    if route is None or wrong is not None:
        draft.wake(context.now + POLL)
        after = _said(status, wrong or _missing(traffic)).changed(split=None, version=None, step=None)
        return _dated(context, status, after)
    carried = words.shown(route, traffic)
    if alias.spec.suspend:
        draft.wake(context.now + QUIET_POLL)
        message = f"not changed while it is suspended; to go on: {ways_out.resume(alias)}"
        after = _said(status, Cause(Reason.SUSPENDED, message)).changed(split=carried)
        same = after if carried == status.split else after.changed(version=None, step=None)
        return _dated(context, status, same)
    wanted = _wanted(context, alias, traffic, status)
    weights = own_alone(traffic) if wanted.given is None else wanted.given.weights
    draft.wake(context.now + (QUIET_POLL if wanted.woken and _is_so(route, weights) else POLL))
    if not _is_so(route, weights):
        return _dated(context, status, _written(context, status, route, traffic, weights, draft))
    given = wanted.given
    after = _said(status, words.standing(route, traffic, given, wanted.unfit)).changed(
        weights=_as_status(weights),
        split=carried,
        version=None if given is None else given.version,
        step=None if given is None else given.step,
    )
    draft.wake(None if given is None or given.note else given.until)
    return _dated(context, status, after)


def _wanted(context: Context, alias: ModelAlias, traffic: Traffic, before: TrafficStatus) -> _Wanted:
    """Return what the challenger gets.

    While this alias is being moved, or its pods do not run yet what it was moved to, the share of a version
    stays, and none begins.
    """
    challenger, own = context.challenger, alias.status
    unfit = why_unfit(alias, challenger, traffic.challenger.alias or "")
    if unfit or challenger is None or challenger.status.current is None:
        return _Wanted(None, unfit, woken=own.plan is None)
    version = challenger.status.current.version
    if not context.facts.ready_pods(context.namespace, traffic.challenger.service):
        return _Wanted(None, f"Service {traffic.challenger.service} has no ready pod")
    promoted = own.current is not None and own.current.version == version
    if own.plan is None and not promoted:
        return _Wanted(share(traffic, before, challenger, context.now))
    if before.version == version:
        return _Wanted(kept(traffic, before, version))
    why = f"is version {version} too, and its pods are not known to run it" if promoted else "is being moved"
    return _Wanted(None, f"{alias.spec.alias} {why}")


def _written(
    context: Context, status: TrafficStatus, route: Route, traffic: Traffic, weights: Weights, draft: Draft
) -> TrafficStatus:
    """Have the weights written, unless that sends requests to nobody or somebody insists on others."""
    carried = words.shown(route, traffic)
    seen = status.changed(split=carried)
    for service, weight in weights:
        if weight and not context.facts.ready_pods(context.namespace, service):
            message = f"the weights stay as they are: Service {service} has no ready pod"
            return _said(seen, Cause(Reason.NO_READY_POD, message))
    effect = SetWeights(ref=route.ref, weights=weights)
    refusal = context.facts.failure(effect)
    if refusal is not None:
        return _said(seen, Cause(_why_refused(refusal), f"the weights cannot be written: {refusal}"))
    wanted_before = status.weights == _as_status(weights)
    if wanted_before and _is_contended(context, status):
        until = status.rewritten[0] + REWRITE_WINDOW
        message = (
            f"somebody changes the weights of HTTPRoute {route.ref.name} again and again: they were set "
            f"{MOST_REWRITES} times within an hour, and are set again after {until:%H:%M} UTC"
        )
        return _said(seen.changed(split=None), Cause(Reason.CONTENDED, message))
    draft.do(effect)
    undone = wanted_before and status.split == words.as_shown(weights, traffic)
    rewritten = (*status.rewritten, context.now) if undone else status.rewritten
    after = seen.changed(weights=_as_status(weights), rewritten=rewritten)
    if wanted_before and status.reason in _NOT_WRITTEN:
        return after
    text = ", ".join(f"{service} {weight}" for service, weight in weights)
    return _said(after, Cause(Reason.PROGRESSING, f"HTTPRoute {route.ref.name} gets the weights {text}"))


def _why_refused(refusal: Exception) -> Reason:
    if isinstance(refusal, Unavailable):
        return Reason.PROGRESSING
    return Reason.INVALID if isinstance(refusal, InvalidRequest) else Reason.FORBIDDEN


def _is_contended(context: Context, status: TrafficStatus) -> bool:
    rewritten = status.rewritten
    return len(rewritten) >= MOST_REWRITES and rewritten[0] > context.now - REWRITE_WINDOW


def _why_not_splittable(context: Context, route: Route | None, traffic: Traffic) -> Cause | None:
    """Return what a person has to edit before the requests of the route can be split."""
    name = f"HTTPRoute {traffic.http_route}"
    if context.older_splitter is not None:
        message = f"ModelAlias {context.older_splitter}, which is older, splits requests of {name} for the same Services"
        return Cause(Reason.CONFLICT, message)
    if route is None:
        return _missing(traffic)
    services = [item.service for item in traffic.backends]
    rules = [rule for rule in route.rules if rule.names(services)]
    if not rules:
        message = f"no rule of {name} has both Services, {' and '.join(services)}, as backends"
        return Cause(Reason.INVALID, message)
    repeated = sorted({item for rule in rules for item in rule.repeated(services)})
    if repeated:
        message = f"a rule of {name} has Service {' and '.join(repeated)} more than once"
        return Cause(Reason.INVALID, f"{message}: which share is which cannot be told")
    others = {item.named for rule in rules for item in rule.backends if item.service not in services}
    if others:
        message = f"a rule of {name} has other backends beside the two: {', '.join(sorted(others))}"
        return Cause(Reason.INVALID, message)
    return None


def _missing(traffic: Traffic) -> Cause:
    return Cause(Reason.ROUTE_MISSING, f"there is no HTTPRoute {traffic.http_route} in this namespace")


def _is_so(route: Route, weights: Weights) -> bool:
    services = [service for service, _ in weights]
    return all(
        rule.weight_of(service) == weight
        for rule in route.rules
        if rule.names(services)
        for service, weight in weights
    )


def _as_status(weights: Sequence[tuple[str, int]]) -> tuple[BackendWeight, ...]:
    return tuple(BackendWeight(service=service, weight=weight) for service, weight in weights)


def _said(status: TrafficStatus, cause: Cause) -> TrafficStatus:
    return status.changed(reason=str(cause.reason), message=cause.message)


def _dated(context: Context, before: TrafficStatus, after: TrafficStatus) -> TrafficStatus:
    """Keep since when it stands so."""
    same = (before.reason, before.version, before.step) == (after.reason, after.version, after.step)
    return after if same and before.since is not None else after.changed(since=context.now)
