"""How a phase looks: a tone and an icon beside its word, so that no colour stands alone."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from modelalias.api.alias_status import AliasPhase
from modelalias.api.conditions import Reason, RequestCondition, find
from modelalias.api.request import PromotionRequest
from modelalias.api.request_status import GateResult, Phase
from modelalias.web.view import View


class Tone(StrEnum):
    """What a phase means for the reader; the style sheet has a colour for each."""

    GOOD = "good"
    BUSY = "busy"
    ASKS = "asks"
    """a person is waited for"""
    BAD = "bad"
    QUIET = "quiet"


class Badge(View):
    """A word with its tone and the name of its icon in templates/icons.html."""

    word: str
    tone: Tone
    icon: str


_ICONS: Final = {
    Tone.GOOD: "check",
    Tone.BUSY: "turning",
    Tone.ASKS: "person",
    Tone.BAD: "cross",
    Tone.QUIET: "dot",
}
_ALIASES: Final[Mapping[str, Tone]] = {
    AliasPhase.READY: Tone.GOOD,
    AliasPhase.PROMOTING: Tone.BUSY,
    AliasPhase.ROLLING_OUT: Tone.BUSY,
    AliasPhase.ROLLING_BACK: Tone.BUSY,
    AliasPhase.DRIFTED: Tone.ASKS,
    AliasPhase.STALLED: Tone.BAD,
    AliasPhase.FAILED: Tone.BAD,
    AliasPhase.DEGRADED: Tone.BAD,
    AliasPhase.UNREACHABLE: Tone.BAD,
}
_REQUESTS: Final[Mapping[str, Tone]] = {
    Phase.SUCCEEDED: Tone.GOOD,
    Phase.EVALUATING: Tone.BUSY,
    Phase.PROMOTING: Tone.BUSY,
    Phase.ROLLING_OUT: Tone.BUSY,
    Phase.VERIFYING: Tone.BUSY,
    Phase.ROLLING_BACK: Tone.BUSY,
    Phase.AWAITING_APPROVAL: Tone.ASKS,
    Phase.REJECTED: Tone.BAD,
    Phase.FAILED: Tone.BAD,
    Phase.ROLLED_BACK: Tone.BAD,
    Phase.ERRORED: Tone.BAD,
}
_SPACED: Final[Mapping[str, str]] = {
    AliasPhase.ROLLING_OUT: "Rolling out",
    AliasPhase.ROLLING_BACK: "Rolling back",
    Phase.AWAITING_APPROVAL: "Awaiting approval",
    Phase.ROLLED_BACK: "Rolled back",
}
NOT_LOOKED_AT: Final = "Not looked at"


def of_alias(phase: AliasPhase | None) -> Badge:
    """Return the badge of a ModelAlias."""
    return _badge(phase, _ALIASES)


def of_request(phase: Phase | None) -> Badge:
    """Return the badge of a phase of a request."""
    return _badge(phase, _REQUESTS)


def of(request: PromotionRequest) -> Badge:
    """Return the badge of a request; a dry run that has ended has moved nothing, so it says what would be."""
    if request.spec.dry_run and _is_verdict(request):
        return _would_be(request)
    return of_request(request.status.phase)


def _is_verdict(request: PromotionRequest) -> bool:
    """Return whether it ended judged."""
    found = find(request.status.conditions, RequestCondition.COMPLETE)
    has_ended = request.status.phase in {Phase.SUCCEEDED, Phase.REJECTED}
    return has_ended and (found is None or found.reason != Reason.TOO_MANY_REQUESTS)


def is_no_op(request: PromotionRequest) -> bool:
    """Return whether it has found that there is nothing to do."""
    found = find(request.status.conditions, RequestCondition.COMPLETE)
    return request.status.phase is Phase.SUCCEEDED and found is not None and found.reason == Reason.NO_OP


def _would_be(request: PromotionRequest) -> Badge:
    results = {item.result for item in request.status.gates if item.enforcement == "Block"}
    if request.status.phase is Phase.REJECTED:
        return badge("Would be refused", Tone.BAD)
    if is_no_op(request):
        return badge("Nothing to do", Tone.QUIET)
    if GateResult.INCONCLUSIVE in results:
        return badge("Would ask people", Tone.ASKS)
    if GateResult.SKIPPED in results and not request.spec.skip_gates:
        return badge("Passes so far", Tone.BUSY)  # a dry run starts no evaluation
    return badge("Would pass", Tone.GOOD)


def badge(word: str, tone: Tone) -> Badge:
    """Return a badge with a word of one's own."""
    return Badge(word=word, tone=tone, icon=_ICONS[tone])


def _badge(phase: str | None, tones: Mapping[str, Tone]) -> Badge:
    if phase is None:
        return badge(NOT_LOOKED_AT, Tone.QUIET)
    return badge(_SPACED.get(phase, str(phase)), tones.get(phase, Tone.QUIET))
