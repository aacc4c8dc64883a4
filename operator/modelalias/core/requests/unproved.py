"""Approvals and rejections that arrived while nobody proved who writes them: they never count.

Once the admission policy stands again it would not let anybody write them; so what came before it did must not
begin to count then.
"""

from collections.abc import Iterable

from modelalias.core.judging import approvals
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import RequestWrite


def voided(context: Context) -> tuple[RequestWrite, ...]:
    """Return what has to be remembered of the requests before anything else is decided."""
    identity = context.identity
    return tuple(_new(context)) if identity.voids and identity.certain else ()


def _new(context: Context) -> Iterable[RequestWrite]:
    for request in context.requests:
        digests = map(approvals.digest, request.spec.approvals)
        new = [item for item in digests if item not in request.status.unproved]
        if new:
            yield RequestWrite(request, request.status.with_unproved(new))
