"""The requests of an alias that have not ended: what it waits for, and who waits for it."""

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import ValidationError

from modelalias.api.request import PromotionRequest
from modelalias.api.request_status import Phase
from modelalias.cli import request_rows
from modelalias.cli.cluster import Kind, PersonsCluster
from modelalias.cli.request_state import has_ended
from modelalias.core.errors import InvalidRequest, Refused

_ENDS: Final = (
    Phase.SUCCEEDED,
    Phase.REJECTED,
    Phase.FAILED,
    Phase.ROLLED_BACK,
    Phase.ERRORED,
    Phase.ABORTED,
    Phase.SUPERSEDED,
    Phase.EXPIRED,
)
NOT_ENDED: Final = ",".join(f"status.phase!={phase}" for phase in _ENDS)
"""As a field selector."""
_MOST: Final = 5


async def read(cluster: PersonsCluster, alias: str) -> Sequence[PromotionRequest] | None:
    """Return them, the oldest first; None where they may not be read, or not be selected (before Kubernetes 1.31)."""
    found = []
    selector = f"spec.aliasRef.name={alias},{NOT_ENDED}"
    try:
        async for body in cluster.every(Kind.REQUESTS, cluster.namespace, selector=selector):
            try:
                found.append(PromotionRequest.model_validate(body))
            except ValidationError:  # of a newer release
                continue
    except (Refused, InvalidRequest):
        return None
    return sorted((item for item in found if not has_ended(item)), key=request_rows.place)


def sentences(requests: Sequence[PromotionRequest] | None) -> Iterator[str]:
    """Yield what each of them waits for."""
    if requests is None:
        yield "Which requests are open cannot be read."
        return
    for item in requests[:_MOST]:
        status = item.status
        said = status.explanation or "the operator has not looked at it yet"
        yield f"Request {item.metadata.name}{f' ({status.phase})' if status.phase else ''}: {said}."
    if len(requests) > _MOST:
        yield f"{len(requests) - _MOST} more are open."
