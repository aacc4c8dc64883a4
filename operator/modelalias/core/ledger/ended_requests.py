"""The part `done` of a record: the requests that ended on a version, so that none is carried out twice.

Each is named by the first digits of its hash, with how it ended, the start of its UID and the start of the id
of the cluster that it ended in. All functions here take such a mapping and return a new one.
"""

from collections.abc import Mapping
from typing import Final

from modelalias.api.alias import Bearing, ModelAliasStatus, Plan
from modelalias.api.conditions import Reason
from modelalias.api.fields import Value
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.ledger import history

_MOST_REQUESTS: Final = 50
_LONGEST: Final = 30
"""Characters of a name or of an end, beyond which neither is ours."""
_UNMOVED: Final = frozenset({Phase.REJECTED, Phase.EXPIRED, Phase.ABORTED, Phase.SUPERSEDED})
_DIGEST: Final = slice(7, 27)
"""Hexadecimal digits of a spec hash, enough to tell requests apart."""
_UID: Final = 8
_CLUSTER: Final = 8
_NOTHING_TO_DO: Final = "-"
"""What stands behind a success for which nothing had to be moved."""
_ENDED_WITH_PLAN: Final = frozenset({Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.FAILED})


class Past(Value):
    """How a request ended before."""

    phase: Phase
    own: bool
    """Whether it was this very object, and not the same one applied again."""
    here: bool
    """Whether it ended in this cluster."""
    had_plan: bool
    """Whether a plan was carried out for it to its end."""


def digest(request: PromotionRequest) -> str:
    """Return how `done` names a request."""
    return request.spec_hash[_DIGEST]


def read_ended(part: object) -> Mapping[str, str]:
    """Return the requests in what stands under `done`, without what we would not have written there."""
    if not isinstance(part, dict):
        return {}
    return {
        name: end for name, end in part.items() if name.isalnum() and len(name) <= _LONGEST and _is_end(end)
    }


def past(ended: Mapping[str, str], request: PromotionRequest, here: str) -> Past | None:
    """Return how the request, or the same one applied before, ended; `here` is this cluster's id."""
    phase, uid, cluster, mark = (*ended.get(digest(request), "").split(" "), "", "", "", "")[:4]
    if phase not in set(Phase):
        return None
    is_here = cluster == here[:_CLUSTER]
    return Past(
        phase=Phase(phase),
        own=is_here and uid == request.metadata.uid[:_UID],
        here=is_here,
        had_plan=phase in _ENDED_WITH_PLAN and mark != _NOTHING_TO_DO,
    )


def with_request(
    ended: Mapping[str, str], spec_hash: str, uid: str, phase: Phase, here: str
) -> Mapping[str, str]:
    """Add a request that ended in this cluster, in its place if it stands there already.

    Beyond the limit, the oldest that moved nothing are dropped first.
    """
    end = f"{phase} {uid[:_UID]} {here[:_CLUSTER]}".strip()
    return _with(ended, spec_hash[_DIGEST], end)


def with_end(
    ended: Mapping[str, str], spec_hash: str, uid: str, phase: Phase, here: str
) -> Mapping[str, str]:
    """Add a request that ended in this cluster without a plan."""
    mark = _NOTHING_TO_DO if phase is Phase.SUCCEEDED else ""
    return _with(ended, spec_hash[_DIGEST], f"{phase} {uid[:_UID]} {here[:_CLUSTER]} {mark}".strip())


def _with(ended: Mapping[str, str], name: str, end: str) -> Mapping[str, str]:
    more = {**ended, name: end}
    surplus = sorted(more, key=lambda name: _weight(more[name]))[: max(0, len(more) - _MOST_REQUESTS)]
    return {name: end for name, end in more.items() if name not in set(surplus)}


def with_plan(ended: Mapping[str, str], plan: Plan, phase: Phase, here: str) -> Mapping[str, str]:
    """Add the request of a plan as it ended."""
    if plan.request is None or plan.spec_hash is None:
        return ended
    return with_request(ended, plan.spec_hash, plan.request.uid, phase, here)


def with_remembered(
    ended: Mapping[str, str], status: ModelAliasStatus, version: str | None, here: str
) -> Mapping[str, str]:
    """Add how the ModelAlias remembers that requests for a version ended."""
    for item in status.finished:
        if item.version == version:
            ended = with_request(ended, item.spec_hash, item.uid, item.phase, here)
    for entry in status.history:
        if entry.to == version and entry.spec_hash:
            ended = with_request(ended, entry.spec_hash, entry.uid or "", history.phase_of(entry), here)
    return ended


def phase_of(plan: Plan) -> Phase:
    """Return how the request of a plan ends if the plan comes to its end as it stands."""
    if plan.failure is None:
        return Phase.SUCCEEDED
    if plan.failure == Reason.ABORTED:
        return Phase.ABORTED
    going_back = plan.bearing is Bearing.BACKWARD and plan.failure != Reason.STALE_CHAMPION
    return Phase.ROLLED_BACK if going_back else Phase.FAILED


def _is_end(end: object) -> bool:
    return isinstance(end, str) and end.isprintable() and len(end) <= _LONGEST


def _weight(end: str) -> int:
    """Rank how an end of a request would be missed: one that succeeded would move the alias once more."""
    phase = end.partition(" ")[0]
    return 0 if phase in _UNMOVED else 2 if phase == Phase.SUCCEEDED else 1
