"""Builders of notices, as short as a test wants them."""

from typing import Any, Final

from modelalias.core.notifications.notice import Notice
from modelalias.core.status.occasions import Occasion
from tests.support.harness import START

PLAIN: Final[dict[str, Any]] = {
    "reason": "X",
    "sentence": "it happened",
    "namespace": "ml",
    "alias_name": "churn-champion",
    "model": "churn",
    "alias": "champion",
    "id": "u-1/7/0",
    "at": START,
    "data": {"event": "x"},
}


def notice(occasion: Occasion = Occasion.MOVED, **fields: Any) -> Notice:
    """Return a notice; every field has a default."""
    return Notice(occasion=occasion, **{**PLAIN, **fields})
