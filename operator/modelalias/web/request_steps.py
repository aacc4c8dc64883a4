"""Where a request is on its way: a step for each condition, in the order in which a request meets them. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from modelalias.api.conditions import Condition, Reason, RequestCondition, Status, find, is_true
from modelalias.api.request_status import Phase, PromotionRequestStatus
from modelalias.web.view import View

C = RequestCondition


class StepState(StrEnum):
    """How far a step has come; the style sheet has a look for each."""

    DONE = "done"
    NOW = "now"
    ASKS = "asks"
    """a person is waited for"""
    UNCLEAR = "unclear"
    """it could not be judged"""
    FAILED = "failed"
    UNDONE = "undone"
    AHEAD = "ahead"
    NOT_NEEDED = "not-needed"
    NOT_REACHED = "not-reached"


class Step(View):
    """One step, with a word and an icon for its state, so that no colour stands alone."""

    name: str
    state: StepState
    word: str
    icon: str
    message: str = ""
    since: datetime | None = None


class _Look(NamedTuple):
    word: str
    icon: str


LOOKS: Final[Mapping[StepState, _Look]] = {
    StepState.DONE: _Look("done", "check"),
    StepState.NOW: _Look("now", "turning"),
    StepState.ASKS: _Look("waits for people", "person"),
    StepState.UNCLEAR: _Look("could not be judged", "person"),
    StepState.FAILED: _Look("failed", "cross"),
    StepState.UNDONE: _Look("undone", "back"),
    StepState.AHEAD: _Look("to come", "dot"),
    StepState.NOT_NEEDED: _Look("not needed", "dot"),
    StepState.NOT_REACHED: _Look("not reached", "dot"),
}
NAMES: Final[Mapping[RequestCondition, str]] = {
    C.RESOLVED: "Resolved",
    C.ELIGIBLE: "Eligible",
    C.GATES_PASSED: "Gates",
    C.APPROVED: "Approved",
    C.ALIAS_UPDATED: "Alias",
    C.ROLLED_OUT: "Rollout",
    C.VERIFIED: "Verified",
    C.COMPLETE: "Complete",
}
_WAY: Final = tuple(NAMES)
_UNDER_WAY: Final[Mapping[Phase, frozenset[RequestCondition]]] = {
    Phase.EVALUATING: frozenset({C.GATES_PASSED}),
    Phase.AWAITING_APPROVAL: frozenset({C.APPROVED}),
    Phase.PROMOTING: frozenset({C.ALIAS_UPDATED}),
    # which of both comes first depends on the workloads, and no condition says it before the end
    Phase.ROLLING_OUT: frozenset({C.ALIAS_UPDATED, C.ROLLED_OUT}),
    Phase.VERIFYING: frozenset({C.VERIFIED}),
    Phase.ROLLING_BACK: frozenset({C.ALIAS_UPDATED, C.ROLLED_OUT}),
}
_NOT_MET: Final = frozenset({StepState.AHEAD, StepState.NOT_REACHED})
_ACTS: Final = frozenset({StepState.NOW, StepState.ASKS, StepState.FAILED, StepState.UNDONE})
_NOT_APPROVED: Final = frozenset({Reason.DECLINED, Reason.EXPIRED})
"""Ends to which people brought it; any other came while they were waited for."""
_NOT_JUDGED: Final = frozenset({Reason.SKIPPED, Reason.NOT_ELIGIBLE})


def steps(status: PromotionRequestStatus) -> Sequence[Step]:
    """Return the way of a request, step by step."""
    known = {kind: find(status.conditions, kind) for kind in _WAY}
    states = [_state(kind, known[kind], status) for kind in _WAY]
    return [
        _step(kind, state, known[kind]) for kind, state in zip(_WAY, _with_next(states, status), strict=True)
    ]


def _state(kind: RequestCondition, found: Condition | None, status: PromotionRequestStatus) -> StepState:
    if kind is C.COMPLETE:
        return _end(status)
    ended = is_true(status.conditions, C.COMPLETE)
    if not ended and status.phase is not None and kind in _UNDER_WAY.get(status.phase, frozenset()):
        return _under_way(kind, status.phase)
    if found is None:
        return _without_condition(status, ended=ended)
    if found.status is Status.TRUE:
        return StepState.DONE
    if found.status is Status.UNKNOWN:
        return StepState.NOT_NEEDED if found.reason in _NOT_JUDGED else StepState.UNCLEAR
    if found.reason == Reason.INCONCLUSIVE:
        return StepState.UNCLEAR
    if kind in {C.ALIAS_UPDATED, C.ROLLED_OUT} and is_true(status.conditions, C.ROLLED_BACK):
        return StepState.UNDONE
    if kind is C.APPROVED:
        return _not_approved(found.reason, ended=ended)
    return StepState.FAILED


def _not_approved(reason: str, *, ended: bool) -> StepState:
    if ended:
        return StepState.FAILED if reason in _NOT_APPROVED else StepState.NOT_REACHED
    return StepState.ASKS if reason == Reason.AWAITING_APPROVAL else StepState.FAILED


def _end(status: PromotionRequestStatus) -> StepState:
    if not is_true(status.conditions, C.COMPLETE):
        return StepState.AHEAD
    return StepState.DONE if is_true(status.conditions, C.SUCCEEDED) else StepState.FAILED


def _under_way(kind: RequestCondition, phase: Phase) -> StepState:
    if phase is Phase.AWAITING_APPROVAL and kind is C.APPROVED:
        return StepState.ASKS
    return StepState.UNDONE if phase is Phase.ROLLING_BACK else StepState.NOW


def _without_condition(status: PromotionRequestStatus, *, ended: bool) -> StepState:
    if not ended:
        return StepState.AHEAD
    return StepState.NOT_NEEDED if is_true(status.conditions, C.SUCCEEDED) else StepState.NOT_REACHED


def _with_next(states: Sequence[StepState], status: PromotionRequestStatus) -> Sequence[StepState]:
    """Mark what was passed by as not needed, and where nothing is under way, the next step as the present one."""
    *way, end = states
    last = max((number for number, state in enumerate(way) if state not in _NOT_MET), default=-1)
    marked = [
        StepState.NOT_NEEDED if state in _NOT_MET and number < last else state
        for number, state in enumerate(way)
    ]
    is_over = is_true(status.conditions, C.COMPLETE)
    if is_over or _ACTS & set(marked) or status.phase is Phase.QUEUED or StepState.AHEAD not in marked:
        return [*marked, end]
    following = marked.index(StepState.AHEAD)
    return [*marked[:following], StepState.NOW, *marked[following + 1 :], end]


def _step(kind: RequestCondition, state: StepState, found: Condition | None) -> Step:
    look = LOOKS[state]
    return Step(
        name=NAMES[kind],
        state=state,
        word=look.word,
        icon=look.icon,
        message="" if found is None else found.message,
        since=None if found is None or state is StepState.AHEAD else found.last_transition_time,
    )
