"""Approval: what people are asked to agree to, and whose word counts.

The evidence names everything that a verdict rests on, and nothing that changes by itself. A word counts if it
names the present evidence and comes from somebody whom the owner named; who said it is proved by the API
server when it is written.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from modelalias.api.fields import Value, duration
from modelalias.api.gates import Gate
from modelalias.api.policy import Approval, ApprovalRequired, Policy
from modelalias.api.request import Decision, GivenApproval, PromotionRequestSpec
from modelalias.api.request_status import ApprovalStatus, Check, Finding


class Count(Value):
    """Whose word counts."""

    approved: tuple[str, ...]
    """Users, sorted."""
    declined: GivenApproval | None
    void: tuple[str, ...]
    """The words that do not count, each with its reason."""


def evidence(
    of: tuple[str, ...],
    version: str,
    champion: str | None,
    policy: Policy,
    gates: Iterable[Gate],
    checks: Iterable[Check],
    findings: Iterable[Finding],
    *,
    skip_gates: bool = False,
) -> str:
    """Hash what a verdict rests on.

    The version, its champion, the owner's rules, the gates, and how each came out. `of` says whose it is, so
    that an approval of one request is none of another with the same numbers.
    """
    rests_on = {
        "of": of,
        "version": version,
        "champion": champion,
        "eligibility": _told(policy.eligibility),
        "evaluation": _told(policy.evaluation),
        "approval": _told(policy.approval),
        "gates": [_told(item) for item in gates],
        "skipGates": skip_gates,
        "checks": [[item.rule, item.result] for item in checks],
        "findings": [
            [item.name, item.result, item.candidate, item.champion, item.dataset] for item in findings
        ],
    }
    text = json.dumps(rests_on, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def is_needed(rules: Approval, *, inconclusive: bool) -> bool:
    """Say whether people have to approve."""
    if rules.required is ApprovalRequired.ALWAYS:
        return True
    return inconclusive and rules.required is ApprovalRequired.ON_INCONCLUSIVE


def count(rules: Approval, spec: PromotionRequestSpec, present: str, unproved: str = "") -> Count:
    """Count who approves and who declines on the present evidence; `unproved` says why nobody's word counts."""
    approved: set[str] = set()
    declined, void = None, []
    for word in spec.approvals:
        why = f"who wrote it is not proved: {unproved}" if unproved else _void(rules, spec, word, present)
        if why:
            void.append(f"{word.decision} by {word.user}: {why}"[:1024])
        elif word.decision is Decision.REJECT:
            declined = declined or word
        else:
            approved.add(word.user)
    return Count(approved=tuple(sorted(approved)), declined=declined, void=tuple(void))


def _void(rules: Approval, spec: PromotionRequestSpec, word: GivenApproval, present: str) -> str:
    """Say why a word does not count; an empty text when it does."""
    if word.evidence != present:
        return "it is about evidence that has changed since"
    named = word.user in rules.users or (word.group is not None and word.group in rules.groups)
    if (rules.users or rules.groups) and not named:
        hint = "; an approval for a group names it" if rules.groups and word.group is None else ""
        return f"not one of {_whom(rules)}{hint}"
    if word.decision is Decision.REJECT:
        return ""
    if word.user == spec.requested_by and (spec.skip_gates or not rules.allow_self):
        return "one's own request"
    forgotten = [item for item in rules.checklist if item not in word.checklist]
    return f"it does not confirm: {'; '.join(forgotten)}" if forgotten else ""


def status(rules: Approval, counted: Count, since: datetime | None) -> ApprovalStatus:
    """Tell how many approvals are wanted and which count."""
    return ApprovalStatus(
        required=rules.minimum,
        valid=len(counted.approved),
        by=counted.approved,
        since=since,
        checklist=rules.checklist,
        users=rules.users,
        groups=rules.groups,
        void=counted.void,
    )


def ask(rules: Approval, counted: Count) -> str:
    """Say in words which approvals are missing."""
    more = rules.minimum - len(counted.approved)
    told = f"waits for {more} approval{'s' if more > 1 else ''} from {_whom(rules)}"
    return f"{told} ({len(counted.approved)} of {rules.minimum} given)" if counted.approved else told


def ends(rules: Approval, since: datetime) -> datetime:
    """Return when the wait for people is over."""
    return since + duration(rules.wait_for)


def _whom(rules: Approval) -> str:
    words = []
    if rules.groups:
        words.append(f"group{'s' if len(rules.groups) > 1 else ''} {', '.join(rules.groups)}")
    if rules.users:
        words.append(f"user{'s' if len(rules.users) > 1 else ''} {', '.join(rules.users)}")
    return " or ".join(words) or "anyone with the verb approve"


def _told(value: Value | None) -> object:
    return None if value is None else value.model_dump(mode="json", by_alias=True)
