"""Which requests the operator filed itself: the API server says who did."""

from modelalias.api.request import PromotionRequest
from modelalias.core.protocol.context import Context


def is_own(context: Context, request: PromotionRequest) -> bool:
    """Return whether the operator filed a request: nobody else can in its name."""
    account = context.by_itself.account
    return bool(account) and request.spec.requested_by == account


def is_undecided(context: Context, request: PromotionRequest) -> bool:
    """Return whether that is not known yet, because the operator does not know its own account."""
    named_so = request.metadata.name.startswith((f"{context.name}-auto-", f"{context.name}-breach-"))
    return named_so and not context.by_itself.account
