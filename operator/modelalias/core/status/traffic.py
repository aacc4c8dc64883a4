"""How the requests are split, as a condition and as news."""

from collections.abc import Iterator
from typing import Final

from modelalias.api.alias import ModelAliasStatus, TrafficStatus
from modelalias.api.conditions import AliasCondition, Reason, Status
from modelalias.core.status.new_condition import NewCondition

_AS_WANTED: Final = frozenset({Reason.SPLIT, Reason.CURRENT_ONLY})

_NOT_KNOWN: Final = frozenset({Reason.WAITING, Reason.PROGRESSING, Reason.SUSPENDED})


def traffic_routed(traffic: TrafficStatus) -> NewCondition:
    """Return the condition that says whether the requests are split as they should be."""
    if traffic.unread:
        return NewCondition(AliasCondition.TRAFFIC_ROUTED, Status.UNKNOWN, Reason.WAITING, traffic.unread)
    reason = next((item for item in Reason if item == traffic.reason), Reason.WAITING)
    status = Status.TRUE if reason in _AS_WANTED else Status.UNKNOWN if reason in _NOT_KNOWN else Status.FALSE
    return NewCondition(AliasCondition.TRAFFIC_ROUTED, status, reason, traffic.message)


def moved(before: ModelAliasStatus, after: ModelAliasStatus) -> Iterator[str]:
    """Return what is told of a split that changed: once it is carried, with the weights before and after."""
    old, new = before.traffic, after.traffic
    if old is None or new is None or old.split is None or new.split is None or old.split == new.split:
        return
    yield f"HTTPRoute {new.http_route}: {old.split} to {new.split}: {new.message}"
