"""Whether a request found nothing to do because its source alias is away, or because it never was.

A source alias that its promotion removed is nothing to worry about; one that nobody ever saw is most likely
misspelt.
"""

from modelalias.api.conditions import Reason, RequestCondition, find
from modelalias.api.request import PromotionRequest
from modelalias.cli.cluster import Kind, PersonsCluster
from modelalias.core.errors import OperatorError


def is_missing(request: PromotionRequest) -> bool:
    """Return whether the request ended because the model has no such alias."""
    complete = find(request.status.conditions, RequestCondition.COMPLETE)
    return complete is not None and complete.reason == Reason.NO_CHALLENGER


async def warning(cluster: PersonsCluster, request: PromotionRequest) -> str:
    """Return what to say of an alias that no request for the same ModelAlias ever found; "" if one did."""
    alias = request.spec.source.alias if request.spec.source else None
    if alias is None or await _was_found(cluster, request, alias):
        return ""
    return (
        f"warning: nothing was promoted: the model has no alias {alias}, and no request for "
        f"{request.spec.alias_ref.name} ever found it; is the name right? (--must-exist makes this exit status 1)"
    )


async def _was_found(cluster: PersonsCluster, request: PromotionRequest, alias: str) -> bool:
    try:
        async for other in cluster.every(Kind.REQUESTS, cluster.namespace):
            spec = other.get("spec", {})
            same = spec.get("aliasRef") == {"name": request.spec.alias_ref.name}
            if same and spec.get("source") == {"alias": alias} and other.get("status", {}).get("resolved"):
                return True
    except OperatorError:  # it is only a hint: whoever may not list requests is warned once too often
        return False
    return False
