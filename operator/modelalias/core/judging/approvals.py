"""Approvals: what people are asked to agree to, and whose approval or rejection counts.

The evidence names everything that a verdict rests on, and nothing that changes by itself. An approval or a
rejection counts if it names the present evidence and comes from somebody whom the owner named; who wrote it
is proved by the API server when it is written.
"""

import hashlib
import json
from collections.abc import Collection, Iterable
from datetime import datetime

from modelalias.api.fields import Message, Value, duration
from modelalias.api.gates import Gate
from modelalias.api.policy import Approval, ApprovalRequired, Policy
from modelalias.api.request import ApprovalDecision, GivenApproval, OnSuccess, PromotionRequestSpec
from modelalias.api.request_status import ApprovalStatus, Check, Finding


class Tally(Value):
    """Whose approval or rejection counts."""

    approved: tuple[str, ...]
    """Users, sorted."""
    rejection: GivenApproval | None
    """The first that counts."""
    void: tuple[Message, ...]
    """Those that do not count, each with its reason."""


class Asked(Value):
    """What a request asks for beside the move."""

    skip_gates: bool = False
    on_success: OnSuccess = OnSuccess()


def evidence(
    of: tuple[str, ...],
    version: str,
    champion: str | None,
    policy: Policy,
    gates: Iterable[Gate],
    checks: Iterable[Check],
    findings: Iterable[Finding],
    asked: Asked | None = None,
) -> str:
    """Hash what a verdict rests on.

    The version, its champion, the owner's rules, the gates, how each came out, and what else is asked for. `of`
    says whose it is, so that an approval of one request is none of another with the same numbers.
    """
    asked = asked or Asked()
    rests_on = {
        "of": of,
        "version": version,
        "champion": champion,
        "eligibility": _plain(policy.eligibility),
        "evaluation": _plain(policy.evaluation),
        "approval": _plain(policy.approval),
        "gates": [_plain(item) for item in gates],
        "skipGates": asked.skip_gates,
        "checks": [[item.rule, item.result] for item in checks],
        "findings": [
            [item.name, item.result, item.candidate, item.champion, item.dataset] for item in findings
        ],
    }
    if asked.on_success != OnSuccess():  # the evidence of other requests stays what it was in former releases
        rests_on["onSuccess"] = _plain(asked.on_success)
    text = json.dumps(rests_on, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def is_needed(rules: Approval, *, inconclusive: bool) -> bool:
    """Return whether people have to approve."""
    if rules.required is ApprovalRequired.ALWAYS:
        return True
    return inconclusive and rules.required is ApprovalRequired.ON_INCONCLUSIVE


def digest(given: GivenApproval) -> str:
    """Return the digest by which one approval or rejection is known again."""
    text = given.model_dump_json(by_alias=True, exclude_none=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def count(
    rules: Approval,
    spec: PromotionRequestSpec,
    present: str,
    unproved: str = "",
    forever: Collection[str] = (),
) -> Tally:
    """Count who approves and who rejects on the present evidence.

    `unproved` says why nothing counts now; `forever` are the digests of those that arrived while it was so.
    """
    approved: set[str] = set()
    rejection, void = None, []
    for given in spec.approvals:
        if unproved:
            why = f"who wrote it is not proved: {unproved}"
        elif digest(given) in forever:
            why = "it arrived while nobody proved who wrote it"
        else:
            why = _why_void(rules, spec, given, present)
        if why:
            void.append(f"{given.decision} by {given.user}: {why}")
        elif given.decision is ApprovalDecision.REJECT:
            rejection = rejection or given
        else:
            approved.add(given.user)
    return Tally(approved=tuple(sorted(approved)), rejection=rejection, void=tuple(void))


def _why_void(rules: Approval, spec: PromotionRequestSpec, given: GivenApproval, present: str) -> str:
    """Return why an approval or a rejection does not count; an empty text when it does.

    A rejection was given on what stood then, and stands when that changes.
    """
    if given.evidence != present and given.decision is not ApprovalDecision.REJECT:
        return "it is about evidence that has changed since"
    named = given.user in rules.users or (given.group is not None and given.group in rules.groups)
    if (rules.users or rules.groups) and not named:
        hint = "; an approval for a group names it" if rules.groups and given.group is None else ""
        return f"not one of {_asked(rules)}{hint}"
    if given.decision is ApprovalDecision.REJECT:
        return ""
    if given.user == spec.requested_by and (spec.skip_gates or not rules.allow_self):
        return "nobody can approve a request of their own"
    missing = [item for item in rules.checklist if item not in given.checklist]
    return f"it does not confirm: {'; '.join(missing)}" if missing else ""


def status(rules: Approval, tally: Tally, since: datetime | None) -> ApprovalStatus:
    """Return how many approvals are wanted and which count."""
    return ApprovalStatus(
        required=rules.minimum,
        valid=len(tally.approved),
        by=tally.approved,
        since=since,
        checklist=rules.checklist,
        users=rules.users,
        groups=rules.groups,
        void=tally.void,
    )


def missing(rules: Approval, tally: Tally) -> str:
    """Return in words which approvals are missing."""
    more = rules.minimum - len(tally.approved)
    message = f"waits for {more} approval{'s' if more > 1 else ''} from {_asked(rules)}"
    return f"{message} ({len(tally.approved)} of {rules.minimum} given)" if tally.approved else message


def ends(rules: Approval, since: datetime) -> datetime:
    """Return when the wait for people is over."""
    return since + duration(rules.wait_for)


def _asked(rules: Approval) -> str:
    words = []
    if rules.groups:
        words.append(f"group{'s' if len(rules.groups) > 1 else ''} {', '.join(rules.groups)}")
    if rules.users:
        words.append(f"user{'s' if len(rules.users) > 1 else ''} {', '.join(rules.users)}")
    return " or ".join(words) or "anyone with the verb approve"


def _plain(value: Value | None) -> object:
    return None if value is None else value.model_dump(mode="json", by_alias=True)
