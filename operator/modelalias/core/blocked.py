"""What keeps everything of an alias from beginning until somebody edits something, and what its requests are told."""

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Cause, Reason
from modelalias.core.protocol.answers import NotReady
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft, RequestWrite
from modelalias.core.requests import too_many
from modelalias.core.requests.broken import is_broken
from modelalias.core.requests.finish import end_if_settled
from modelalias.core.status import request_status


def why_blocked(context: Context, alias: ModelAlias) -> Cause | None:
    """Return why nothing new can begin for this alias until somebody edits something.

    A plan is finished, or undone, all the same: an alias that was moved and workloads that were not would be
    half of each.
    """
    spec = alias.spec
    if alias.metadata.deletion_timestamp is not None:
        return Cause(Reason.TERMINATING, "the ModelAlias is being deleted; a finalizer keeps it")
    if not context.registry.known:
        message = f"no registry {spec.registry} is configured for namespace {context.namespace}"
        return Cause(Reason.REGISTRY_UNKNOWN, message)
    if not context.registry.allowed:
        message = f"namespace {context.namespace} may not manage model {spec.model}"
        return Cause(Reason.MODEL_NOT_ALLOWED, message)
    if context.older_claimant is not None:
        rival = _rival(context.namespace, context.older_claimant)
        message = f"{rival} claims the same alias of {spec.model}"
        if context.claim_differs_in_case:
            message += ", in another case: MLflow on MySQL does not tell such names apart"
        return Cause(Reason.CONFLICT, message)
    return None


def _rival(namespace: str, owner: str) -> str:
    """Name the older ModelAlias to its own namespace only: what other teams have is not told."""
    its, _, name = owner.partition("/")
    older = f"ModelAlias {name}, which is older,"
    return older if its == namespace else "an older ModelAlias of another namespace"


def let_wait(context: Context, alias: ModelAlias | None, cause: Cause, draft: Draft) -> None:
    """End the requests that need no judging or have no room, and tell the others what all of them wait for."""
    for request in too_many.refuse_all(context, context.requests, draft):
        if end_if_settled(context, alias, request, draft):
            continue
        wait = NotReady(*cause)
        if is_broken(context, request):
            continue
        draft.writes.append(RequestWrite(request, request_status.waiting(request, wait, context.now)))
