"""Approvals as pages show them: who was asked, who said what, what counts and why the rest does not. Pure."""

from datetime import datetime
from typing import Final

from modelalias.api.conditions import RequestCondition, Status, find
from modelalias.api.fields import duration
from modelalias.api.policy import Approval
from modelalias.api.request import ApprovalDecision, GivenApproval, PromotionRequest
from modelalias.api.request_status import ApprovalStatus, Phase
from modelalias.cli.cluster import Who
from modelalias.cli.request_state import has_ended
from modelalias.core.judging import approvals as rules_of_approvals
from modelalias.web import phases
from modelalias.web.phases import Badge, Tone
from modelalias.web.view import View

ANYBODY: Final = "anyone with the verb approve"
COUNTS: Final = phases.badge("Counts", Tone.GOOD)
REJECTS: Final = phases.badge("Ends the request", Tone.BAD)
VOID: Final = phases.badge("Void", Tone.QUIET)
NOT_COUNTED: Final = phases.badge("Not counted", Tone.QUIET)
NOT_COUNTED_YET: Final = phases.badge("Not counted yet", Tone.BUSY)


class Given(View):
    """What one person said."""

    user: str
    decision: str
    standing: Badge
    why: str = ""
    """Why it does not count."""
    group: str | None = None
    confirmed: tuple[str, ...] = ()
    message: str = ""


class Approvals(View):
    """How many approvals there are, of whom, and what each of them has to confirm."""

    required: int
    valid: int
    asked: tuple[str, ...]
    checklist: tuple[str, ...]
    given: tuple[Given, ...]
    other_voids: tuple[str, ...] = ()
    """Those of which nothing but the reason is known."""
    since: datetime | None = None
    complete: datetime | None = None
    """When there were enough; the time of each is nowhere kept."""
    lapses: datetime | None = None
    """When the request expires at the latest, as far as can be read."""
    is_open: bool = False
    """Whether people are waited for."""


def approvals(request: PromotionRequest, rules: Approval | None) -> Approvals | None:
    """Return what was asked of people and what they said; None where nobody was asked."""
    status = request.status.approvals
    if status is None and not request.spec.approvals:
        return None
    asked = status or ApprovalStatus()
    voids = list(asked.void)
    given = tuple(_given(request, asked, item, voids) for item in request.spec.approvals)
    return Approvals(
        required=asked.required,
        valid=asked.valid,
        asked=who_is_asked(asked),
        checklist=asked.checklist,
        given=given,
        other_voids=tuple(voids),
        since=asked.since,
        complete=_complete(request),
        lapses=None if has_ended(request) else lapses(request, rules),
        is_open=request.status.phase == Phase.AWAITING_APPROVAL,
    )


def _complete(request: PromotionRequest) -> datetime | None:
    found = find(request.status.conditions, RequestCondition.APPROVED)
    return found.last_transition_time if found is not None and found.status is Status.TRUE else None


def who_is_asked(asked: ApprovalStatus) -> tuple[str, ...]:
    """Return users and groups that may approve, in words."""
    named = (*asked.users, *(f"group {name}" for name in asked.groups))
    return named or (ANYBODY,)


def names_nobody(asked: ApprovalStatus) -> bool:
    """Return whether anyone with the verb approve may approve."""
    return not asked.users and not asked.groups


def asks(asked: ApprovalStatus, who: Who) -> bool:
    """Return whether a person is asked by name or by one of their groups."""
    return who.user in asked.users or not set(asked.groups).isdisjoint(who.groups)


def has_decided(request: PromotionRequest, who: Who) -> bool:
    """Return whether a person has approved or rejected the evidence that stands."""
    resolved = request.status.resolved
    present = resolved.evidence if resolved else None
    return any(item.user == who.user and item.evidence == present for item in request.spec.approvals)


def lapses(request: PromotionRequest, rules: Approval | None) -> datetime | None:
    """Return when a request that waits for people expires at the latest; None where that is not known."""
    since = request.status.approvals.since if request.status.approvals else None
    created = request.metadata.creation_timestamp
    ends = [
        *([rules_of_approvals.ends(rules, since)] if rules is not None and since is not None else []),
        *([created + duration(request.spec.expires_after)] if created is not None else []),
    ]
    return min(ends, default=None)


def _given(request: PromotionRequest, asked: ApprovalStatus, given: GivenApproval, voids: list[str]) -> Given:
    standing, why = _standing(request, asked, given, voids)
    return Given(
        user=given.user,
        decision="Approved" if given.decision is ApprovalDecision.APPROVE else "Rejected",
        standing=standing,
        why=why,
        group=given.group,
        confirmed=given.checklist,
        message=given.message,
    )


def _standing(
    request: PromotionRequest, asked: ApprovalStatus, given: GivenApproval, voids: list[str]
) -> tuple[Badge, str]:
    resolved = request.status.resolved
    is_present = resolved is not None and given.evidence == resolved.evidence
    if given.decision is ApprovalDecision.APPROVE and is_present and given.user in asked.by:
        return COUNTS, ""
    said = f"{given.decision} by {given.user}: "
    void = next((text for text in voids if text.startswith(said)), None)
    if void is not None:
        voids.remove(void)
        return VOID, void.removeprefix(said)
    if not has_ended(request):
        return NOT_COUNTED_YET, ""
    return (REJECTS if given.decision is ApprovalDecision.REJECT else NOT_COUNTED), ""
