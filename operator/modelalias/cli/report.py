"""The state of a request, as text for people and as JSON for programs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from modelalias.api.conditions import Condition, RequestCondition, Status, find
from modelalias.api.request import (
    PromotionRequest,
    PromotionRequestStatus,
    RequestOperation,
)
from modelalias.cli import request_flags, table
from modelalias.cli.output import aligned, lines
from modelalias.cli.request_state import NO_STATUS, has_ended

_COLUMNS: Final = ("CONDITION", "STATUS", "REASON", "MESSAGE")
_ORDER: Final = [str(item) for item in RequestCondition]
_REDUNDANT: Final = frozenset({"Complete", "Reconciling"})
"""Conditions for programs: phase and explanation say the same."""


def text(request: PromotionRequest) -> str:
    """Return everything that is known about a request."""
    status = request.status
    return lines(
        [
            *head(request),
            f"phase: {status.phase}"
            if status.phase
            else f"{NO_STATUS}: the operator has not looked at this request",
            *_explanation(status),
            *_section(_conditions(status)),
            *_section(table.rules(status)),
            *_section(approvals(request)),
        ]
    )


def verdict(request: PromotionRequest) -> str:
    """Return what an approver has to see: the versions, the results and the evidence."""
    status = request.status
    return lines([*head(request), *table.rules(status), *approvals(request), *_explanation(status)])


def as_json(request: PromotionRequest) -> Mapping[str, Any]:
    """Return what is known so far, with all of `status.result` once the request has ended.

    What is not known is left out.
    """
    status, meta, resolved = request.status, request.metadata, request.status.resolved
    succeeded = find(status.conditions, RequestCondition.SUCCEEDED)
    so_far = {
        "request": meta.name,
        "namespace": meta.namespace,
        "operation": str(request.spec.operation),
        "phase": status.phase,
        "ended": has_ended(request),
        "succeeded": succeeded is not None and succeeded.status is Status.TRUE
        if has_ended(request)
        else None,
        "explanation": status.explanation,
        "version": resolved.version if resolved else None,
        "runId": resolved.run_id if resolved else None,
        "champion": resolved.champion if resolved else None,
        "evidence": resolved.evidence if resolved else None,
        "tags": dict(request.spec.on_success.tags) or None,
        "approvals": status.approvals.model_dump(mode="json", by_alias=True) if status.approvals else None,
        "gates": [
            item.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"evaluated_at"})
            for item in status.gates
        ],
    }
    return {**{key: value for key, value in so_far.items() if value is not None}, **_result(status)}


def _explanation(status: PromotionRequestStatus) -> Sequence[str]:
    return [status.explanation] if status.explanation else []


def _result(status: PromotionRequestStatus) -> Mapping[str, Any]:
    try:
        result = json.loads(status.result or "{}")
    except ValueError:
        return {}
    return result if isinstance(result, dict) else {}


def head(request: PromotionRequest) -> Iterator[str]:
    """Return what is asked for, by whom and why."""
    spec = request.spec
    what = f"request {request.metadata.name}: {spec.operation} of {spec.alias_ref.name}"
    yield ", ".join(
        [what, *([table.versions(request.status)] if request.status.resolved else [source(request)])]
    )
    yield f"requested by {spec.requested_by or 'unknown'}{f': {spec.reason}' if spec.reason else ''}"
    yield from request_flags.beside(request)


def source(request: PromotionRequest) -> str:
    """Return in words which version is asked for."""
    given = request.spec.source
    if given is None:
        return "alias and previousAlias" if request.spec.operation is RequestOperation.SWAP else "no source"
    ways = {"version": given.version, "run": given.run_id, "the version of alias": given.alias}
    return next((f"{kind} {value}" for kind, value in ways.items() if value), "the previous version")


def _section(body: Iterator[str]) -> Iterator[str]:
    """Put an empty line before a section that is not empty."""
    for number, line in enumerate(body):
        if number == 0:
            yield ""
        yield line


def _conditions(status: PromotionRequestStatus) -> Iterator[str]:
    shown = [item for item in status.conditions if _is_shown(item)]
    rows = [_condition(item, status) for item in sorted(shown, key=_place)]
    if rows:
        yield from aligned([_COLUMNS, *rows])


def _place(item: Condition) -> int:
    """Sort conditions in the order in which a request meets them; those of a newer release come last."""
    return _ORDER.index(item.type) if item.type in _ORDER else len(_ORDER)


def _is_shown(item: Condition) -> bool:
    return item.type not in _REDUNDANT and (item.type != "Stalled" or item.status is Status.TRUE)


def _condition(item: Condition, status: PromotionRequestStatus) -> Sequence[str]:
    return (item.type, item.status, item.reason, "" if item.message == status.explanation else item.message)


def approvals(request: PromotionRequest) -> Iterator[str]:
    """Return who has approved and what else is asked; nothing if nobody is asked."""
    status, asked = request.status, request.status.approvals
    if asked is None:
        return
    by = f", by {', '.join(asked.by)}" if asked.by else ""
    yield f"approvals: {asked.valid} of {asked.required}{by}"
    yield from (f"  not valid: {item}" for item in asked.void)
    yield from (f"  to confirm: {sentence}" for sentence in asked.checklist if not has_ended(request))
    if status.resolved and status.resolved.evidence:
        yield f"  evidence: {status.resolved.evidence}"
