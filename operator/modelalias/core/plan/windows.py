"""The one place that says whether something may begin now: `build_plan` asks here, and whatever makes another plan has to.

What a window closes keeps its turn, so that nobody who came later goes before it when the window opens.
"""

from collections.abc import Sequence
from datetime import datetime

from modelalias.api.alias import ModelAlias, Operation
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.judging import windows
from modelalias.core.judging.windows import Closed
from modelalias.core.protocol.answers import Answered, KeepsTurn


def closed(alias: ModelAlias, operation: Operation, now: datetime) -> Closed | None:
    """Return why a plan of that operation may not begin now, and until when; None when it may.

    For what the operator does by itself: name the operation that it is (a restored alias is never closed), wake
    the alias at `again`, and tell `wait` after a verb.
    """
    return windows.why_closed(alias.spec.policy.windows, operation, now)


def require_open(alias: ModelAlias, operation: Operation, now: datetime) -> None:
    """Raise `Answered` while no plan of that operation may begin."""
    state = closed(alias, operation, now)
    if state is not None:
        message = f"waits {state.wait}"
        raise Answered(KeepsTurn(Phase.PENDING, state.reason, message, state.again))


def would_wait(alias: ModelAlias, operation: Operation, now: datetime) -> Sequence[str]:
    """Return the part of a dry run's answer that tells of a window; nothing where none is in the way."""
    state = closed(alias, operation, now)
    return [] if state is None else [f"it would wait {state.wait}"]


def may_begin_first(
    alias: ModelAlias, requests: Sequence[PromotionRequest], now: datetime
) -> tuple[PromotionRequest, ...]:
    """Return those whose operation may begin now before those that wait for a window, else in the same order."""

    def is_closed(request: PromotionRequest) -> bool:
        return closed(alias, Operation(request.spec.operation), now) is not None

    return tuple(sorted(requests, key=is_closed))
