"""A condition in the making: what it is to say, before its time and its generation are known."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from modelalias.api.conditions import Condition, ConditionType, Reason, Status, condition


class NewCondition(NamedTuple):
    """Type, answer, reason and message of a condition."""

    type: ConditionType
    status: Status | bool
    reason: Reason
    message: str


def dated(new: Iterable[NewCondition], now: datetime, generation: int) -> tuple[Condition, ...]:
    """Make the conditions of one generation as of `now`."""
    return tuple(condition(*item, now=now, generation=generation) for item in new)
