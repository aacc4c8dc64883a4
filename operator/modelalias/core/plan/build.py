"""Building a plan: every alias and workload that a move will touch, frozen as it stands."""

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
from modelalias.core.plan.operations import RULES, OperationRules
from modelalias.core.protocol.answers import WORKLOAD_POLL, Answered, NotReady, VerdictSoFar
from modelalias.core.protocol.context import Context
from modelalias.ports import ModelVersion


def build_plan(
    context: Context,
    alias: ModelAlias,
    candidate: ModelVersion,
    champion: str | None,
    request: PromotionRequest | None,
    so_far: VerdictSoFar,
) -> Plan:
    """Build the plan that moves the alias to the candidate.

    It is for a request, or for the pin in the alias's spec. Raises `Answered` while a workload is missing or cannot
    be rolled.
    """
    aliases = context.facts.aliases(alias.spec.model)
    operation = Operation(request.spec.operation) if request else Operation.PIN
    epoch = (alias.status.observed.epoch if alias.status.observed else 0) + 1
    plan = Plan(
        operation=operation,
        aliases=alias_moves(alias, aliases, candidate.version, RULES[operation]),
        run_id=candidate.run_id,
        serving=_frozen_serving(context, alias, champion, candidate.version, epoch),
        rollout=alias.spec.rollout,
        epoch=epoch,
        started_at=context.now,
        evidence=so_far.resolved.evidence if so_far.resolved else None,
        approvers=so_far.approvals.by if so_far.approvals else (),
        verdict=history.findings(so_far.checks, so_far.findings),
    )
    if request is None:
        return plan.changed(reason=f"spec.version was set to {candidate.version}")
    stays = champion == candidate.version
    return plan.changed(
        request=RequestRef(name=request.metadata.name, uid=request.metadata.uid),
        spec_hash=request.spec_hash,
        actor=request.spec.requested_by,
        reason=request.spec.reason or "",
        source_alias=None if stays else _source_alias(context, alias, request, candidate.version),
        tags={} if stays else request.spec.on_success.tags,
    )


def alias_moves(
    alias: ModelAlias, aliases: Mapping[str, str], to: str, rules: OperationRules
) -> tuple[AliasMove, ...]:
    """Return the aliases to move, in the order of the writes: the previous one first."""
    champion = aliases.get(alias.spec.alias)
    main = AliasMove(name=alias.spec.alias, from_=champion, to=to)
    previous = alias.spec.previous_alias if rules.takes_previous_alias else None
    if previous is None or champion is None or champion == to:
        return (main,)
    return (AliasMove(name=previous, from_=aliases.get(previous), to=champion), main)


def _frozen_serving(
    context: Context, alias: ModelAlias, before: str | None, to: str, epoch: int
) -> tuple[PlannedWorkload, ...]:
    """Freeze the workloads.

    One that is missing or cannot be rolled makes the promotion wait, before anything is moved.
    """
    planned = []
    for serving in alias.spec.serving:
        workload = context.facts.workload(rollout.ref_of(serving, alias.metadata.namespace))
        until = context.now + WORKLOAD_POLL
        if workload is None:
            message = f"waits: there is no {rollout.name_of(serving)} in namespace {alias.metadata.namespace}"
            raise Answered(NotReady(Reason.WAITING, message, until))
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
            raise Answered(NotReady(Reason.WAITING, f"waits: {error}", until)) from error
    return tuple(planned)


def _source_alias(
    context: Context, alias: ModelAlias, request: PromotionRequest, version: str
) -> SourceAlias | None:
    source = request.spec.source.alias if request.spec.source else None
    kept = {alias.spec.alias, alias.spec.previous_alias or "", *context.claimed}
    if source is None or not request.spec.on_success.delete_source_alias:
        return None
    if source.casefold() in {name.casefold() for name in kept}:  # MLflow on MySQL takes them for one
        return None
    return SourceAlias(name=source, version=version)
