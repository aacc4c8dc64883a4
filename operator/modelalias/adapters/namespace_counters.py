"""What is counted for each namespace, at 0 from the moment on at which the namespace is first seen."""

from typing import Final

from modelalias.adapters.sample_lines import Counters, texts
from modelalias.api.alias import Operation, Outcome
from modelalias.api.conditions import Reason
from modelalias.api.request import ApprovalDecision, GateResult, Phase, RequestOperation

_PROMOTE, _ROLLBACK = RequestOperation.PROMOTE, RequestOperation.ROLLBACK
_FAILURES: Final = (
    (Phase.FAILED, Reason.ROLLOUT_FAILED),
    (Phase.FAILED, Reason.STALE_CHAMPION),
    (Phase.ERRORED, Reason.UNEXPECTED_ERROR),
)
"""How a request of any operation can end for which somebody is alerted, also the first time."""
ENDS: Final = (
    (_PROMOTE, Phase.SUCCEEDED, Reason.SUCCEEDED),
    (_PROMOTE, Phase.REJECTED, Reason.GATES_FAILED),
    (_PROMOTE, Phase.REJECTED, Reason.NOT_ELIGIBLE),
    (_PROMOTE, Phase.REJECTED, Reason.TOO_MANY_REQUESTS),
    (_PROMOTE, Phase.ROLLED_BACK, Reason.ROLLED_BACK),
    (_ROLLBACK, Phase.SUCCEEDED, Reason.SUCCEEDED),
    *((operation, *failure) for operation in RequestOperation for failure in _FAILURES),
)
MOVES: Final = (
    (Operation.PROMOTE, Outcome.SUCCEEDED),
    (Operation.PROMOTE, Outcome.ROLLED_BACK),
    (Operation.PROMOTE, Outcome.FAILED),
    (Operation.ROLLBACK, Outcome.SUCCEEDED),
    (Operation.ROLLBACK, Outcome.FAILED),
    (Operation.RESTORE, Outcome.SUCCEEDED),
)


class NamespaceCounters:
    """Counters that have the namespace as a label."""

    def __init__(self) -> None:
        self.requests = Counters(
            "modelalias_requests_total",
            "Requests that ended.",
            "alias_namespace",
            "operation",
            "outcome",
            "reason",
        )
        self.moves = Counters(
            "modelalias_moves_total", "Moves that ended.", "alias_namespace", "operation", "outcome"
        )
        self.gates = Counters(
            "modelalias_gates_total", "Results of gates.", "alias_namespace", "result", "enforcement"
        )
        self.approvals = Counters(
            "modelalias_approvals_total", "Valid approvals and rejections.", "alias_namespace", "decision"
        )
        self.automatic = Counters(
            "modelalias_automatic_requests_total",
            "Requests that the operator filed in its own name.",
            "alias_namespace",
            "operation",
        )
        self.families = (self.requests, self.moves, self.gates, self.approvals, self.automatic)
        self._known: set[str] = set()

    def begin(self, namespace: str) -> None:
        """Show what is likely to be counted for a namespace at 0."""
        if namespace in self._known:
            return
        self._known.add(namespace)
        self.requests.begin((namespace, *map(str, end)) for end in ENDS)
        self.moves.begin((namespace, *map(str, move)) for move in MOVES)
        self.gates.begin((namespace, str(result), "Block") for result in GateResult)
        self.approvals.begin((namespace, str(decision)) for decision in ApprovalDecision)
        self.automatic.begin((namespace, str(item)) for item in (_PROMOTE, _ROLLBACK))

    def text(self) -> str:
        """Return all of them."""
        return texts(self.families)
