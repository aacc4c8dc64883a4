"""Answers: what becomes of a request, or of a pin, when it is looked at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from modelalias.api.alias import Plan
from modelalias.api.conditions import Reason
from modelalias.api.request_status import ApprovalStatus, Check, Evaluated, Finding, Phase, Resolved
from modelalias.core.errors import InvalidRequest, ModelNotFound, NotFound, RunNotFound, VersionNotFound
from modelalias.core.protocol.effects import Effect
from modelalias.core.protocol.facts import Failed

T = TypeVar("T")

ANSWER_POLL: Final = timedelta(seconds=5)
VERSION_POLL: Final = timedelta(seconds=10)
WORKLOAD_POLL: Final = timedelta(seconds=15)
EVALUATION_POLL: Final = timedelta(seconds=30)
"""How often Jobs are looked at that the watch should tell of."""

KEEPS_TURN: Final = frozenset({Phase.EVALUATING, Phase.AWAITING_APPROVAL})
"""Phases in which a request keeps its turn also while something does not answer."""

_NOT_FOUND = {
    ModelNotFound: Reason.MODEL_NOT_FOUND,
    VersionNotFound: Reason.VERSION_GONE,
    RunNotFound: Reason.RUN_NOT_FOUND,
}


@dataclass(frozen=True)
class VerdictSoFar:
    """What is known of a request's verdict so far; its status says it."""

    resolved: Resolved | None = None
    checks: tuple[Check, ...] = ()
    findings: tuple[Finding, ...] = ()
    evaluation: tuple[Evaluated, ...] = ()
    approvals: ApprovalStatus | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    run_unfinished_since: datetime | None = None
    """Since when the candidate's run is known not to have finished; None once it has."""


@dataclass(frozen=True)
class Ended:
    """The request is over without a plan."""

    phase: Phase
    reason: Reason
    explanation: str
    so_far: VerdictSoFar = field(default_factory=VerdictSoFar)


@dataclass(frozen=True)
class NotReady:
    """Something has to happen first; the request does not block later ones meanwhile."""

    reason: Reason
    explanation: str
    until: datetime | None = None
    so_far: VerdictSoFar = field(default_factory=VerdictSoFar)


@dataclass(frozen=True)
class KeepsTurn:
    """The request is being judged, or people are asked; those that came later wait behind it."""

    phase: Phase
    reason: Reason
    explanation: str
    until: datetime | None = None
    so_far: VerdictSoFar = field(default_factory=VerdictSoFar)
    effect: Effect | None = None


@dataclass(frozen=True)
class Proceeds:
    """The request gets what it asks for: the plan is to be written."""

    plan: Plan
    so_far: VerdictSoFar


Answer = Ended | NotReady | KeepsTurn | Proceeds


class Answered(Exception):
    """The answer is known before all was looked at."""

    def __init__(self, answer: Ended | NotReady | KeepsTurn) -> None:
        """Keep the answer."""
        super().__init__(answer)
        self.answer = answer


def already_processed(phase: Phase) -> Ended:
    """End a request as the same one, applied before, ended."""
    return Ended(
        phase, Reason.ALREADY_PROCESSED, f"the same request ended {phase} before: nothing was done again"
    )


def required(read: Callable[[], T]) -> T:
    """Read something that must be there; raise `Answered` with a rejection when it is not."""
    try:
        return read()
    except NotFound as error:
        reason = _NOT_FOUND.get(type(error), Reason.INVALID)
        raise Answered(Ended(Phase.REJECTED, reason, str(error))) from error
    except InvalidRequest as error:
        raise Answered(Ended(Phase.REJECTED, Reason.INVALID, str(error))) from error


def unanswered(failed: Failed, now: datetime) -> NotReady:
    """Wait for what did not answer."""
    return NotReady(failed.reason, f"waits: {failed.error}", now + ANSWER_POLL)
