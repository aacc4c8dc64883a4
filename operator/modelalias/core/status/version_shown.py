"""Which version a request is shown with that ended before its source was looked up."""

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest, PromotionRequestStatus, Resolved
from modelalias.core.ledger import history


def with_version(
    alias: ModelAlias | None, request: PromotionRequest, status: PromotionRequestStatus
) -> PromotionRequestStatus:
    """Return the status of an end with the version that the request names, or that the same one went to before.

    A version that is gone, or that was never looked for, is shown too: whoever reads a list of requests wants to
    know what was asked for. The condition Resolved says whether it was found.
    """
    if status.resolved is not None:
        return status
    source = request.spec.source
    if source is not None and source.version is not None:
        return status.with_resolved(Resolved(version=source.version, from_=f"version {source.version}"))
    former = None if alias is None else _former(alias, request)
    return status if former is None else status.with_resolved(Resolved(version=former, from_="the history"))


def _former(alias: ModelAlias, request: PromotionRequest) -> str | None:
    """Return the version of the same request that was applied before."""
    entry, digest = history.finished(alias.status.history, request), request.spec_hash
    if entry is not None:
        return entry.to
    return next((item.version for item in alias.status.finished if item.spec_hash == digest), None)
