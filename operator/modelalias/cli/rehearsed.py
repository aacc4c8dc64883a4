"""What a rehearsed promotion came to: a value that tables and pages are made of."""

from dataclasses import dataclass
from enum import StrEnum

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.request import PromotionRequestStatus, RequestOperation
from modelalias.core.status import result


class GateOutcome(StrEnum):
    """The verdict, as a pipeline needs it."""

    PASSED = "Passed"
    REFUSED = "Refused"
    INCONCLUSIVE = "Inconclusive"


@dataclass(frozen=True)
class Rehearsal:
    """The verdict on a promotion; the status is what a request would have."""

    alias: ModelAlias
    outcome: GateOutcome
    reason: Reason
    status: PromotionRequestStatus

    @property
    def result(self) -> dict[str, object]:
        """The verdict as a request's `status.result` has it, with the outcome in place of request and phase."""
        heading = {
            "result": self.outcome.value,
            "namespace": self.alias.metadata.namespace or None,
            "operation": RequestOperation.PROMOTE.value,
        }
        return dict(result.of(self.alias.spec, self.status, self.reason, heading))
