"""The machine-readable verdict: one JSON object, the same from a request's status and from the command line."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from modelalias.api.alias import ModelAliasSpec
from modelalias.api.request import Finding, PromotionRequestStatus

LONGEST: Final = 32_768
"""Characters that a status has for it."""


def of(
    spec: ModelAliasSpec | None,
    status: PromotionRequestStatus,
    reason: str,
    heading: Mapping[str, str | None],
) -> Mapping[str, object]:
    """Return the verdict as a mapping.

    `heading` says whose it is, and comes first. What is not known is left out.
    """
    resolved = status.resolved
    verdict = {
        **heading,
        "model": spec.model if spec else None,
        "alias": spec.alias if spec else None,
        "phase": status.phase,
        "reason": str(reason),
        "explanation": status.explanation[:1024],
        "version": resolved.version if resolved else None,
        "runId": resolved.run_id if resolved else None,
        "champion": resolved.champion if resolved else None,
        "evidence": resolved.evidence if resolved else None,
        "eligibility": [item.model_dump(mode="json", by_alias=True) for item in status.eligibility] or None,
        "evaluation": [
            item.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"last_lines"})
            for item in status.evaluation
        ]
        or None,
        "tags": dict(status.tags) or None,
        "approvedBy": list(status.approvals.by[:16]) or None if status.approvals else None,
        "gates": [
            item.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"evaluated_at"})
            for item in status.gates
        ],
    }
    return {key: value for key, value in verdict.items() if value is not None}


def text(verdict: Mapping[str, object], findings: Sequence[Finding]) -> str:
    """Write it on one line, without the details where there is no room for them."""
    return _line(fitted(verdict, findings))


def fitted(verdict: Mapping[str, object], findings: Sequence[Finding]) -> Mapping[str, object]:
    """Return it without the details where there is no room for them."""
    if len(_line(verdict)) <= LONGEST:
        return verdict
    short = [{"name": item.name, "result": item.result} for item in findings]
    left = {key: value for key, value in verdict.items() if key not in {"evaluation", "eligibility"}}
    return {**left, "gates": short}


def _line(verdict: Mapping[str, object]) -> str:
    return json.dumps(verdict, separators=(",", ":"))
