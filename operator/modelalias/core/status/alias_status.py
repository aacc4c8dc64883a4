"""The status of a ModelAlias: its conditions, and the one word for people that follows from them."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from modelalias.api.alias import (
    AliasPhase,
    ApprovalRequired,
    Bearing,
    ModelAlias,
    ModelAliasStatus,
    Serving,
    ServingState,
    ServingStatus,
)
from modelalias.api.conditions import (
    AliasCondition,
    Cause,
    Condition,
    ConditionType,
    Reason,
    Status,
    find,
    is_true,
    merged,
)
from modelalias.core.judging import retention_tag
from modelalias.core.ledger import cause
from modelalias.core.protocol.context import Context
from modelalias.core.status import drift, ways_out
from modelalias.core.status.monitors import monitors_passing
from modelalias.core.status.new_condition import NewCondition, dated
from modelalias.core.status.traffic import traffic_routed

_OPTIONAL: Final = frozenset(
    {
        AliasCondition.IDENTITY_PROVED,
        AliasCondition.MONITORS_PASSING,
        AliasCondition.READY,
        AliasCondition.TRAFFIC_ROUTED,
        AliasCondition.VERIFIED,
    }
)
"""Conditions that are there only where there is something to say."""

_OF_THE_WORLD: Final = frozenset({Reason.MISSING, Reason.DIVERGED, Reason.CONTENDED, Reason.DEGRADED})
"""Reasons for which workloads do not run the version although their rollout was fine."""


def complete(
    context: Context,
    alias: ModelAlias,
    status: ModelAliasStatus,
    stalled: Cause | None,
    pending: Cause | None = None,
) -> ModelAliasStatus:
    """Complete a status with the serving list, the conditions and the phase that follow from the rest of it.

    `stalled` is what a person has to edit; `pending` is what a pin waits for that will come by itself.
    """
    status = status.with_policy(context.policies.shown)
    status = status.with_not_archived(retention_tag.reader(context, alias))
    if status.plan is None:
        status = status.with_serving(_serving(alias, status))
    new = [
        _reachable(context),
        _in_sync(context, alias, status, stalled),
        _rolled_out(context, alias, status),
        _held(alias, status),
        _reconciling(alias, status, pending),
        _stalled(stalled),
    ]
    if any(item.verify is not None for item in alias.spec.serving):
        new.append(_verified(alias, status))
    if alias.spec.monitors or (status.monitors and context.policies.problem is not None):
        new.append(monitors_passing(status, context.now))
    if status.traffic is not None:
        new.append(traffic_routed(status.traffic))
    ready = _ready(alias, status, new)
    if ready is not None:
        new.append(ready)
    approves = alias.spec.policy.approval.required is not ApprovalRequired.NEVER or context.identity.machines
    if approves or alias.spec.version is not None:
        new.append(_proved(context, approves=bool(approves), pinned=alias.spec.version is not None))
    conditions = _merged(context, alias, status, new)
    phase = _phase(alias, status, conditions)
    return status.described(alias.metadata.generation, conditions, phase)


def with_traffic_told(context: Context, alias: ModelAlias) -> ModelAliasStatus:
    """Return the status in which nothing but what is said of the traffic differs from before."""
    status = alias.status
    if status.traffic is None:
        return status
    new = dated([traffic_routed(status.traffic)], context.now, alias.metadata.generation)
    return status.changed(conditions=merged(status.conditions, new))


def standing_failure(alias: ModelAlias) -> Cause | None:
    """Return the failure that keeps an alias stalled until its spec changes."""
    existing = find(alias.status.conditions, AliasCondition.STALLED)
    if existing is None or existing.status is not Status.TRUE or existing.reason != Reason.ROLLOUT_FAILED:
        return None
    if existing.observed_generation != alias.metadata.generation:
        return None
    return Cause(Reason.ROLLOUT_FAILED, existing.message)


def _merged(
    context: Context, alias: ModelAlias, status: ModelAliasStatus, new: list[NewCondition]
) -> tuple[Condition, ...]:
    """Replace the conditions before; what is not known, or matters to nobody here, is not said."""
    kinds = {str(item.type) for item in new}
    before = (item for item in status.conditions if item.type in kinds or item.type not in _OPTIONAL)
    return merged(before, dated(new, context.now, alias.metadata.generation))


def _reachable(context: Context) -> NewCondition:
    kind, view = AliasCondition.REGISTRY_REACHABLE, context.registry
    if not view.known:
        return NewCondition(
            kind, Status.UNKNOWN, Reason.REGISTRY_UNKNOWN, "the operator's configuration has no such registry"
        )
    if view.problem is not None:
        return NewCondition(kind, False, *view.problem)
    return NewCondition(kind, True, Reason.REACHABLE, "the registry answers")


def _proved(context: Context, *, approves: bool, pinned: bool) -> NewCondition:
    """Return whether the identities that matter here are proved: of those who approve, and of who pinned."""
    kind, identity, wrong = AliasCondition.IDENTITY_PROVED, context.identity, []
    if approves and identity.unproved:
        accepted = identity.accepted
        effect = "the operator's configuration accepts that" if accepted else "approvals count for nothing"
        wrong.append(f"{identity.unproved}; {effect}")
    if pinned and identity.pins_unproved:
        wrong.append(f"{identity.pins_unproved}; nobody is believed to have signed for the pin")
    if wrong:
        return NewCondition(kind, False, Reason.UNPROVED, "; ".join(wrong))
    proved = [*(["writes requests and approvals"] if approves else []), *(["pins"] if pinned else [])]
    return NewCondition(kind, True, Reason.PROVED, f"the API server proves who {' and who '.join(proved)}")


def _in_sync(
    context: Context, alias: ModelAlias, status: ModelAliasStatus, stalled: Cause | None
) -> NewCondition:
    kind, name = AliasCondition.IN_SYNC, f"{alias.spec.model}@{alias.spec.alias}"
    if stalled is not None and stalled.reason is Reason.MODEL_NOT_FOUND:
        return NewCondition(kind, False, *stalled)
    if status.observed is None and stalled is not None:
        return NewCondition(kind, Status.UNKNOWN, *stalled)
    if status.observed is None:
        return NewCondition(kind, Status.UNKNOWN, Reason.WAITING, "the registry has not been read yet")
    version = status.observed.version
    expected = status.current.version if status.current else None
    if status.plan is not None:
        return NewCondition(kind, Status.UNKNOWN, Reason.PROGRESSING, f"{name} is being moved")
    if version != expected:
        alias = alias.with_status(status)
        left, lost = drift.why_left(context, alias), drift.why_lost(context, alias)
        reason = Reason.DRIFTED if left is None else left.reason
        message = "; ".join(
            filter(None, [_drift(alias, version, expected, lost), left.message if left else ""])
        )
        return NewCondition(kind, False, reason, message)
    if context.registry.problem is not None:
        last = (
            f"{name} was version {version} when it was read last" if version else f"{name} named no version"
        )
        return NewCondition(kind, Status.UNKNOWN, context.registry.problem.reason, last)
    if version is None:
        return NewCondition(kind, True, Reason.NO_VERSION, f"{name} names no version yet")
    message = f"{name} is version {version}{_strange_previous(context, alias, status)}"
    return NewCondition(kind, True, Reason.IN_SYNC, message)


def _strange_previous(context: Context, alias: ModelAlias, status: ModelAliasStatus) -> str:
    """Tell where somebody else wrote previousAlias: nothing goes by it, and the next move puts it right."""
    previous, snapshot, former = alias.spec.previous_alias, context.registry.snapshot, status.previous
    if previous is None or former is None or snapshot is None or not snapshot.after_last_write:
        return ""
    named = (snapshot.aliases or {}).get(previous)
    if named == former.version:
        return ""
    return f"; somebody moved {previous} to {named or 'nothing'}: the version before is {former.version}"


def _drift(alias: ModelAlias, version: str | None, expected: str | None, lost: str) -> str:
    """Return what was moved by hand, and the ways out of it that can be gone; `lost` is why there is none back."""
    moved = f"someone moved {alias.spec.model}@{alias.spec.alias} to {version or 'nothing'}"
    parts = [moved, f"this resource answers for version {expected or 'none'}"]
    if alias.spec.version is not None:
        pinned = f"requests are rejected while spec.version pins version {alias.spec.version}"
        parts.append(f"{pinned}, so first: {ways_out.unpin(alias)}")
    if lost:
        parts.append(f"version {expected} {lost}, so that nothing goes back to it")
    elif expected is not None:
        parts.append(f"to move it back: {ways_out.go_back(alias, expected)}")
    if version is not None:
        parts.append(f"to keep version {version}: {ways_out.promote(alias, version)}")
    elif lost:
        parts.append(f"to promote another one: {ways_out.promote(alias, 'N')}")
    return "; ".join(parts)


def _rolled_out(context: Context, alias: ModelAlias, status: ModelAliasStatus) -> NewCondition:
    kind = AliasCondition.ROLLED_OUT
    if context.trouble is not None:
        return NewCondition(kind, False, *context.trouble)
    if status.plan is not None:
        details = "; ".join(item.message for item in status.serving if item.message)
        return NewCondition(kind, False, Reason.ROLLING_OUT, details or "the alias is being moved")
    if status.current is None:
        message = "; ".join(["nothing was promoted yet", *_what_stops_requests(alias)])
        return NewCondition(kind, Status.UNKNOWN, Reason.NO_VERSION, message)
    if not status.serving:
        return NewCondition(kind, True, Reason.ROLLED_OUT, "spec.serving lists no workload")
    details = "; ".join(item.message for item in status.serving if item.state in _NOT_ROLLED_OUT)
    states = {item.state: item for item in reversed(status.serving)}
    for state, said in _NOT_ROLLED_OUT.items():
        if state in states:
            diverged = state is ServingState.DIVERGED
            rolled = status.history[-1:] and not status.history[-1].is_first_sight
            lost = diverged and states[state].asked is None and rolled
            reason = Reason.CONTENDED if lost else said.reason
            if diverged and alias.spec.version is None:
                details += f"; to bring it back: {ways_out.promote(alias, status.current.version)}"
            return NewCondition(kind, said.status, reason, details or "not known before the next move")
    version = status.current.version
    return NewCondition(
        kind, True, Reason.ROLLED_OUT, f"all workloads ({len(status.serving)}) run version {version}"
    )


class _Said(NamedTuple):
    """What the condition RolledOut says of a workload in some state."""

    status: Status
    reason: Reason


_NOT_ROLLED_OUT: Mapping[ServingState, _Said] = {
    ServingState.MISSING: _Said(Status.FALSE, Reason.MISSING),
    ServingState.DIVERGED: _Said(Status.FALSE, Reason.DIVERGED),
    ServingState.FAILED: _Said(Status.FALSE, Reason.ROLLOUT_FAILED),
    ServingState.DEGRADED: _Said(Status.FALSE, Reason.DEGRADED),
    ServingState.NO_REPLICAS: _Said(Status.UNKNOWN, Reason.NO_REPLICAS),
    ServingState.UNKNOWN: _Said(Status.UNKNOWN, Reason.UNKNOWN_SERVING),
}
"""The states that keep workloads from running the version, the worst first."""


def _verified(alias: ModelAlias, status: ModelAliasStatus) -> NewCondition:
    """Return whether the pods that can be asked proved the version when they were asked last."""
    kind = AliasCondition.VERIFIED
    can = {(item.kind, item.name) for item in alias.spec.serving if item.verify is not None}
    asked = [item for item in status.serving if (item.kind, item.name) in can]
    wrong = [item for item in asked if item.verified is False]
    if status.plan is None and wrong:
        return NewCondition(kind, False, Reason.NOT_VERIFIED, "; ".join(item.message for item in wrong))
    if status.plan is None and asked and all(item.verified for item in asked):
        version = status.current.version if status.current else "none"
        return NewCondition(kind, True, Reason.VERIFIED, f"every ready pod says version {version}")
    details = "; ".join(item.message for item in asked if item.message)
    return NewCondition(kind, Status.UNKNOWN, Reason.NOT_VERIFIED, details or "no pod was asked yet")


def _held(alias: ModelAlias, status: ModelAliasStatus) -> NewCondition:
    kind, hold = AliasCondition.HELD, status.hold
    if hold is None:
        return NewCondition(kind, False, Reason.RELEASED, "there is no hold")
    gone = [item for item in status.rolled_back if item.at == hold.since]
    told = [f"version {item.version} {cause.how_left(status, item)}" for item in gone]
    why = " and ".join(told) or "a move failed"
    since = f"{hold.since:%Y-%m-%d %H:%M} UTC"
    way_out = "the next promotion or pin releases it"
    if alias.spec.version is None:
        way_out += f": {ways_out.promote(alias, 'N')}"
    way_out += f", or {ways_out.release(alias)}"
    return NewCondition(kind, True, Reason.HELD, f"held since {since}: {why}; {way_out}")


def _reconciling(alias: ModelAlias, status: ModelAliasStatus, pending: Cause | None) -> NewCondition:
    kind, plan = AliasCondition.RECONCILING, status.plan
    if plan is None and pending is not None:
        return NewCondition(kind, True, *pending)
    if plan is None:
        return NewCondition(kind, False, Reason.IDLE, "there is no plan")
    to = next((item.to for item in reversed(plan.aliases)), None)
    way = "to" if plan.bearing is Bearing.FORWARD else "back from"
    message = f"{plan.operation} {way} version {to or 'none'}"
    if alias.spec.suspend:
        message += f"; suspended; to go on: {ways_out.resume(alias)}"
    return NewCondition(kind, True, Reason.PROGRESSING, message)


def _stalled(stalled: Cause | None) -> NewCondition:
    if stalled is None:
        return NewCondition(AliasCondition.STALLED, False, Reason.ACCEPTED, "nothing has to be edited")
    return NewCondition(AliasCondition.STALLED, True, *stalled)


_READY_NEEDS: Mapping[ConditionType, bool] = {
    AliasCondition.STALLED: False,
    AliasCondition.REGISTRY_REACHABLE: True,
    AliasCondition.IN_SYNC: True,
    AliasCondition.RECONCILING: False,
}


_READY_UNLESS: Final = frozenset({AliasCondition.ROLLED_OUT, AliasCondition.VERIFIED})
"""What must not be False; where it is not known nothing is said of Ready, or the others tell."""


_OF_MONITORS: Final = frozenset({Reason.BREACHED, Reason.MASS_BREACH})
"""What people have to see beside a version that all workloads run."""


def _ready(alias: ModelAlias, status: ModelAliasStatus, new: list[NewCondition]) -> NewCondition | None:
    """Sum the others up; what a person has to edit is said first.

    None where there is nothing to say: nothing was promoted yet, or what the workloads run is not known.
    """
    rolled_out = next(item for item in new if item.type is AliasCondition.ROLLED_OUT)
    for item in sorted(new, key=lambda item: item.type is not AliasCondition.STALLED):
        needed = _READY_NEEDS.get(item.type)
        failed = item.type in _READY_UNLESS and item.status in {False, Status.FALSE}
        if failed or (needed is not None and item.status is not needed):
            return NewCondition(
                AliasCondition.READY, False, item.reason, f"{item.message}{_by_now(item, rolled_out)}"
            )
    if status.current is None or rolled_out.status is Status.UNKNOWN:
        return None
    breached = (
        f"monitors: {item.message}"
        for item in new
        if item.type is AliasCondition.MONITORS_PASSING and item.reason in _OF_MONITORS
    )
    message = "; ".join([f"version {status.current.version}", *breached, *_what_stops_requests(alias)])
    return NewCondition(AliasCondition.READY, True, Reason.SUCCEEDED, message)


def _by_now(item: NewCondition, rolled_out: NewCondition) -> str:
    """Return what became of the workloads of a rollout that failed, where they were repaired since."""
    is_repaired = item.reason is Reason.ROLLOUT_FAILED and rolled_out.status in {True, Status.TRUE}
    return f"; by now {rolled_out.message}" if item.type is AliasCondition.STALLED and is_repaired else ""


def _what_stops_requests(alias: ModelAlias) -> Iterator[str]:
    """Return why no request moves an alias that is as it should be, and the way out."""
    if alias.spec.version is not None:
        yield f"spec.version pins it; to let requests decide: {ways_out.unpin(alias)}"
    if alias.spec.suspend:
        yield f"suspended; to go on: {ways_out.resume(alias)}"


def _phase(alias: ModelAlias, status: ModelAliasStatus, conditions: tuple[Condition, ...]) -> AliasPhase:
    if is_true(conditions, AliasCondition.STALLED):
        return AliasPhase.STALLED
    if _is_false(conditions, AliasCondition.REGISTRY_REACHABLE):
        return AliasPhase.UNREACHABLE
    if status.plan is not None:
        if status.plan.bearing is Bearing.BACKWARD:
            return AliasPhase.ROLLING_BACK
        return AliasPhase.ROLLING_OUT if status.plan.rolling_since else AliasPhase.PROMOTING
    rolled_out = find(conditions, AliasCondition.ROLLED_OUT)
    if rolled_out is not None and rolled_out.status is Status.FALSE:
        return AliasPhase.DEGRADED if rolled_out.reason in _OF_THE_WORLD else AliasPhase.FAILED
    if _is_false(conditions, AliasCondition.IN_SYNC):
        return AliasPhase.DRIFTED
    if alias.spec.suspend:
        return AliasPhase.SUSPENDED
    if status.current is None:
        return AliasPhase.PENDING
    is_known = rolled_out is None or rolled_out.status is not Status.UNKNOWN
    return AliasPhase.READY if is_known else AliasPhase.UNKNOWN


def _is_false(conditions: tuple[Condition, ...], kind: AliasCondition) -> bool:
    existing = find(conditions, kind)
    return existing is not None and existing.status is Status.FALSE


def _serving(alias: ModelAlias, status: ModelAliasStatus) -> tuple[ServingStatus, ...]:
    """Keep what is known of the workloads in spec; a new one is unknown until the next move."""
    known = {(item.kind, item.name): item for item in status.serving}
    desired = status.current.version if status.current else None

    def entry(serving: Serving) -> ServingStatus:
        fresh = ServingStatus(
            kind=serving.kind, name=serving.name, desired=desired, state=ServingState.UNKNOWN
        )
        return known.get((serving.kind, serving.name), fresh)

    return tuple(entry(item) for item in alias.spec.serving)
