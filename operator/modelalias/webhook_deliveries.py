"""What a delivery of MLflow's webhooks has to show: a signature, a time that is now, and an id that is new.

MLflow 3.17 signs `<delivery id>.<Unix time>.<body>` with HMAC-SHA256 and sends `v1,<base64>`; what it delivers again
after an error has the same id and the same time. See `mlflow.webhooks.delivery`.
"""

import base64
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from typing import Final, NamedTuple

SIGNATURE: Final = "X-MLflow-Signature"
DELIVERY_ID: Final = "X-MLflow-Delivery-Id"
TIMESTAMP: Final = "X-MLflow-Timestamp"

WINDOW_SECONDS: Final = 300
MOST_REMEMBERED: Final = 10_000
"""Ids of deliveries; of more within the window the oldest are forgotten, so that they could be played again."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""Without a dot, so that what was signed can be read in one way only."""
_TIME: Final = re.compile(r"[0-9]{1,12}")


class Delivery(NamedTuple):
    """A delivery as it was sent, proved or not."""

    id: str
    timestamp: str
    signature: str
    body: bytes


class Verdict(Enum):
    """What a delivery is worth."""

    NEW = auto()
    SEEN = auto()
    """Another delivery, or the same again, had its id."""
    UNPROVED = auto()
    """Nobody who knows the secret has signed it."""
    OLD = auto()
    """It was signed too long ago, or for a time to come."""


def signature_of(secret: bytes, delivery: Delivery) -> bytes:
    """Return what MLflow would have signed it with."""
    content = f"{delivery.id}.{delivery.timestamp}.".encode() + delivery.body
    return b"v1," + base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest())


class Deliveries:
    """The deliveries of the last minutes, as far as they were proved."""

    def __init__(self, wall: Callable[[], datetime]) -> None:
        """Take the wall clock."""
        self._wall = wall
        self._seen: OrderedDict[str, float] = OrderedDict()

    def judge(self, secret: bytes, delivery: Delivery) -> Verdict:
        """Judge a delivery, and remember it if it is new."""
        if not secret or not _ID.fullmatch(delivery.id) or not _TIME.fullmatch(delivery.timestamp):
            return Verdict.UNPROVED
        given = delivery.signature.encode(errors="surrogateescape")
        if not hmac.compare_digest(given, signature_of(secret, delivery)):
            return Verdict.UNPROVED
        now = self._wall().timestamp()
        if abs(now - int(delivery.timestamp)) > WINDOW_SECONDS:
            return Verdict.OLD
        self._forget_before(now - 2 * WINDOW_SECONDS)
        if delivery.id in self._seen:
            return Verdict.SEEN
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen.popitem(last=False)
        self._seen[delivery.id] = now
        return Verdict.NEW

    def _forget_before(self, moment: float) -> None:
        """Forget what was signed too long ago by now, even if it was signed for a time to come then."""
        while self._seen and next(iter(self._seen.values())) < moment:
            self._seen.popitem(last=False)
