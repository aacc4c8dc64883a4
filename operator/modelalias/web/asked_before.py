"""The requests of an alias, also those that ended without moving anything: who asked for what, and what became of it. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from modelalias.api.request import PromotionRequest
from modelalias.api.request_status import Phase
from modelalias.cli.request_state import has_ended
from modelalias.web import phases
from modelalias.web.phases import Badge
from modelalias.web.view import View

SHOWN: Final = 8
"""Requests that have ended and are not folded away; what is open always stands there."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class RequestRow(View):
    """One request."""

    namespace: str
    name: str
    operation: str
    version: str | None
    phase: Badge
    by: str
    at: datetime | None
    """When it was filed."""
    why: str
    """What it waits for, or how it ended."""
    is_dry_run: bool
    is_open: bool


class Requests(View):
    """What is open and the newest of the rest; then the others."""

    rows: tuple[RequestRow, ...] = ()
    older: tuple[RequestRow, ...] = ()

    @property
    def number(self) -> int:
        """How many there are."""
        return len(self.rows) + len(self.older)


def of(requests: Iterable[PromotionRequest]) -> Requests:
    """Return the requests of an alias, the open ones first, the newest of each first."""
    ordered = sorted(newest_first(requests), key=has_ended)
    opened = sum(not has_ended(item) for item in ordered)
    rows = tuple(map(row, ordered))
    return Requests(rows=rows[: opened + SHOWN], older=rows[opened + SHOWN :])


def row(request: PromotionRequest) -> RequestRow:
    """Return one request in a line."""
    return RequestRow(
        namespace=request.metadata.namespace,
        name=request.metadata.name,
        operation=str(request.spec.operation),
        version=version(request),
        phase=phases.of(request),
        by=request.spec.requested_by or "",
        at=request.metadata.creation_timestamp,
        why=request.status.explanation,
        is_dry_run=request.spec.dry_run,
        is_open=not has_ended(request),
    )


def version(request: PromotionRequest) -> str | None:
    """Return the version that it was found to mean or, before that, the one that it names by its number."""
    resolved, source = request.status.resolved, request.spec.source
    return resolved.version if resolved is not None else source.version if source is not None else None


def newest_first(requests: Iterable[PromotionRequest]) -> Sequence[PromotionRequest]:
    """Return requests in the order in which they were filed, the last one first."""
    return sorted(requests, key=_age, reverse=True)


def ahead(requests: Iterable[PromotionRequest]) -> tuple[RequestRow, ...]:
    """Return the requests that one which is filed now waits behind, the next to go first."""
    return tuple(row(item) for item in reversed(newest_first(requests)) if _keeps_a_turn(item))


def behind(requests: Iterable[PromotionRequest], request: PromotionRequest) -> int:
    """Return how many wait for a request to end."""
    return sum(_keeps_a_turn(item) and _age(item) > _age(request) for item in requests)


def asking_for(requests: Iterable[PromotionRequest], wanted: str) -> tuple[RequestRow, ...]:
    """Return the open requests that ask for a version already; a dry run asks for nothing."""
    return tuple(
        row(item)
        for item in newest_first(requests)
        if version(item) == wanted and not item.spec.dry_run and not has_ended(item)
    )


def _keeps_a_turn(request: PromotionRequest) -> bool:
    """Return whether it holds up others, or will: what is Pending waits for something outside, beside the queue."""
    return not request.spec.dry_run and not has_ended(request) and request.status.phase != Phase.PENDING


def _age(request: PromotionRequest) -> tuple[datetime, str]:
    return request.metadata.creation_timestamp or _NEVER, request.metadata.name
