"""What there is to tell of one thing that happened, whoever is told."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import RequestCondition, find
from modelalias.api.fields import Value
from modelalias.api.request import Finding, PromotionRequest, PromotionRequestStatus
from modelalias.core.judging import numbers
from modelalias.core.status import result
from modelalias.core.status.events import News
from modelalias.core.status.occasions import Occasion

MOST_GATES: Final = 20
"""Gates that a text names."""
_ABOUT_THE_MOVE: Final = frozenset({Occasion.MOVED, Occasion.NOT_MOVED})


class Notice(Value):
    """One thing that happened to a request or an alias, in the words of people and of programs."""

    occasion: Occasion
    reason: str
    sentence: str
    details: tuple[str, ...] = ()
    """Lines for people, beside the sentence."""
    command: str = ""
    """What somebody may type to act on it."""
    namespace: str
    alias_name: str
    """Of the ModelAlias."""
    request: str | None = None
    """Of the PromotionRequest that it is about; None when it is about the ModelAlias itself."""
    model: str = ""
    """Registered model and the alias in it; empty when there is no such ModelAlias."""
    alias: str = ""
    id: str
    """The same for the same thing, and for no other."""
    at: datetime
    data: Mapping[str, object]
    """The report for programs."""

    @property
    def object(self) -> tuple[str, str, str]:
        """Whose it is."""
        return self.namespace, self.alias_name, self.request or ""


def of_request(
    alias: ModelAlias | None, request: PromotionRequest, news: Sequence[News], now: datetime
) -> Iterator[Notice]:
    """Tell what happened to a request, whose status is the one that was written."""
    meta, spec = request.metadata, request.spec
    for number, occasion, item in _told(news):
        waits = occasion is Occasion.AWAITING_APPROVAL
        yield Notice(
            occasion=occasion,
            reason=item.reason,
            sentence=item.message,
            details=tuple(_details(request, gates=occasion is not Occasion.APPROVED)),
            command=f"kubectl modelalias approve {meta.name} -n {meta.namespace}" if waits else "",
            namespace=meta.namespace,
            alias_name=spec.alias_ref.name,
            request=meta.name,
            model=alias.spec.model if alias else "",
            alias=alias.spec.alias if alias else "",
            id=f"{meta.uid}/{meta.resource_version}/{number}",
            at=now,
            data={"event": occasion, **_report(alias, request)},
        )


def of_alias(alias: ModelAlias, news: Sequence[News], now: datetime) -> Iterator[Notice]:
    """Tell what happened to a ModelAlias, whose status is the one that was written."""
    meta, spec, current = alias.metadata, alias.spec, alias.status.current
    for number, occasion, item in _told(news):
        entry = alias.status.history[-1:] if occasion in _ABOUT_THE_MOVE else ()
        data = {
            "event": occasion,
            "modelAlias": meta.name,
            "namespace": meta.namespace,
            "registry": spec.registry,
            "model": spec.model,
            "alias": spec.alias,
            "version": current.version if current else None,
            "reason": item.reason,
            "message": item.message,
            "move": entry[0].model_dump(mode="json", by_alias=True, exclude_none=True) if entry else None,
        }
        yield Notice(
            occasion=occasion,
            reason=item.reason,
            sentence=item.message,
            namespace=meta.namespace,
            alias_name=meta.name,
            model=spec.model,
            alias=spec.alias,
            id=f"{meta.uid}/{meta.resource_version}/{number}",
            at=now,
            data={key: value for key, value in data.items() if value is not None},
        )


def _told(news: Sequence[News]) -> Iterator[tuple[int, Occasion, News]]:
    """Return what channels may be told of, each with its place in what one write brought."""
    for number, item in enumerate(news):
        if item.occasion is not None:
            yield number, item.occasion, item


def _report(alias: ModelAlias | None, request: PromotionRequest) -> Mapping[str, object]:
    """Return the verdict as far as it is known, and how many approvals there are."""
    meta, status = request.metadata, request.status
    complete = find(status.conditions, RequestCondition.COMPLETE)
    heading = {
        "request": meta.name,
        "namespace": meta.namespace,
        "modelAlias": request.spec.alias_ref.name,
        "operation": request.spec.operation.value,
        "requestedBy": request.spec.requested_by,
    }
    reason = complete.reason if complete is not None else str(status.phase)
    report = result.of(alias.spec if alias else None, status, reason, heading)
    asked = status.approvals
    approvals = {} if asked is None else {"approvals": {"valid": asked.valid, "required": asked.required}}
    return {**result.fitted(report, status.gates), **approvals}


def _details(request: PromotionRequest, *, gates: bool) -> Iterator[str]:
    """Return the versions, who asked and why, the gates and the approvals."""
    spec, status = request.spec, request.status
    yield f"PromotionRequest {request.metadata.name}: {spec.operation}{_versions(status)}"
    if spec.requested_by:
        yield f"asked for by {spec.requested_by}{f': {spec.reason}' if spec.reason else ''}"
    if gates:
        yield from map(_gate, status.gates[:MOST_GATES])
        if len(status.gates) > MOST_GATES:
            yield f"and {len(status.gates) - MOST_GATES} gates more"
    if status.approvals is not None and gates:
        by = f", by {', '.join(status.approvals.by)}" if status.approvals.by else ""
        yield f"approvals: {status.approvals.valid} of {status.approvals.required}{by}"


def _versions(status: PromotionRequestStatus) -> str:
    resolved = status.resolved
    if resolved is None:
        return ""
    replaced = f" in place of {resolved.champion or 'nothing'}" if resolved.was_looked_up else ""
    return f" version {resolved.version}{replaced}"


def _gate(finding: Finding) -> str:
    measured = numbers.candidate(finding)
    against = numbers.champion(finding)
    parts = [
        f"{finding.name}: {finding.result}",
        *([f"{finding.metric} {measured}"] if measured is not None else []),
        f"asked for {numbers.rule(finding)}",
        *([f"champion {against}"] if against is not None else []),
    ]
    return ", ".join(parts)
