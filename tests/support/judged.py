"""How a workload of a plan is judged, without an engine."""

from datetime import datetime

from modelalias.api.alias import AliasMove, ModelAlias, ModelAliasStatus, Plan, PlannedWorkload, ServingStatus
from modelalias.api.metadata import Metadata
from modelalias.core.plan.progress import Progress, progress
from modelalias.core.protocol.facts import Facts
from modelalias.core.protocol.questions import FreshWorkloadOf, PodsOf, WorkloadOf
from modelalias.ports import Workload, WorkloadRef
from tests.support.harness import START
from tests.support.world import ALIAS, NAMESPACE, alias_spec


def judged(
    plan: Plan,
    planned: PlannedWorkload,
    workload: Workload | None,
    before: ServingStatus | None = None,
    *,
    now: datetime = START,
) -> Progress:
    """Judge a workload as it was seen, of a ModelAlias x whose status has this entry of it."""
    ref = WorkloadRef(kind=planned.kind, namespace=NAMESPACE, name=planned.name)
    alias = ModelAlias(
        metadata=Metadata(name="x", namespace=NAMESPACE, uid="u", resource_version="1"),
        spec=alias_spec(),
        status=ModelAliasStatus(serving=() if before is None else (before,)),
    )
    plan = plan.changed(
        aliases=plan.aliases or (AliasMove(name=ALIAS, from_="1", to="2"),),
        rollout=plan.rollout.model_copy(update={"stable_seconds": 0}),
    )
    facts = Facts(
        {
            WorkloadOf(ref=ref): workload,
            FreshWorkloadOf(ref=ref): workload,
            PodsOf(ref=ref): (),
            PodsOf(ref=ref, fresh=True): (),
        }
    )
    return progress(alias, plan, planned, facts, now)
