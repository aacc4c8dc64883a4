"""Planning: the plan that moves an alias, with every alias and workload it will touch frozen as it stands."""

from collections.abc import Mapping

from modelalias.api.alias import (
    AliasMove,
    ModelAlias,
    Operation,
    Plan,
    PlannedWorkload,
    RequestRef,
    SourceAlias,
)
from modelalias.api.conditions import Reason
from modelalias.api.request import PromotionRequest
from modelalias.core.errors import InvalidRequest
from modelalias.core.ledger import history
from modelalias.core.plan import rollout
from modelalias.core.protocol.answers import WORKLOAD_POLL, Stop, Verdict, Waits
from modelalias.core.protocol.context import World
from modelalias.ports import ModelVersion


def plan(
    world: World,
    alias: ModelAlias,
    candidate: ModelVersion,
    champion: str | None,
    request: PromotionRequest | None,
    verdict: Verdict,
) -> Plan:
    """Make the plan that moves the alias to the candidate: for a request, or for the pin in the alias's spec.

    Raises `Stop` while a workload is missing or cannot be rolled.
    """
    held = world.facts.aliases(alias.spec.model)
    epoch = (alias.status.observed.epoch if alias.status.observed else 0) + 1
    made = Plan(
        operation=Operation(request.spec.operation) if request else Operation.PIN,
        aliases=moves(alias, held, candidate.version),
        run_id=candidate.run_id,
        serving=_frozen_serving(world, alias, champion, candidate.version, epoch),
        rollout=alias.spec.rollout,
        epoch=epoch,
        started_at=world.now,
        evidence=verdict.resolved.evidence if verdict.resolved else None,
        approvers=verdict.approvals.by[:16] if verdict.approvals else (),
        verdict=history.findings(verdict.checks, verdict.findings),
    )
    if request is None:
        return made.model_copy(update={"reason": f"spec.version was set to {candidate.version}"})
    return made.model_copy(
        update={
            "request": RequestRef(name=request.metadata.name, uid=request.metadata.uid),
            "spec_hash": request.spec_hash,
            "actor": request.spec.requested_by,
            "reason": request.spec.reason or "",
            "source_alias": None
            if champion == candidate.version
            else _source_alias(world, alias, request, candidate.version),
            "tags": {} if champion == candidate.version else request.spec.on_success.tags,
        }
    )


def moves(alias: ModelAlias, held: Mapping[str, str], to: str) -> tuple[AliasMove, ...]:
    """Return the aliases to move, in the order of the writes: the previous one first."""
    champion = held.get(alias.spec.alias)
    main = AliasMove(name=alias.spec.alias, from_=champion, to=to)
    previous = alias.spec.previous_alias
    if previous is None or champion is None or champion == to:
        return (main,)
    return (AliasMove(name=previous, from_=held.get(previous), to=champion), main)


def _frozen_serving(
    world: World, alias: ModelAlias, before: str | None, to: str, epoch: int
) -> tuple[PlannedWorkload, ...]:
    """Freeze the workloads; one that is missing or cannot be rolled makes the promotion wait, before anything is moved."""
    planned = []
    for serving in alias.spec.serving:
        workload = world.facts.workload(rollout.ref_of(serving, alias.metadata.namespace))
        until = world.now + WORKLOAD_POLL
        if workload is None:
            told = f"waits: there is no {rollout.name_of(serving)} in namespace {alias.metadata.namespace}"
            raise Stop(Waits(Reason.WAITING, told, until))
        try:
            planned.append(
                rollout.plan_workload(
                    serving,
                    workload,
                    alias=alias.metadata.name,
                    model=alias.spec.model,
                    before=before,
                    to=to,
                    epoch=epoch,
                )
            )
        except InvalidRequest as error:
            raise Stop(Waits(Reason.WAITING, f"waits: {error}", until)) from error
    return tuple(planned)


def _source_alias(
    world: World, alias: ModelAlias, request: PromotionRequest, version: str
) -> SourceAlias | None:
    source = request.spec.source.alias if request.spec.source else None
    kept = {alias.spec.alias, alias.spec.previous_alias, *world.claimed}
    if source is None or not request.spec.on_success.delete_source_alias or source in kept:
        return None
    return SourceAlias(name=source, version=version)
