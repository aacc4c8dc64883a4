"""What happens in the operator, told to whoever counts it.

No method raises, waits or does input and output. Numbers are seconds. `registry_called` is called in the threads that
talk to a registry, everything else in the event loop.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from modelalias.api.alias import ModelAlias
from modelalias.api.request import Phase, PromotionRequest

TIMED: Final = (
    Phase.QUEUED,
    Phase.EVALUATING,
    Phase.AWAITING_APPROVAL,
    Phase.PROMOTING,
    Phase.ROLLING_OUT,
    Phase.VERIFYING,
    Phase.ROLLING_BACK,
)
"""Phases of which the time is told; in Pending a request waits for something outside."""


class CallOutcome(StrEnum):
    """How a call to a registry ended, by what to do next."""

    OK = "ok"
    REFUSED = "refused"
    """credentials or a permission are missing."""
    UNAVAILABLE = "unavailable"
    """no answer in time, or one that time may cure."""
    INVALID = "invalid"
    """what was asked for does not exist, or cannot be."""
    CONFLICT = "conflict"
    """somebody else wrote the same."""


class FailureKind(StrEnum):
    """Why a look at an alias ended early."""

    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    CONFLICT = "conflict"
    """somebody else had written first; it is decided again."""
    UNEXPECTED = "unexpected"
    """a bug."""


class NotificationOutcome(StrEnum):
    """What became of a notice that was sent."""

    SENT = "sent"
    FAILED = "failed"
    """no answer, or a refusal, also when it was tried again."""


class RequestEnd(NamedTuple):
    """A request that ended here and now."""

    namespace: str
    operation: str
    outcome: str
    """The phase that it ended in."""
    reason: str
    """The reason of its condition Complete."""
    seconds: float | None
    """Since it was created; None when that is not known."""


class Telemetry:
    """Takes what happens, each thing once, from the process that did it; this one counts nothing."""

    # What there is

    def alias_seen(self, alias: ModelAlias) -> None:
        """Take a ModelAlias as it stands now."""

    def alias_gone(self, namespace: str, name: str) -> None:
        """Take that a ModelAlias is gone."""

    def request_seen(self, request: PromotionRequest) -> None:
        """Take a request as it stands now; one that has ended too."""

    def request_gone(self, namespace: str, name: str) -> None:
        """Take that a request is gone."""

    # What the operator wrote

    def request_ended(self, end: RequestEnd) -> None:
        """Take the end of a request."""

    def phase_left(self, phase: str, seconds: float) -> None:
        """Take how long a request was in a phase that it has left."""

    def moved(self, namespace: str, operation: str, outcome: str) -> None:
        """Take a move that ended."""

    def judged(self, namespace: str, result: str, enforcement: str) -> None:
        """Take the result of one gate."""

    def approval_counted(self, namespace: str, decision: str) -> None:
        """Take an approval or a rejection that is valid."""

    def filed_by_itself(self, namespace: str, operation: str) -> None:
        """Take that the operator filed a request in its own name."""

    # What the operator asked

    def registry_called(self, registry: str, call: str, outcome: CallOutcome, seconds: float) -> None:
        """Take a call to a registry, which may have been tried twice."""

    def registry_answered(self, registry: str, models: int) -> None:
        """Take a snapshot of a registry, with how many models are in it."""

    def registry_failed(self, registry: str) -> None:
        """Take that there is no snapshot: the registry cannot be used now."""

    def kubernetes_called(self, verb: str, resource: str, code: str, seconds: float) -> None:
        """Take a call to the API server; the code is that of HTTP, `timeout` or `unreachable`."""

    def identity_looked_up(self, *, proved: bool) -> None:
        """Take whether the API server proves who files requests and approves."""

    def monitor_queried(self, source: str, outcome: str) -> None:
        """Take a query for a monitor; the source is a kind or a configured name, never an address or a query."""

    # Whom the operator told

    def channel_opened(self, channel: str) -> None:
        """Take that a channel is configured."""

    def notified(self, channel: str, outcome: NotificationOutcome, count: int) -> None:
        """Take what became of so many notices that a channel was told of, or was not."""

    def notices_dropped(self, channel: str, count: int) -> None:
        """Take that so many notices were never sent to a channel: there was no room, or another process leads."""

    # How the operator works

    def reconciled(self, seconds: float) -> None:
        """Take how long one look at an alias took."""

    def failed(self, kind: FailureKind) -> None:
        """Take that a look at an alias ended early."""

    def queue_measured_by(self, depth: Callable[[], int]) -> None:
        """Take what says how many aliases wait to be looked at."""

    def queue_waited(self, seconds: float) -> None:
        """Take how long an alias waited to be looked at."""

    def loop_lagged(self, seconds: float) -> None:
        """Take by how much a timer of the event loop was late."""


SILENT: Final = Telemetry()
"""Nobody counts."""
