"""The queue: whose turn it is among the requests of an alias, and who gives way to whom."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.plan import windows
from modelalias.core.plan.operations import has_priority, rules_of, supersedes
from modelalias.core.protocol.answers import Ended
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft
from modelalias.core.requests import too_many
from modelalias.core.requests.finish import end_if_settled, end_request

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def end_settled_and_order(
    context: Context, alias: ModelAlias, requests: Iterable[PromotionRequest], draft: Draft
) -> tuple[PromotionRequest, ...]:
    """End the requests that need no judging or have no room, and return the others in the order of their turns.

    Rollbacks and swaps have priority, among them those that no window closes, then the oldest is first; with
    concurrency Supersede the newest promotion is, and the older ones are there until it can go.
    """
    known = context.waiting
    waiting = [
        item
        for item in too_many.refuse(context, requests, draft)
        if item.metadata.name in known or not end_if_settled(context, alias, item, draft)
    ]
    others = [item for item in waiting if not has_priority(item)]
    first = windows.may_begin_first(alias, list(filter(has_priority, waiting)), context.now)
    return (*first, *(reversed(others) if supersedes(alias) else others))


def supersede_older(
    context: Context,
    alias: ModelAlias,
    waiting: Sequence[PromotionRequest],
    by: PromotionRequest,
    draft: Draft,
) -> tuple[PromotionRequest, ...]:
    """End the promotions that are older than a request which takes their place, and return the others."""
    older, others = split_older(waiting, by)
    supersede(context, alias, older, by, draft)
    return others


def split_older(
    waiting: Iterable[PromotionRequest], by: PromotionRequest
) -> tuple[tuple[PromotionRequest, ...], tuple[PromotionRequest, ...]]:
    """Return the promotions whose place a request takes, because they are older, and the others."""
    older, others = list[PromotionRequest](), list[PromotionRequest]()
    for item in waiting:
        (older if _is_promotion(item) and _age(item) < _age(by) else others).append(item)
    return tuple(older), tuple(others)


def supersede(
    context: Context, alias: ModelAlias, older: Iterable[PromotionRequest], by: PromotionRequest, draft: Draft
) -> None:
    """End requests whose place another one takes, as far as one decision can.

    Where something has to be done first, the next decision goes on: looking at all of them each time would be
    quadratic.
    """
    message = f"PromotionRequest {by.metadata.name} ({by.spec.operation}) took its place"
    for item in older:
        if draft.effect is not None:
            return
        end_request(context, alias, item, Ended(Phase.SUPERSEDED, Reason.SUPERSEDED, message), draft)


def _is_promotion(request: PromotionRequest) -> bool:
    return not rules_of(request).has_priority and not request.spec.dry_run


def _age(request: PromotionRequest) -> tuple[datetime, str]:
    return request.metadata.creation_timestamp or _NEVER, request.metadata.name
