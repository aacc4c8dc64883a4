"""The record of a version: how it came to hold one alias, what replaced it, why it was refused.

It is what a cluster that was built anew finds on the version. `signed_record` reads it from the tag and writes
it there; what nobody has signed is not in it.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from pydantic import Field, SkipValidation

from modelalias.api.alias import ModelAliasStatus, Plan
from modelalias.api.conditions import Reason
from modelalias.api.fields import Value, timestamp_text
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.ledger import ended_requests, history, promotions
from modelalias.core.ledger.accepted import is_number_known
from modelalias.core.ledger.ended_requests import Past
from modelalias.core.ledger.record_parts import Promotion, Refusal, Replacement, RolledBack

_REFUSALS: Final = frozenset({Reason.NOT_ELIGIBLE, Reason.GATES_FAILED, Reason.INCONCLUSIVE, Reason.DECLINED})


class Proof(StrEnum):
    """Whether what stands in the tag of a record is proved."""

    ABSENT = "Absent"
    """There is no tag."""
    SIGNED = "Signed"
    """Signed by this cluster, or where no cluster is asked, by a known key."""
    SIGNED_ELSEWHERE = "SignedElsewhere"
    """Signed by another cluster with a known key."""
    UNSIGNED = "Unsigned"
    """Without a signature, or no record at all."""
    WRONG = "WrongSignature"
    """Changed since, or signed for another version, alias, model or registry."""
    UNKNOWN_KEY = "UnknownKey"
    """Signed by a key that is not known, or not any more."""


_CAVEATS: Final = {
    Proof.UNSIGNED: "is not signed",
    Proof.WRONG: "has a wrong signature, or is the record of something else",
    Proof.UNKNOWN_KEY: "is signed with an unknown key",
}


class VersionRecord(Value):
    """What a tag holds, and what it becomes; a step that has nothing to add returns the same record.

    Everything stands in `parts` as it was found, ours or not, and stays as it was unless a step is about it.
    Fields with `extra="allow"` could not do that: they lose the order of names, refuse a name with half a
    surrogate pair, and have no place for a value that does not fit its field.
    """

    parts: SkipValidation[Mapping[str, object]] = Field(default_factory=dict)
    """The values by their wire names, in the order in which they are written; none where they are not proved."""
    proof: Proof = Proof.ABSENT
    """What the tag was found to be."""
    here: str = ""
    """The id of this cluster."""

    @property
    def caveat(self) -> str:
        """How a sentence about the record goes on that does not prove anything; "" for any other."""
        return _CAVEATS.get(self.proof, "")

    @property
    def ended(self) -> Mapping[str, str]:
        """The requests that ended on the version (`done`)."""
        return ended_requests.read_ended(self.parts.get("done"))

    @property
    def replacement(self) -> Mapping[str, object]:
        """What the record holds of a replacement (`archived`), empty where that is no JSON object."""
        part = self.parts.get("archived")
        return part if isinstance(part, dict) else {}

    @property
    def was_held(self) -> bool:
        """Whether the version was accepted under the alias."""
        return "again" in self.parts or any(map(promotions.is_held, promotions.all_of(self.parts)))

    def was_promoted_elsewhere(self, since: datetime) -> bool:
        """Return whether another cluster with a known key has brought the alias to the version after that time."""
        at = self.parts.get("at")
        later = isinstance(at, str) and at > timestamp_text(since)
        stands = "archived" not in self.parts and promotions.is_held(self.parts)
        return self.proof is Proof.SIGNED_ELSEWHERE and later and stands

    def past(self, request: PromotionRequest) -> Past | None:
        """Return how the request, or the same one applied before, ended on the version."""
        return ended_requests.past(self.ended, request, self.here)

    def promotion_of(self, plan: Plan, alias: str) -> Mapping[str, object] | None:
        """Return what the record says of a plan that it knows to have ended."""
        promotion = _promotion(plan, alias, Phase.SUCCEEDED)
        return next((item for item in promotions.all_of(self.parts) if promotion.stands_in(item)), None)

    def with_promotion(self, plan: Plan, alias: str, phase: Phase | None = None) -> Self:
        """Return the record of the version that a plan has moved the alias to, with how that ended.

        Without a phase that is how the plan ends as it stands. A new promotion takes the place of the last
        one, which goes to the earlier ones.
        """
        phase = phase or ended_requests.phase_of(plan)
        promotion = _promotion(plan, alias, phase)
        undone = RolledBack(at=plan.turned_at, reason=plan.failure) if plan.turned_at else None
        is_written = promotion.stands_in(self.parts)
        ended = ended_requests.with_plan(self.ended, plan, phase, self.here)
        if is_written and ended == self.ended and self.parts.get("outcome") == phase:
            return self
        former = promotions.earlier(self.parts) if is_written else promotions.with_last(self.parts)
        parts = {
            **promotion.wire(),
            "verdict": json.loads(plan.verdict) if plan.verdict else None,
            "rolledBack": undone.wire() if undone else None,
            "again": self.parts.get("again") if is_written else self.was_held or None,
            "earlier": former or None,
            "done": ended or None,
        }
        return self.changed(parts={name: value for name, value in parts.items() if value is not None})

    def replaced_by(self, plan: Plan, alias: str, status: ModelAliasStatus) -> Self:
        """Return the record of the version that a plan replaced.

        What only the ModelAlias knew of requests for this version goes into `done`: from now on they would
        move the alias.
        """
        move = history.moved(plan, alias)
        replacement = Replacement(
            at=plan.started_at,
            replaced_by=move.to,
            operation=plan.operation,
            by=plan.actor,
            request=plan.request.name if plan.request else None,
            reason=plan.reason or None,
            held=self.was_held or is_number_known(status, move.from_) or None,
        )
        ended = ended_requests.with_remembered(self.ended, status, move.from_, self.here)
        if ended == self.ended and replacement.stands_in(self.replacement):
            return self
        done = {"done": ended} if ended else {}
        return self.changed(parts={**self.parts, "archived": replacement.wire(), **done})

    def without_replacement(self, plan: Plan) -> Self:
        """Return the record without what this plan wrote of a replacement that was undone."""
        if self.replacement.get("at") != timestamp_text(plan.started_at):
            return self
        return self.changed(parts={name: value for name, value in self.parts.items() if name != "archived"})

    def with_end(
        self, request: PromotionRequest, phase: Phase, reason: Reason, findings: str | None, now: datetime
    ) -> Self:
        """Return the record with a request that ended without moving the alias.

        `findings` is the JSON object of what a refusal rests on.
        """
        ended = ended_requests.with_end(self.ended, request.spec_hash, request.metadata.uid, phase, self.here)
        if ended == self.ended:
            return self
        parts = {**self.parts, "done": ended}
        if reason in _REFUSALS:
            refusal = Refusal(
                at=now, request=request.metadata.name, by=request.spec.requested_by, reason=reason
            )
            parts["refused"] = {**refusal.wire(), **(json.loads(findings) if findings else {})}
        return self.changed(parts=parts)


def _promotion(plan: Plan, alias: str, phase: Phase) -> Promotion:
    return Promotion(
        at=plan.started_at,
        operation=plan.operation,
        from_=history.moved(plan, alias).from_,
        request=plan.request.name if plan.request else None,
        by=plan.actor,
        evidence=plan.evidence,
        run=plan.run_id,
        reason=plan.reason or None,
        approvers=plan.approvers or None,
        outcome=phase,
    )
