"""An approval or a rejection as an item of `spec.approvals`: what is written, and why it would not be valid.

An item cannot be changed later. So what the API server would refuse, or the operator would not count, is
reported before anything is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from modelalias.api import unfit
from modelalias.api.policy import Approval
from modelalias.api.request import ApprovalDecision, ApprovalStatus, GivenApproval, Phase, PromotionRequest
from modelalias.cli import edits
from modelalias.cli.cluster import Who
from modelalias.cli.edits import Edit
from modelalias.cli.request_state import described, has_ended, has_ended_message
from modelalias.core.errors import InvalidRequest
from modelalias.core.judging import approvals

NOUN: Final = {ApprovalDecision.APPROVE: "approval", ApprovalDecision.REJECT: "rejection"}

OWN_REQUEST: Final = "you cannot approve your own request"


class EvidenceChanged(InvalidRequest):
    """The request has other evidence than the person looked at."""


class NotConfirmed(InvalidRequest):
    """Sentences of the checklist are not confirmed."""

    def __init__(self, sentences: Sequence[str]) -> None:
        """Keep which ones."""
        super().__init__(
            f"confirm each sentence of the checklist with --confirm, or all with --confirm-all: {'; '.join(sentences)}"
        )
        self.sentences = tuple(sentences)


_UNDER_WAY: Final = frozenset({Phase.PROMOTING, Phase.ROLLING_OUT, Phase.VERIFYING, Phase.ROLLING_BACK})


@dataclass(frozen=True)
class Choice:
    """What a person decided, and the options that were typed with it."""

    decision: ApprovalDecision
    evidence: str | None = None
    """The evidence that the person looked at; None stands for whatever it is now."""
    group: str | None = None
    confirmed: tuple[str, ...] = ()
    confirms_all: bool = False
    message: str = ""


def edit(request: PromotionRequest, rules: Approval | None, who: Who, choice: Choice) -> Edit | None:
    """Return the edit that adds the approval or the rejection; None if it is there already.

    `rules` are the owner's, where they can be read. Raise `InvalidRequest` if the item would be refused or
    would not be valid.
    """
    evidence = _evidence(request, choice)
    given = request.spec.approvals
    before = next((item for item in given if _key(item) == (who.user, evidence, choice.decision)), None)
    if before is None:
        _must_wait_for_approvals(request)
    entry = before or _entry(request, rules, who, choice, evidence)
    why, noun = _why_not_valid(request, rules, entry, evidence), NOUN[choice.decision]
    if before is not None:
        if why and not has_ended(request):
            raise InvalidRequest(f"your {noun} is there but is not valid, and it cannot be changed: {why}")
        return None
    if why:
        raise InvalidRequest(why if why == OWN_REQUEST else f"your {noun} would not be valid: {why}")
    item = entry.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    same_evidence = {"op": "test", "path": "/status/resolved/evidence", "value": evidence}
    # the first item creates the list
    add = (
        {"path": "/spec/approvals/-", "value": item}
        if given
        else {"path": "/spec/approvals", "value": [item]}
    )
    return edits.of_request(request, same_evidence, {"op": "add", **add})


def _evidence(request: PromotionRequest, choice: Choice) -> str:
    name, resolved = request.metadata.name, request.status.resolved
    evidence = resolved.evidence if resolved else None
    if evidence is None:
        if has_ended(request):
            raise InvalidRequest(has_ended_message(request))
        raise InvalidRequest(f"request {name} has not been judged yet: {described(request)}")
    if choice.evidence not in {None, evidence}:
        raise EvidenceChanged(
            f"the evidence of request {name} has changed to {evidence}: "
            f"look at the verdict again with modelalias status {name}"
        )
    return evidence


def _must_wait_for_approvals(request: PromotionRequest) -> None:
    name, status = request.metadata.name, request.status
    if has_ended(request):
        raise InvalidRequest(has_ended_message(request))
    if status.phase in _UNDER_WAY:
        raise InvalidRequest(
            f"request {name} is being carried out, so it is too late to approve or reject it; "
            f"to stop it: modelalias abort {name} ({described(request)})"
        )
    if status.approvals is None:
        raise InvalidRequest(f"request {name} is not waiting for approvals: {described(request)}")


def _entry(
    request: PromotionRequest, rules: Approval | None, who: Who, choice: Choice, evidence: str
) -> GivenApproval:
    try:
        return GivenApproval(
            user=who.user,
            evidence=evidence,
            decision=choice.decision,
            group=_group(rules or request.status.approvals, who, choice),
            checklist=_confirmed(request, choice),
            message=choice.message,
        )
    except ValidationError as error:
        raise InvalidRequest(f"your {NOUN[choice.decision]} is not valid: {unfit.message(error)}") from error


def _group(rules: Approval | ApprovalStatus | None, who: Who, choice: Choice) -> str | None:
    """Return the group that the item names.

    The one that was typed, else the first of those asked to approve that the person is in.
    """
    if choice.group is not None:
        if choice.group not in who.groups:
            raise InvalidRequest(f"{who.user} is not in group {choice.group}")
        return choice.group
    if rules is None or who.user in rules.users:
        return None
    return next((group for group in rules.groups if group in who.groups), None)


def _confirmed(request: PromotionRequest, choice: Choice) -> tuple[str, ...]:
    """Return the sentences that the item confirms, in the order of the checklist."""
    checklist = request.status.approvals.checklist if request.status.approvals else ()
    if choice.decision is ApprovalDecision.REJECT:
        return ()
    unknown = [item for item in choice.confirmed if item not in checklist]
    if unknown:
        raise InvalidRequest(f"not in the checklist: {'; '.join(unknown)}")
    missing = [] if choice.confirms_all else [item for item in checklist if item not in choice.confirmed]
    if missing:
        raise NotConfirmed(missing)
    return checklist


def _why_not_valid(
    request: PromotionRequest, rules: Approval | None, entry: GivenApproval, evidence: str
) -> str:
    """Return why the operator would not count the item.

    An empty text if it would, or if the rules are not known.
    """
    if rules is None:
        return ""
    spec = request.spec.changed(approvals=(entry,))
    void = approvals.count(rules, spec, evidence).void
    if not void:
        return ""
    if not approvals.count(rules, spec.changed(requested_by=None), evidence).void:
        return OWN_REQUEST
    return "; ".join(item.removeprefix(f"{entry.decision} by {entry.user}: ") for item in void)


def _key(entry: GivenApproval) -> tuple[str, str, ApprovalDecision]:
    return (entry.user, entry.evidence, entry.decision)
