"""What the operator's Events say for programs: annotations beside the sentence.

Bounded, and without run ids, addresses or secrets.
"""

from collections.abc import Mapping
from typing import Final

from modelalias.api.alias import Bearing, HistoryEntry, ModelAlias
from modelalias.api.conditions import RequestCondition, is_true
from modelalias.api.fields import GROUP
from modelalias.api.request import PromotionRequest, PromotionRequestStatus
from modelalias.core.ledger import history

LONGEST: Final = 512
"""Characters of a value; the longest user name that the API takes."""


def of_alias(alias: ModelAlias) -> Mapping[str, str]:
    """Return which alias of which model in which registry it is about."""
    return _annotations(registry=alias.spec.registry, model=alias.spec.model, alias=alias.spec.alias)


def of_move(alias: ModelAlias, entry: HistoryEntry) -> Mapping[str, str]:
    """Return a move as the history has it."""
    return {
        **of_alias(alias),
        **_annotations(
            from_=entry.left,
            to=entry.to,
            operation=entry.operation,
            outcome=entry.outcome,
            request=entry.request,
            actor=entry.actor,
        ),
    }


def of_plan(alias: ModelAlias | None) -> Mapping[str, str]:
    """Return the move that is under way, in the direction that it has now."""
    if alias is None:
        return {}
    plan = alias.status.plan
    if plan is None:
        return of_alias(alias)
    move = history.moved(plan, alias.spec.alias)
    versions = (move.from_, move.to) if plan.bearing is Bearing.FORWARD else (move.to, move.from_)
    return {
        **of_alias(alias),
        **_annotations(
            from_=versions[0],
            to=versions[1],
            operation=plan.operation,
            request=plan.request.name if plan.request is not None else None,
            actor=plan.actor,
        ),
    }


def of_request(
    alias: ModelAlias | None, request: PromotionRequest, status: PromotionRequestStatus
) -> Mapping[str, str]:
    """Return what a request asks for, and how it ended once it has."""
    resolved = status.resolved
    ended = is_true(status.conditions, RequestCondition.COMPLETE)
    return {
        **({} if alias is None else of_alias(alias)),
        **_annotations(
            from_=None if resolved is None else resolved.champion,
            to=None if resolved is None else resolved.version,
            operation=request.spec.operation,
            outcome=status.phase if ended else None,
            request=request.metadata.name,
            actor=request.spec.requested_by,
        ),
    }


def _annotations(**values: str | None) -> Mapping[str, str]:
    return {
        f"{GROUP}/{name.rstrip('_')}": str(value)[:LONGEST]
        for name, value in values.items()
        if value is not None
    }
