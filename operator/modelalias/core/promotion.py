"""Promotion: what a request asks for, whether it may have it, and the plan that gives it.

A request is looked at from the top each time until there is a plan: its source is resolved once, NoOp is decided before the
gates, the gates are judged on the runs' metrics, and the workloads are frozen with the values to go back to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

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
from modelalias.api.request import Finding, GateResult, Phase, PromotionRequest, Resolved
from modelalias.core import gates, history, rollout
from modelalias.core.errors import InvalidRequest, ModelNotFound, NotFound, RunNotFound, VersionNotFound
from modelalias.core.facts import Facts, Failed
from modelalias.core.world import World
from modelalias.ports import ModelVersion, VersionState

T = TypeVar("T")

VERSION_POLL = timedelta(seconds=10)
WORKLOAD_POLL = timedelta(seconds=15)
ANSWER_POLL = timedelta(seconds=5)

_NOT_FOUND = {
    ModelNotFound: Reason.MODEL_NOT_FOUND,
    VersionNotFound: Reason.VERSION_GONE,
    RunNotFound: Reason.RUN_NOT_FOUND,
}


@dataclass(frozen=True)
class Verdict:
    """What was found about a request so far."""

    resolved: Resolved | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Ended:
    """The request is over without a plan."""

    phase: Phase
    reason: Reason
    explanation: str
    verdict: Verdict = field(default_factory=Verdict)


@dataclass(frozen=True)
class Waits:
    """Something has to happen first; the request holds no place in the queue meanwhile."""

    reason: Reason
    explanation: str
    until: datetime | None = None
    verdict: Verdict = field(default_factory=Verdict)


@dataclass(frozen=True)
class Goes:
    """The request may have what it asks for."""

    plan: Plan
    verdict: Verdict


Answer = Ended | Waits | Goes


class _Stop(Exception):
    def __init__(self, answer: Ended | Waits) -> None:
        super().__init__(answer)
        self.answer = answer


def consider(world: World, alias: ModelAlias, request: PromotionRequest) -> Answer:
    """Judge a request that is next in line, or that is a dry run."""
    try:
        return _consider(world, alias, request)
    except _Stop as stop:
        return stop.answer
    except Failed as failed:
        return _no_answer(failed, world.now)


def _no_answer(failed: Failed, now: datetime) -> Waits:
    return Waits(failed.reason, f"waits: {failed.error}", now + ANSWER_POLL)


def _consider(world: World, alias: ModelAlias, request: PromotionRequest) -> Answer:
    facts, spec, now = world.facts, request.spec, world.now
    candidate, run_id, told = _candidate(alias, request, facts, now)
    held = _found(lambda: facts.aliases(alias.spec.model))
    champion = held.get(alias.spec.alias)
    name = f"version {candidate.version}" if candidate else f"run {run_id}"
    resolved = Resolved(version=candidate.version, run_id=run_id, champion=champion, from_=told) if candidate else None
    verdict = Verdict(resolved=resolved)
    if spec.expected_current is not None and spec.expected_current != champion:
        return Ended(
            Phase.REJECTED,
            Reason.STALE_CHAMPION,
            f"the request expects {alias.spec.alias} to hold version {spec.expected_current}, it holds {champion or 'none'}",
            verdict,
        )
    if candidate is not None and candidate.version == champion:
        return _no_op(world, alias, request, candidate, verdict)
    findings = _judge(alias, facts, run_id, champion, now)
    verdict = Verdict(resolved=resolved, findings=findings)
    refused = [item for item in findings if gates.blocks(item)]
    if refused:
        unclear = all(item.result is GateResult.INCONCLUSIVE for item in refused)
        why = "; ".join(gates.sentence(item) for item in refused)
        return Ended(
            Phase.REJECTED, Reason.INCONCLUSIVE if unclear else Reason.GATES_FAILED, f"{name} refused: {why}", verdict
        )
    counted = f"{gates.passed(findings)} gates passed" if findings else "no gates are set"
    if spec.dry_run or candidate is None:
        told = f"dry run: {name} would replace {champion or 'nothing'} as {alias.spec.alias}; {counted}"
        return Ended(Phase.SUCCEEDED, Reason.DRY_RUN, told, verdict)
    return _go(world, alias, request, candidate, verdict)


def _candidate(
    alias: ModelAlias, request: PromotionRequest, facts: Facts, now: datetime
) -> tuple[ModelVersion | None, str | None, str]:
    """Return the version that the source names, its run, and the source in words; the version is None in a dry run only."""
    model, source = alias.spec.model, request.spec.source
    frozen = request.status.resolved
    if frozen is not None:
        version, told = frozen.version, frozen.from_
    elif source is None:
        raise AssertionError("the API server lets no Promote in without a source")
    elif source.run_id is not None:
        run_id, path = source.run_id, source.artifact_path
        made = _found(lambda: facts.version_of_run(model, run_id, path, register=not request.spec.dry_run))
        told = f"run {run_id}"
        if made is None:
            return None, run_id, told
        return _ready(made, now), made.run_id or run_id, told
    elif source.alias is not None:
        named = _found(lambda: facts.aliases(model)).get(source.alias)
        if named is None:
            told = f"nothing to do: {model} has no alias {source.alias}"
            raise _Stop(Ended(Phase.SUCCEEDED, Reason.NO_CHALLENGER, told))
        version, told = named, f"alias {source.alias}"
    else:
        version = source.version or ""
        told = f"version {version}"
    wanted = version
    found = _found(lambda: facts.version(model, wanted))
    frozen = frozen or Resolved(version=version, run_id=found.run_id, from_=told)
    return _ready(found, now, Verdict(resolved=frozen)), found.run_id, told


def _found(read: Callable[[], T]) -> T:
    try:
        return read()
    except NotFound as error:
        raise _Stop(Ended(Phase.REJECTED, _NOT_FOUND.get(type(error), Reason.INVALID), str(error))) from error
    except InvalidRequest as error:
        raise _Stop(Ended(Phase.REJECTED, Reason.INVALID, str(error))) from error


def _ready(version: ModelVersion, now: datetime, verdict: Verdict | None = None) -> ModelVersion:
    if version.state is VersionState.FAILED:
        told = f"the registration of version {version.version} failed"
        raise _Stop(Ended(Phase.REJECTED, Reason.VERSION_NOT_READY, told))
    if version.state is VersionState.PENDING:
        told = f"waits until version {version.version} is registered"
        raise _Stop(Waits(Reason.VERSION_NOT_READY, told, now + VERSION_POLL, verdict or Verdict()))
    return version


def _judge(alias: ModelAlias, facts: Facts, run_id: str | None, champion: str | None, now: datetime) -> tuple[Finding, ...]:
    rules = alias.spec.policy.gates
    if not rules:
        return ()
    champion_run = None
    if champion is not None and any(item.champion is not None for item in rules):
        champion_run = _run_of_champion(alias, facts, champion)
    runs = facts.runs(tuple(sorted({item for item in (run_id, champion_run) if item is not None})))
    if run_id is not None and run_id in runs and not runs[run_id].finished:
        raise _Stop(Waits(Reason.WAITING, f"waits until run {run_id} has finished", now + VERSION_POLL))

    def metrics(run: str | None) -> Mapping[str, Decimal]:
        return runs[run].metrics if run is not None and run in runs else {}

    return gates.judge(rules, metrics(run_id), None if champion is None else metrics(champion_run), now)


def _run_of_champion(alias: ModelAlias, facts: Facts, champion: str) -> str | None:
    """Return the champion's run: the one that was recorded when it was promoted, else the registry's word."""
    known = alias.status.current
    if known is not None and known.version == champion and known.run_id is not None:
        return known.run_id
    return _found(lambda: facts.version(alias.spec.model, champion)).run_id


def _no_op(world: World, alias: ModelAlias, request: PromotionRequest, candidate: ModelVersion, verdict: Verdict) -> Answer:
    told = f"{alias.spec.alias} holds version {candidate.version} already"
    if request.spec.dry_run:
        return Ended(Phase.SUCCEEDED, Reason.NO_OP, told, verdict)
    if alias.status.current is None or alias.status.current.version != candidate.version:
        return _go(world, alias, request, candidate, verdict)
    for serving in alias.spec.serving:
        workload = world.facts.workload(rollout.ref_of(serving, alias.metadata.namespace))
        name, model = alias.metadata.name, alias.spec.model
        if workload is None or not rollout.is_served(serving, workload, alias=name, model=model, version=candidate.version):
            return _go(world, alias, request, candidate, verdict)
    return Ended(Phase.SUCCEEDED, Reason.NO_OP, told, verdict)


def _go(world: World, alias: ModelAlias, request: PromotionRequest, candidate: ModelVersion, verdict: Verdict) -> Answer:
    champion = verdict.resolved.champion if verdict.resolved else None
    try:
        return Goes(plan(world, alias, candidate, champion, request), verdict)
    except _Stop as stop:
        return replace(stop.answer, verdict=verdict)


def plan(
    world: World, alias: ModelAlias, candidate: ModelVersion, champion: str | None, request: PromotionRequest | None
) -> Plan:
    """Make the plan that moves the alias to the candidate: for a request, or for the pin in the alias's spec."""
    held = world.facts.aliases(alias.spec.model)
    epoch = (alias.status.observed.epoch if alias.status.observed else 0) + 1
    made = Plan(
        operation=Operation.PROMOTE if request else Operation.PIN,
        aliases=moves(alias, held, candidate.version),
        run_id=candidate.run_id,
        serving=_frozen_serving(world, alias, champion, candidate.version, epoch),
        rollout=alias.spec.rollout,
        epoch=epoch,
        started_at=world.now,
    )
    if request is None:
        return made.model_copy(update={"reason": f"spec.version was set to {candidate.version}"})
    return made.model_copy(
        update={
            "request": RequestRef(name=request.metadata.name, uid=request.metadata.uid),
            "spec_hash": history.spec_hash(request),
            "actor": request.spec.requested_by,
            "reason": request.spec.reason or "",
            "source_alias": None if champion == candidate.version else _source_alias(world, alias, request, candidate.version),
            "tags": {} if champion == candidate.version else request.spec.on_success.tags,
        }
    )


def pin(world: World, alias: ModelAlias, version: str) -> Goes | Waits | Ended:
    """Judge the owner's pin: a trusted one only has to name a version that is there."""
    try:
        candidate = _ready(_found(lambda: world.facts.version(alias.spec.model, version)), world.now)
        champion = _found(lambda: world.facts.aliases(alias.spec.model)).get(alias.spec.alias)
        return Goes(plan(world, alias, candidate, champion, None), Verdict())
    except _Stop as stop:
        return stop.answer
    except Failed as failed:
        return _no_answer(failed, world.now)


def moves(alias: ModelAlias, held: Mapping[str, str], to: str) -> tuple[AliasMove, ...]:
    """Return the aliases to move, in the order of the writes: the previous one first."""
    champion = held.get(alias.spec.alias)
    main = AliasMove(name=alias.spec.alias, from_=champion, to=to)
    previous = alias.spec.previous_alias
    if previous is None or champion is None or champion == to:
        return (main,)
    return (AliasMove(name=previous, from_=held.get(previous), to=champion), main)


def _frozen_serving(world: World, alias: ModelAlias, before: str | None, to: str, epoch: int) -> tuple[PlannedWorkload, ...]:
    """Freeze the workloads; one that is missing or cannot be rolled makes the promotion wait, before anything is moved."""
    planned = []
    for serving in alias.spec.serving:
        workload = world.facts.workload(rollout.ref_of(serving, alias.metadata.namespace))
        until = world.now + WORKLOAD_POLL
        if workload is None:
            told = f"waits: there is no {rollout.name_of(serving)} in namespace {alias.metadata.namespace}"
            raise _Stop(Waits(Reason.WAITING, told, until))
        try:
            planned.append(
                rollout.plan_workload(
                    serving, workload, alias=alias.metadata.name, model=alias.spec.model, before=before, to=to, epoch=epoch
                )
            )
        except InvalidRequest as error:
            raise _Stop(Waits(Reason.WAITING, f"waits: {error}", until)) from error
    return tuple(planned)


def _source_alias(world: World, alias: ModelAlias, request: PromotionRequest, version: str) -> SourceAlias | None:
    source = request.spec.source.alias if request.spec.source else None
    kept = {alias.spec.alias, alias.spec.previous_alias, *world.claimed}
    if source is None or not request.spec.on_success.delete_source_alias or source in kept:
        return None
    return SourceAlias(name=source, version=version)
