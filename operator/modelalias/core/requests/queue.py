"""The line: whose turn it is among the requests of an alias, and who gives way to whom."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from modelalias.api.alias import Concurrency, ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest, RequestOperation
from modelalias.core.protocol.answers import ANSWER_POLL, Ended
from modelalias.core.protocol.context import World
from modelalias.core.protocol.decision import Draft
from modelalias.core.protocol.facts import Failed
from modelalias.core.requests import finish, replay
from modelalias.core.requests.settle import settle

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def goes_first(request: PromotionRequest) -> bool:
    """Say whether a request goes before all promotions: a rollback, or a swap."""
    return request.spec.operation is not RequestOperation.PROMOTE and not request.spec.dry_run


def of(
    world: World, alias: ModelAlias, requests: Iterable[PromotionRequest], draft: Draft
) -> tuple[PromotionRequest, ...]:
    """Return those that have to be judged, in their order; the others are ended.

    Rollbacks and swaps go first, then the oldest; with concurrency Supersede the newest promotion has
    replaced the older ones.
    """
    known = world.waiting
    waiting = [
        item for item in requests if item.metadata.name in known or not settle(world, alias, item, draft)
    ]
    if alias.spec.policy.concurrency is Concurrency.SUPERSEDE:
        waiting, newest = _newest(world, alias, waiting, draft)
        waiting = list(give_way(world, alias, waiting, newest, draft))
    return tuple(sorted(waiting, key=lambda item: not goes_first(item)))


def give_way(
    world: World,
    alias: ModelAlias,
    waiting: Sequence[PromotionRequest],
    to: PromotionRequest | None,
    draft: Draft,
) -> tuple[PromotionRequest, ...]:
    """End the promotions that are older than a request which takes their place, and return the others."""
    if to is None:
        return tuple(waiting)
    older = [item for item in waiting if _is_promotion(item) and _age(item) < _age(to)]
    told = f"PromotionRequest {to.metadata.name} ({to.spec.operation}) took its place"
    for item in older:
        finish.close(world, alias, item, Ended(Phase.SUPERSEDED, Reason.SUPERSEDED, told), draft)
    return tuple(item for item in waiting if item not in older)


def _newest(
    world: World, alias: ModelAlias, waiting: Sequence[PromotionRequest], draft: Draft
) -> tuple[list[PromotionRequest], PromotionRequest | None]:
    """Return who is left in the line and the newest promotion.

    One that was applied again takes nobody's place.
    """
    left = list(waiting)
    for item in filter(_is_promotion, reversed(waiting)):
        try:
            end = replay.known(world, alias, item)
        except Failed:
            draft.wake(world.now + ANSWER_POLL)
            return left, None
        if end is None:
            return left, item
        finish.close(world, alias, item, end, draft)
        left.remove(item)
    return left, None


def _is_promotion(request: PromotionRequest) -> bool:
    return request.spec.operation is RequestOperation.PROMOTE and not request.spec.dry_run


def _age(request: PromotionRequest) -> tuple[datetime, str]:
    return request.metadata.creation_timestamp or _NEVER, request.metadata.name
