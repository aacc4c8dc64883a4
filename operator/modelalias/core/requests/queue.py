"""The queue: whose turn it is among the requests of an alias, and who gives way to whom."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from modelalias.api.alias import Concurrency, ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.plan.operations import has_priority, rules_of
from modelalias.core.protocol.answers import ANSWER_POLL, Ended
from modelalias.core.protocol.blame import blamed_on
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft
from modelalias.core.protocol.facts import Failed
from modelalias.core.requests import replay
from modelalias.core.requests.broken import is_broken
from modelalias.core.requests.finish import end_if_settled, end_request

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def end_settled_and_order(
    context: Context, alias: ModelAlias, requests: Iterable[PromotionRequest], draft: Draft
) -> tuple[PromotionRequest, ...]:
    """End the requests that need no judging, and return the others in the order of their turns.

    Rollbacks and swaps have priority, then the oldest is first; with concurrency Supersede the newest
    promotion has replaced the older ones.
    """
    known = context.waiting
    waiting = [
        item
        for item in requests
        if item.metadata.name in known or not end_if_settled(context, alias, item, draft)
    ]
    if alias.spec.policy.concurrency is Concurrency.SUPERSEDE:
        waiting, newest = _end_replays_and_find_newest(context, alias, waiting, draft)
        waiting = list(supersede_older(context, alias, waiting, newest, draft))
    return tuple(sorted(waiting, key=lambda item: not has_priority(item)))


def supersede_older(
    context: Context,
    alias: ModelAlias,
    waiting: Sequence[PromotionRequest],
    by: PromotionRequest | None,
    draft: Draft,
) -> tuple[PromotionRequest, ...]:
    """End the promotions that are older than a request which takes their place, and return the others."""
    if by is None:
        return tuple(waiting)
    older = [item for item in waiting if _is_promotion(item) and _age(item) < _age(by)]
    message = f"PromotionRequest {by.metadata.name} ({by.spec.operation}) took its place"
    for item in older:
        end_request(context, alias, item, Ended(Phase.SUPERSEDED, Reason.SUPERSEDED, message), draft)
    return tuple(item for item in waiting if item not in older)


def _end_replays_and_find_newest(
    context: Context, alias: ModelAlias, waiting: Sequence[PromotionRequest], draft: Draft
) -> tuple[list[PromotionRequest], PromotionRequest | None]:
    """End promotions that were only applied again, and return the others with the newest.

    Those take nobody's place.
    """
    left = list(waiting)
    for item in filter(_is_promotion, reversed(waiting)):
        if is_broken(context, item):
            continue
        with blamed_on(item):
            try:
                end = replay.known_end(context, alias, item)
            except Failed:
                draft.wake(context.now + ANSWER_POLL)
                return left, None
        if end is None:
            return left, item
        end_request(context, alias, item, end, draft)
        left.remove(item)
    return left, None


def _is_promotion(request: PromotionRequest) -> bool:
    return not rules_of(request).has_priority and not request.spec.dry_run


def _age(request: PromotionRequest) -> tuple[datetime, str]:
    return request.metadata.creation_timestamp or _NEVER, request.metadata.name
