"""What a request, or a pin, is told when it is looked at.

It has ended, it waits, it holds its place, or it goes.
"""

from collections.abc import Callable
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

_NOT_FOUND = {
    ModelNotFound: Reason.MODEL_NOT_FOUND,
    VersionNotFound: Reason.VERSION_GONE,
    RunNotFound: Reason.RUN_NOT_FOUND,
}


@dataclass(frozen=True)
class Verdict:
    """What was found about a request so far."""

    resolved: Resolved | None = None
    checks: tuple[Check, ...] = ()
    findings: tuple[Finding, ...] = ()
    evaluation: tuple[Evaluated, ...] = ()
    approvals: ApprovalStatus | None = None


@dataclass(frozen=True)
class Ended:
    """The request is over without a plan."""

    phase: Phase
    reason: Reason
    explanation: str
    verdict: Verdict = field(default_factory=Verdict)


@dataclass(frozen=True)
class Waits:
    """Something has to happen first; the request holds no place in the queue meanwhile."""

    reason: Reason
    explanation: str
    until: datetime | None = None
    verdict: Verdict = field(default_factory=Verdict)


@dataclass(frozen=True)
class Holds:
    """The request is being judged, or people are asked; those that came later wait behind it."""

    phase: Phase
    reason: Reason
    explanation: str
    until: datetime | None = None
    verdict: Verdict = field(default_factory=Verdict)
    effect: Effect | None = None


@dataclass(frozen=True)
class Goes:
    """The request may have what it asks for."""

    plan: Plan
    verdict: Verdict


Answer = Ended | Waits | Holds | Goes


def already(phase: Phase) -> Ended:
    """End a request as the same one, applied before, ended."""
    return Ended(
        phase, Reason.ALREADY_PROCESSED, f"the same request ended {phase} before: nothing was done again"
    )


class Stop(Exception):
    """The answer is known before all was looked at."""

    def __init__(self, answer: Ended | Waits | Holds) -> None:
        """Keep the answer."""
        super().__init__(answer)
        self.answer = answer


def found(read: Callable[[], T]) -> T:
    """Read something that must be there; raise `Stop` with a rejection when it is not."""
    try:
        return read()
    except NotFound as error:
        raise Stop(Ended(Phase.REJECTED, _NOT_FOUND.get(type(error), Reason.INVALID), str(error))) from error
    except InvalidRequest as error:
        raise Stop(Ended(Phase.REJECTED, Reason.INVALID, str(error))) from error


def no_answer(failed: Failed, now: datetime) -> Waits:
    """Wait for what did not answer."""
    return Waits(failed.reason, f"waits: {failed.error}", now + ANSWER_POLL)
