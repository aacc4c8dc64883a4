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
from modelalias.api.gates import MetricSource
from modelalias.api.plan import JudgedMetric, JudgedMetrics
from modelalias.api.request import GateResult, PromotionRequest
from modelalias.core.errors import InvalidRequest
from modelalias.core.ledger import history
from modelalias.core.plan import rollout, windows
from modelalias.core.plan.operations import RULES, OperationRules
from modelalias.core.protocol.answers import WORKLOAD_POLL, Answered, NotReady, VerdictSoFar
from modelalias.core.protocol.context import Context
from modelalias.ports import ModelVersion


def build_plan(
    context: Context,
    alias: ModelAlias,
    candidate: ModelVersion,
    request: PromotionRequest | None,
    so_far: VerdictSoFar,
) -> Plan:
    """Build the plan that moves the alias from what was accepted last to the candidate.

    It is for a request, or for the pin in the alias's spec. Raises `Answered` while policy.windows let nothing
    begin, and while a workload is missing or cannot be rolled.
    """
    operation = Operation(request.spec.operation) if request else Operation.PIN
    plan = _freeze(context, alias, candidate, operation).changed(
        judged=_judged(alias, request, so_far),
        evidence=so_far.resolved.evidence if so_far.resolved else None,
        approvers=so_far.approvals.by if so_far.approvals else (),
        verdict=history.findings(so_far.checks, so_far.findings),
    )
    if request is None:
        signer = context.identity.signer(alias)
        unsigned = "" if signer else f"; {_why_unsigned(context)}"
        return plan.changed(actor=signer, reason=f"spec.version was set to {candidate.version}{unsigned}")
    stays = alias.status.current is not None and alias.status.current.version == candidate.version
    return plan.changed(
        request=RequestRef(name=request.metadata.name, uid=request.metadata.uid),
        spec_hash=request.spec_hash,
        actor=request.spec.requested_by,
        reason=request.spec.reason or "",
        source_alias=None if stays else _source_alias(context, alias, request, candidate.version),
        tags={} if stays else request.spec.on_success.tags,
    )


def build_correction(
    context: Context,
    alias: ModelAlias,
    version: ModelVersion,
    operation: Operation,
    reason: str,
    *,
    rolls: bool,
) -> Plan:
    """Build the plan by which the operator itself sets the alias back, or takes over what somebody moved it to.

    Without `rolls` the workloads are left alone. Raises `Answered` as `build_plan` does.
    """
    plan = _freeze(context, alias, version, operation, rolls=rolls)
    return plan.changed(actor=context.by_itself.account or None, reason=reason)


def _freeze(
    context: Context, alias: ModelAlias, candidate: ModelVersion, operation: Operation, *, rolls: bool = True
) -> Plan:
    """Freeze the aliases and the workloads as they stand, with where they go."""
    windows.require_open(alias, operation, context.now)
    aliases = context.facts.aliases(alias.spec.model)
    accepted = None if alias.status.current is None else alias.status.current.version
    serving: tuple[PlannedWorkload, ...] = ()
    epoch = _next_epoch(context, alias)
    if rolls:
        _wait_for_other_plans(context, alias)
        serving = _frozen_serving(context, alias, accepted, candidate.version, epoch)
    return Plan(
        operation=operation,
        aliases=alias_moves(alias, aliases, candidate.version, RULES[operation]),
        run_id=candidate.run_id,
        registered_at=candidate.registered_at,
        serving=_as_they_are(context, alias, serving),
        rollout=alias.spec.rollout,
        epoch=epoch,
        started_at=context.now,
    )


def _judged(alias: ModelAlias, request: PromotionRequest | None, so_far: VerdictSoFar) -> JudgedMetrics:
    """Return the metrics of the candidate's run that passed, by the gates of the policy and of the request."""
    wanted = (*alias.spec.policy.gates, *(request.spec.additional_gates if request else ()))
    of_run = {item.name for item in wanted if item.metric_from is MetricSource.RUN}
    passed = {
        item.metric: item.candidate
        for item in so_far.findings
        if item.name in of_run and item.result is GateResult.PASSED and item.candidate is not None
    }
    return tuple(JudgedMetric(metric=metric, value=value) for metric, value in sorted(passed.items()))


def _next_epoch(context: Context, alias: ModelAlias) -> int:
    """Return an epoch that no workload has had, also not from a ModelAlias of the same name before this one."""
    namespace, name = alias.metadata.namespace, alias.metadata.name
    refs = (rollout.ref_of(serving, namespace) for serving in alias.spec.serving)
    workloads = [workload for workload in map(context.facts.workload, refs) if workload is not None]
    marks = [workload.marks[name] for workload in workloads if name in workload.marks]
    known = alias.status.observed.epoch if alias.status.observed else 0
    return 1 + max([known, *map(rollout.epoch_of, marks)])


def _why_unsigned(context: Context) -> str:
    unproved = context.identity.pins_unproved
    return f"who set it is not proved: {unproved}" if unproved else "nobody signed for it"


def alias_moves(
    alias: ModelAlias, aliases: Mapping[str, str], to: str, rules: OperationRules
) -> tuple[AliasMove, ...]:
    """Return the aliases to move, in the order of the writes: the previous one first.

    The managed alias goes from what was accepted last, also where somebody moved it since.
    """
    accepted = None if alias.status.current is None else alias.status.current.version
    named = aliases.get(alias.spec.alias)
    main = AliasMove(name=alias.spec.alias, from_=accepted, to=to)
    if named != accepted:
        main = main.changed(drifted=True, found=named)
    previous = alias.spec.previous_alias if rules.takes_previous_alias else None
    if previous is None or accepted is None or accepted == to:
        return (main,)
    return (AliasMove(name=previous, from_=aliases.get(previous), to=accepted), main)


def _frozen_serving(
    context: Context, alias: ModelAlias, before: str | None, to: str, epoch: int
) -> tuple[PlannedWorkload, ...]:
    """Freeze the workloads of all waves.

    Those that are missing or cannot be rolled make the promotion wait, before anything is moved.
    """
    planned, objections = [], []
    for serving in alias.spec.serving:
        workload = context.facts.workload(rollout.ref_of(serving, alias.metadata.namespace))
        if workload is None:
            objections.append(context.facts.why_missing(rollout.ref_of(serving, alias.metadata.namespace)))
            continue
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
                    address=_address(context, alias, to) if workload.needs_address else "",
                )
            )
        except InvalidRequest as error:
            objections.append(str(error))
    if objections:
        message = f"waits: {'; '.join(objections)}"
        raise Answered(NotReady(Reason.WAITING, message, context.now + WORKLOAD_POLL))
    return tuple(planned)


def _address(context: Context, alias: ModelAlias, version: str) -> str:
    """Return where the files of the version lie."""
    return context.facts.artifact_address(alias.spec.model, version)


def _wait_for_other_plans(context: Context, alias: ModelAlias) -> None:
    """Wait while another ModelAlias rolls a workload that this one names too: else nobody knows whose fault it is."""
    for serving in alias.spec.serving:
        other = context.serving.busy.get(rollout.ref_of(serving, alias.metadata.namespace))
        if other is not None:
            message = f"waits: ModelAlias {other} is rolling {rollout.name_of(serving)}, which both name"
            raise Answered(NotReady(Reason.WAITING, message, context.now + WORKLOAD_POLL))


def _as_they_are(
    context: Context, alias: ModelAlias, planned: tuple[PlannedWorkload, ...]
) -> tuple[PlannedWorkload, ...]:
    """Freeze how many replicas are missing already, and how the pods are asked what they serve."""
    asked = {(item.kind, item.name): item.verify for item in alias.spec.serving}
    frozen = []
    for item in planned:
        workload = context.facts.workload(rollout.ref_of(item, alias.metadata.namespace))
        replicas = None if workload is None else workload.replicas()
        missing = 0 if replicas is None else max(0, replicas.desired - replicas.available)
        if missing and replicas is not None and alias.spec.rollout.require_whole:
            message = (
                f"waits: {rollout.name_of(item)} is not whole, {replicas.available} of {replicas.desired} replicas "
                "are available, and rollout.requireWhole is set"
            )
            raise Answered(NotReady(Reason.WAITING, message, context.now + WORKLOAD_POLL))
        short = (
            0 if replicas is None else max(0, min(missing, replicas.desired - 1))
        )  # one at least has to load it
        frozen.append(item.changed(short=short, verify=asked[item.kind, item.name]))
    return tuple(frozen)


def _source_alias(
    context: Context, alias: ModelAlias, request: PromotionRequest, version: str
) -> SourceAlias | None:
    source = request.spec.source.alias if request.spec.source else None
    rule = alias.spec.policy.auto_promote
    if rule is not None and request.spec.requested_by == context.by_itself.account:
        source = (
            rule.from_alias
        )  # the operator asks for the version that the alias named when it filed the request
    kept = {alias.spec.alias, alias.spec.previous_alias or "", *context.claimed}
    if source is None or not request.spec.on_success.delete_source_alias:
        return None
    if source.casefold() in {name.casefold() for name in kept}:  # MLflow on MySQL takes them for one
        return None
    return SourceAlias(name=source, version=version)
