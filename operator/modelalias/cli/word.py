"""A person's word on a request: what is written, and why it would not count.

What the API server or the operator would refuse or pass over is said before anything is written: a word
cannot be changed.
"""

from dataclasses import dataclass

from pydantic import ValidationError

from modelalias.api import unfit
from modelalias.api.conditions import is_true
from modelalias.api.policy import Approval
from modelalias.api.request import ApprovalStatus, Decision, GivenApproval, Phase, PromotionRequest
from modelalias.cli import edits
from modelalias.cli.cluster import Who
from modelalias.cli.edits import Edit
from modelalias.core.errors import InvalidRequest
from modelalias.core.judging import approvals

_UNDER_WAY = frozenset({Phase.PROMOTING, Phase.ROLLING_OUT, Phase.VERIFYING, Phase.ROLLING_BACK})


@dataclass(frozen=True)
class Asked:
    """What a person wants to say."""

    decision: Decision
    evidence: str | None = None
    """What the person looked at; None is whatever stands."""
    group: str | None = None
    confirmed: tuple[str, ...] = ()
    confirms_all: bool = False
    message: str = ""


def edit(request: PromotionRequest, rules: Approval | None, who: Who, asked: Asked) -> Edit | None:
    """Return the edit that adds the word; None when it stands there already.

    `rules` are the owner's where they may be read. Raise `InvalidRequest` when the word would be refused or
    not count.
    """
    evidence = _evidence(request, asked)
    given = request.spec.approvals
    before = next((item for item in given if _key(item) == (who.user, evidence, asked.decision)), None)
    if before is None:
        _must_wait_for_people(request)
    word = before or _word(request, rules, who, asked, evidence)
    why = _void(request, rules, word, evidence)
    if before is not None:
        if why and not has_ended(request):
            raise InvalidRequest(f"your word stands there and does not count: {why}; it cannot be changed")
        return None
    if why:
        raise InvalidRequest(f"your word would not count: {why}")
    item = word.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    same = {"op": "test", "path": "/status/resolved/evidence", "value": evidence}
    # the first word brings the list along
    add = (
        {"path": "/spec/approvals/-", "value": item}
        if given
        else {"path": "/spec/approvals", "value": [item]}
    )
    return edits.of_request(request, same, {"op": "add", **add})


def abort(request: PromotionRequest) -> Edit | None:
    """Return the edit that stops the request; None when it is being stopped already."""
    if request.spec.abort:
        return None
    if has_ended(request):
        raise InvalidRequest(_ended(request))
    return edits.of_request(request, {"op": "add", "path": "/spec/abort", "value": True})


def has_ended(request: PromotionRequest) -> bool:
    """Say whether the request has ended, whatever way."""
    return is_true(request.status.conditions, "Complete")


def _evidence(request: PromotionRequest, asked: Asked) -> str:
    name, found = request.metadata.name, request.status.resolved.evidence if request.status.resolved else None
    if found is None:
        if has_ended(request):
            raise InvalidRequest(_ended(request))
        raise InvalidRequest(f"request {name} is not judged yet: {_standing(request)}")
    if asked.evidence not in {None, found}:
        raise InvalidRequest(
            f"the evidence of request {name} has changed: it is {found} now, look at it again"
        )
    return found


def _must_wait_for_people(request: PromotionRequest) -> None:
    name, status = request.metadata.name, request.status
    if has_ended(request):
        raise InvalidRequest(_ended(request))
    if status.phase in _UNDER_WAY:
        raise InvalidRequest(
            f"request {name} is being carried out, words no longer count; abort stops it: {_standing(request)}"
        )
    if status.approvals is None:
        raise InvalidRequest(f"request {name} does not ask for approvals: {_standing(request)}")


def _word(
    request: PromotionRequest, rules: Approval | None, who: Who, asked: Asked, evidence: str
) -> GivenApproval:
    try:
        return GivenApproval(
            user=who.user,
            evidence=evidence,
            decision=asked.decision,
            group=_group(rules or request.status.approvals, who, asked),
            checklist=_confirmed(request, asked),
            message=asked.message,
        )
    except ValidationError as error:
        raise InvalidRequest(f"your word does not fit: {unfit.message(error)}") from error


def _group(named: Approval | ApprovalStatus | None, who: Who, asked: Asked) -> str | None:
    """Return the group that the word names.

    The one that was asked for, else the first that is asked and that one is in.
    """
    if asked.group is not None:
        if asked.group not in who.groups:
            raise InvalidRequest(f"{who.user} is not in group {asked.group}")
        return asked.group
    if named is None or who.user in named.users:
        return None
    return next((group for group in named.groups if group in who.groups), None)


def _confirmed(request: PromotionRequest, asked: Asked) -> tuple[str, ...]:
    """Return the sentences that the word confirms, in the order of the checklist."""
    checklist = request.status.approvals.checklist if request.status.approvals else ()
    if asked.decision is Decision.REJECT:
        return ()
    unknown = [item for item in asked.confirmed if item not in checklist]
    if unknown:
        raise InvalidRequest(f"not in the checklist: {'; '.join(unknown)}")
    missing = [] if asked.confirms_all else [item for item in checklist if item not in asked.confirmed]
    if missing:
        raise InvalidRequest(
            f"an approval confirms each sentence, by --confirm or --confirm-all: {'; '.join(missing)}"
        )
    return checklist


def _void(request: PromotionRequest, rules: Approval | None, word: GivenApproval, evidence: str) -> str:
    """Say why the operator would not count the word.

    An empty text when it would, or when the rules are not known.
    """
    if rules is None:
        return ""
    counted = approvals.count(rules, request.spec.model_copy(update={"approvals": (word,)}), evidence)
    return "; ".join(item.removeprefix(f"{word.decision} by {word.user}: ") for item in counted.void)


def _key(word: GivenApproval) -> tuple[str, str, Decision]:
    return (word.user, word.evidence, word.decision)


def _ended(request: PromotionRequest) -> str:
    return f"request {request.metadata.name} has ended: {_standing(request)}"


def _standing(request: PromotionRequest) -> str:
    status = request.status
    return f"{status.phase or 'not seen by the operator'}{f', {status.explanation}' if status.explanation else ''}"
