"""Since when a ModelAlias is in its phase, as far as its status tells.

The status keeps no time of the phase itself: what the phase follows from has one, or has none.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from modelalias.api.alias import AliasPhase, ModelAliasStatus, ServingState
from modelalias.api.conditions import AliasCondition, ConditionType, Reason, Status, find

_FOLLOWS_FROM: Final[Mapping[AliasPhase, tuple[ConditionType, Status]]] = {
    AliasPhase.READY: (AliasCondition.READY, Status.TRUE),
    AliasPhase.STALLED: (AliasCondition.STALLED, Status.TRUE),
    AliasPhase.UNREACHABLE: (AliasCondition.REGISTRY_REACHABLE, Status.FALSE),
    AliasPhase.DRIFTED: (AliasCondition.IN_SYNC, Status.FALSE),
    AliasPhase.UNKNOWN: (AliasCondition.ROLLED_OUT, Status.UNKNOWN),
}
_DEGRADED: Final = frozenset({ServingState.MISSING, ServingState.DIVERGED, ServingState.DEGRADED})
_OF_WORKLOADS: Final[Mapping[str, frozenset[ServingState]]] = {
    Reason.MISSING: _DEGRADED,
    Reason.DIVERGED: _DEGRADED,
    Reason.CONTENDED: _DEGRADED,
    Reason.DEGRADED: _DEGRADED,
    Reason.ROLLOUT_FAILED: frozenset({ServingState.FAILED}),
}
"""The states of workloads that make the phase which a reason of RolledOut belongs to; of several workloads the condition tells
the worst alone. It is False in a rollout too, so its own time is not that of the failure."""


def phase_since(status: ModelAliasStatus) -> datetime | None:
    """Return since when it is in its phase; None where nothing in the status tells.

    Nothing does for Suspended and Pending. A suspension does not interrupt Ready.
    """
    plan = status.plan
    match status.phase:
        case None:
            return None
        case AliasPhase.PROMOTING:
            return plan.started_at if plan else None
        case AliasPhase.ROLLING_OUT:
            return plan.rolling_since if plan else None
        case AliasPhase.ROLLING_BACK:
            return plan.turned_at if plan else None
        case AliasPhase.FAILED | AliasPhase.DEGRADED:
            return _of_workloads(status)
        case phase:
            return _of_condition(status, phase)


def _of_condition(status: ModelAliasStatus, phase: AliasPhase) -> datetime | None:
    if phase not in _FOLLOWS_FROM:
        return None
    kind, wanted = _FOLLOWS_FROM[phase]
    found = find(status.conditions, kind)
    return found.last_transition_time if found is not None and found.status is wanted else None


def _of_workloads(status: ModelAliasStatus) -> datetime | None:
    rolled_out = find(status.conditions, AliasCondition.ROLLED_OUT)
    states = frozenset() if rolled_out is None else _OF_WORKLOADS.get(rolled_out.reason, frozenset())
    return min((item.since for item in status.serving if item.state in states and item.since), default=None)
