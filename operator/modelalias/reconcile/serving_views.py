"""What a decision has to know of the alias's workloads beside how they stand: who rolls them, what was told when."""

from collections.abc import Callable
from datetime import datetime

from modelalias.api.alias import ModelAliasStatus
from modelalias.core.protocol.context import Context, ServingView
from modelalias.core.protocol.decision import AliasWrite, Decision
from modelalias.core.serving.look import QUIET
from modelalias.ports import WorkloadRef
from modelalias.reconcile.memory import Memory
from modelalias.reconcile.queue import Key
from modelalias.reconcile.workloads_seen import WorkloadsSeen


class ServingViews:
    """Remembers, for each alias, when its status last told anew how its workloads stand, while nothing moved."""

    def __init__(self, memory: Memory, seen: WorkloadsSeen, wall: Callable[[], datetime]) -> None:
        """Take what is known of the cluster, and a wall clock."""
        self._memory, self._seen, self._wall = memory, seen, wall
        self._told: dict[Key, datetime] = {}

    def view(self, key: Key) -> ServingView:
        """Return what is known now."""
        refs, told = self._memory.serving(key), self._told.get(key)
        return ServingView(
            busy=self._seen.busy(key, refs),
            dips=self._seen.dips(refs),
            quiet_until=None if told is None else told + QUIET,
        )

    def written(self, key: Key, before: ModelAliasStatus, after: ModelAliasStatus) -> None:
        """Note a write of a status: whether it told anew of workloads that it had told of before."""
        if before.plan is not None or after.plan is not None or before.serving == after.serving:
            return
        if _names(before) == _names(after):
            self._told[key] = self._wall()

    def forget(self, key: Key) -> None:
        """Forget an alias that is gone."""
        self._told.pop(key, None)

    def reserve(self, key: Key, context: Context, decision: Decision) -> None:
        """Let nobody else begin to roll the workloads of a plan that begins with this decision, until `release`."""
        before = None if context.alias is None else context.alias.status.plan
        plans = (write.status.plan for write in decision.writes if isinstance(write, AliasWrite))
        plan = next((item for item in plans if item is not None), None)
        planned = () if before is not None or plan is None else plan.serving
        refs = (WorkloadRef(kind=item.kind, namespace=context.namespace, name=item.name) for item in planned)
        self._seen.reserve(key, refs)

    def release(self, key: Key) -> None:
        """Give up what was reserved: the status says who rolls what."""
        self._seen.release(key)


def _names(status: ModelAliasStatus) -> list[tuple[str, str]]:
    return [(item.kind, item.name) for item in status.serving]
