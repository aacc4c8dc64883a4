"""Where an alias stands: its conditions, and the one word for people that follows from them."""

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
from modelalias.api.conditions import Condition, Reason, Status, condition, find, is_true, merged
from modelalias.core.protocol.context import World

Fault = tuple[Reason, str]


def stand(
    world: World,
    alias: ModelAlias,
    status: ModelAliasStatus,
    stalled: Fault | None,
    pending: Fault | None = None,
) -> ModelAliasStatus:
    """Complete a status with the serving list, the conditions and the phase that follow from the rest of it.

    `pending` is what a pin waits for that will come by itself.
    """
    if status.plan is None:
        status = status.model_copy(update={"serving": _serving(alias, status)})
    told = [
        _reachable(world),
        _in_sync(alias, status, stalled),
        _rolled_out(world, status),
        _held(status),
        _reconciling(status, pending),
        ("Stalled", stalled is not None, *(stalled or (Reason.ACCEPTED, "nothing has to be edited"))),
    ]
    told.append(_ready(status, told))
    if alias.spec.policy.approval.required is not ApprovalRequired.NEVER or world.identity.machines:
        told.append(_proved(world))
    asked = {kind for kind, *_ in told}
    made = [
        condition(kind, state, reason, message, now=world.now, generation=alias.metadata.generation)
        for kind, state, reason, message in told
    ]
    before = (item for item in status.conditions if item.type in asked or item.type != "IdentityProved")
    conditions = merged(before, made)
    return status.model_copy(
        update={
            "observed_generation": alias.metadata.generation,
            "conditions": conditions,
            "phase": _phase(alias, status, conditions),
        }
    )


def failed_before(alias: ModelAlias) -> Fault | None:
    """Return the failure that keeps an alias stalled until its spec changes."""
    found = find(alias.status.conditions, "Stalled")
    stands = found is not None and found.status is Status.TRUE and found.reason == Reason.ROLLOUT_FAILED
    if found is None or not stands or found.observed_generation != alias.metadata.generation:
        return None
    return Reason.ROLLOUT_FAILED, found.message


Told = tuple[str, Status | bool, Reason, str]


def _reachable(world: World) -> Told:
    view = world.registry
    if not view.known:
        return (
            "RegistryReachable",
            Status.UNKNOWN,
            Reason.REGISTRY_UNKNOWN,
            "the operator knows no such registry",
        )
    if view.problem is not None:
        return "RegistryReachable", False, *view.problem
    return "RegistryReachable", True, Reason.REACHABLE, "the registry answers"


def _proved(world: World) -> Told:
    if world.identity.unproved:
        what = (
            "the operator's configuration accepts that"
            if world.identity.accepted
            else "approvals count for nothing"
        )
        return "IdentityProved", False, Reason.UNPROVED, f"{world.identity.unproved}; {what}"
    return "IdentityProved", True, Reason.PROVED, "the API server proves who writes requests and approvals"


def _in_sync(alias: ModelAlias, status: ModelAliasStatus, stalled: Fault | None) -> Told:
    name = f"{alias.spec.model}@{alias.spec.alias}"
    if stalled is not None and stalled[0] is Reason.MODEL_NOT_FOUND:
        return "InSync", False, *stalled
    if status.observed is None and stalled is not None:
        return "InSync", Status.UNKNOWN, *stalled
    if status.observed is None:
        return "InSync", Status.UNKNOWN, Reason.WAITING, "the registry was not read yet"
    holds = status.observed.version
    wanted = status.current.version if status.current else None
    if status.plan is not None:
        return "InSync", Status.UNKNOWN, Reason.PROGRESSING, f"{name} is being moved"
    if holds != wanted:
        told = f"someone moved {name} to {holds or 'nothing'}; this resource answers for version {wanted or 'none'}"
        return "InSync", False, Reason.DRIFTED, told
    if holds is None:
        return "InSync", True, Reason.NO_VERSION, f"{name} names no version yet"
    return "InSync", True, Reason.IN_SYNC, f"{name} is version {holds}"


def _rolled_out(world: World, status: ModelAliasStatus) -> Told:
    if world.trouble is not None:
        return "RolledOut", False, *world.trouble
    states = {item.state for item in status.serving}
    details = "; ".join(item.message for item in status.serving if item.message)
    if status.plan is not None:
        return "RolledOut", False, Reason.ROLLING_OUT, details or "the alias is being moved"
    if ServingState.FAILED in states:
        return "RolledOut", False, Reason.ROLLOUT_FAILED, details
    if ServingState.UNKNOWN in states:
        return (
            "RolledOut",
            Status.UNKNOWN,
            Reason.UNKNOWN_SERVING,
            "not known before the next move",
        )
    version = status.current.version if status.current else "none"
    return (
        "RolledOut",
        True,
        Reason.ROLLED_OUT,
        f"all workloads ({len(status.serving)}) run version {version}",
    )


def _held(status: ModelAliasStatus) -> Told:
    if status.hold is None:
        return "Held", False, Reason.RELEASED, "there is no hold"
    return "Held", True, Reason.HELD, f"since {status.hold.reason}"


def _reconciling(status: ModelAliasStatus, pending: Fault | None) -> Told:
    if status.plan is None and pending is not None:
        return "Reconciling", True, *pending
    if status.plan is None:
        return "Reconciling", False, Reason.IDLE, "there is no plan"
    to = next((item.to for item in reversed(status.plan.aliases)), None)
    word = "to" if status.plan.bearing is Bearing.FORWARD else "back from"
    return "Reconciling", True, Reason.PROGRESSING, f"{status.plan.operation} {word} version {to or 'none'}"


def _ready(status: ModelAliasStatus, told: list[Told]) -> Told:
    wanted = {"RegistryReachable": True, "InSync": True, "Stalled": False, "Reconciling": False}
    stalled = next(item for item in told if item[0] == "Stalled")
    for kind, state, reason, message in (stalled, *told):
        if (kind in wanted and state is not wanted[kind]) or (kind == "RolledOut" and state is False):
            return "Ready", False, reason, message
    if status.current is None:
        return "Ready", False, Reason.NO_VERSION, "nothing was promoted yet"
    return "Ready", True, Reason.SUCCEEDED, f"version {status.current.version}"


def _phase(alias: ModelAlias, status: ModelAliasStatus, conditions: tuple[Condition, ...]) -> AliasPhase:
    rolled, reachable, in_sync = (
        find(conditions, kind) for kind in ("RolledOut", "RegistryReachable", "InSync")
    )
    if is_true(conditions, "Stalled"):
        return AliasPhase.STALLED
    if reachable is not None and reachable.status is Status.FALSE:
        return AliasPhase.UNREACHABLE
    if status.plan is not None:
        if status.plan.bearing is Bearing.BACKWARD:
            return AliasPhase.ROLLING_BACK
        return AliasPhase.ROLLING_OUT if status.plan.rolling_since else AliasPhase.PROMOTING
    if rolled is not None and rolled.status is Status.FALSE:
        return AliasPhase.FAILED
    if in_sync is not None and in_sync.status is Status.FALSE:
        return AliasPhase.DRIFTED
    if alias.spec.suspend:
        return AliasPhase.SUSPENDED
    return AliasPhase.READY if status.current is not None else AliasPhase.PENDING


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
