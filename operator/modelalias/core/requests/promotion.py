"""Promotion: whether a request may have what it asks for, and what it is told while that is not known yet.

A request is looked at from the top each time until there is a plan: its source is resolved once, a request
that ended before ends again, NoOp is decided before the gates, the verdict is given on the registry's
numbers, people are asked where the owner wants that. Rollback and Swap are not judged.
"""

from dataclasses import dataclass, replace

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.gates import Gate, MetricSource
from modelalias.api.request import GateResult, Phase, PromotionRequest, RequestOperation
from modelalias.core.errors import Unavailable
from modelalias.core.judging import approvals, gates, verdict
from modelalias.core.judging.verdict import Conclusion, Judgement
from modelalias.core.plan import rollout
from modelalias.core.plan.build import plan
from modelalias.core.protocol.answers import (
    Answer,
    Ended,
    Goes,
    Holds,
    Stop,
    Verdict,
    found,
    no_answer,
)
from modelalias.core.protocol.context import World
from modelalias.core.protocol.facts import Failed
from modelalias.core.requests import cases, replay, rollback
from modelalias.core.requests import source as candidate
from modelalias.core.requests.source import Candidate
from modelalias.ports import Aliases, ModelVersion

_HOLD_THEIR_PLACE = frozenset({Phase.EVALUATING, Phase.AWAITING_APPROVAL})


def consider(world: World, alias: ModelAlias, request: PromotionRequest) -> Answer:
    """Judge a request that is next in line, or that is a dry run.

    While something does not answer, one that is next keeps its place: who comes later must not go before it.
    Where the answer is no, others may go, but for a rollback.
    """
    try:
        return _consider(world, alias, request)
    except Stop as stop:
        return stop.answer
    except Failed as failed:
        answer, phase = no_answer(failed, world.now), request.status.phase
        goes_back = request.spec.operation is not RequestOperation.PROMOTE
        if phase is not None and phase in _HOLD_THEIR_PLACE:
            return Holds(phase, answer.reason, answer.explanation, answer.until)
        if not request.spec.dry_run and (goes_back or isinstance(failed.error, Unavailable)):
            return Holds(Phase.PENDING, answer.reason, answer.explanation, answer.until)
        return answer


@dataclass(frozen=True)
class _Hearing:
    """Whose request is being judged, and on which version."""

    world: World
    alias: ModelAlias
    request: PromotionRequest
    candidate: Candidate
    held: Aliases
    undoes: bool = False
    """Whether a plan under way would be undone first."""

    @property
    def champion(self) -> str | None:
        """The version that the alias holds."""
        return self.held.get(self.alias.spec.alias)


def _consider(world: World, alias: ModelAlias, request: PromotionRequest) -> Answer:
    spec, wanted = request.spec, _gates(alias, request)
    before = replay.by_search(world, alias, request)
    if before is not None:
        return before
    hearing = _hear(world, alias, request)
    version, champion = hearing.candidate.version, hearing.champion
    before = replay.by_version(alias, request, version)
    if before is not None:
        return before
    if spec.expected_current is not None and spec.expected_current != champion:
        undone = ", once the plan under way is undone" if hearing.undoes else ""
        told = f"the request expects {alias.spec.alias} to hold version {spec.expected_current}"
        told += f", it holds {champion or 'none'}{undone}"
        return Ended(
            Phase.REJECTED,
            Reason.STALE_CHAMPION,
            told,
            Verdict(resolved=hearing.candidate.resolved(champion)),
        )
    if version is not None and version.version == champion:
        if rollback.was_held(alias, version):
            return _no_op(hearing, version)
        hearing = _before_the_stranger(hearing)
    if version is not None and spec.operation is not RequestOperation.PROMOTE:
        return _go_back(hearing, version, wanted)
    return _judge(hearing, wanted)


def _hear(world: World, alias: ModelAlias, request: PromotionRequest) -> _Hearing:
    """Find out which version is asked for, and what the aliases hold."""
    if request.spec.operation is RequestOperation.PROMOTE:
        asked = candidate.of_request(alias, request, world.facts, world.now)
        return _Hearing(world, alias, request, asked, found(lambda: world.facts.aliases(alias.spec.model)))
    held, undoes = found(lambda: world.facts.aliases(alias.spec.model)), False
    if alias.status.plan is not None and not request.spec.dry_run:
        held, undoes = rollback.standing(alias, held), True
    return _Hearing(world, alias, request, rollback.of_request(world, alias, request, held), held, undoes)


def _before_the_stranger(hearing: _Hearing) -> _Hearing:
    """Compare a version that somebody else made champion with the one before: nobody has judged it."""
    name, current = hearing.alias.spec.alias, hearing.alias.status.current
    others = {alias: version for alias, version in hearing.held.items() if alias != name}
    return replace(hearing, held={**others, name: current.version} if current is not None else others)


def _judge(hearing: _Hearing, wanted: tuple[Gate, ...]) -> Answer:
    world, alias, request, asked = hearing.world, hearing.alias, hearing.request, hearing.candidate
    spec, meta, rules = request.spec, request.metadata, alias.spec.policy.approval
    owner = None if spec.dry_run else cases.owner(request.kind, meta.namespace, meta.name, meta.uid)
    case = replace(
        cases.of_alias(alias, asked, hearing.held, wanted, owner),
        soaking_since=cases.soaking_since(world, alias, asked.version),
        evaluated=request.status.evaluation,
        may_ask=approvals.is_needed(rules, inconclusive=True),
        skip="skipGates" if spec.skip_gates else "",
    )
    judged = verdict.judge(case, world.facts, world.now)
    so_far = cases.so_far(asked, hearing.champion, judged)
    return cases.open_answer(judged, so_far, world.now) or _answer(hearing, judged, so_far)


def _go_back(hearing: _Hearing, version: ModelVersion, wanted: tuple[Gate, ...]) -> Answer:
    """Let a rollback or a swap go: it was judged when it was promoted."""
    spec, now = hearing.request.spec, hearing.world.now
    findings = tuple(gates.skipped(item, spec.operation, now) for item in wanted)
    so_far = Verdict(resolved=hearing.candidate.resolved(hearing.champion), findings=findings)
    if spec.dry_run:
        told = f"dry run: {hearing.candidate.name} would replace {hearing.champion or 'nothing'} as {hearing.alias.spec.alias}"
        return Ended(
            Phase.SUCCEEDED, Reason.DRY_RUN, f"{told}; no gate is judged for a {spec.operation}", so_far
        )
    return _go(hearing, version, so_far)


def _gates(alias: ModelAlias, request: PromotionRequest) -> tuple[Gate, ...]:
    """Return the policy's gates and those that the request adds.

    A request cannot put another gate in a policy's place.
    """
    policy, added = alias.spec.policy, request.spec.additional_gates
    taken = sorted({item.name for item in policy.gates} & {item.name for item in added})
    if taken:
        told = f"additionalGates names gates of the policy, which cannot be redefined: {', '.join(taken)}"
        raise Stop(Ended(Phase.REJECTED, Reason.INVALID, told))
    if policy.evaluation is None and any(item.metric_from is MetricSource.EVALUATION for item in added):
        told = f"additionalGates wants an evaluation, and ModelAlias {alias.metadata.name} has no policy.evaluation"
        raise Stop(Ended(Phase.REJECTED, Reason.INVALID, told))
    return (*policy.gates, *added)


def _answer(hearing: _Hearing, judged: Judgement, so_far: Verdict) -> Answer:
    version = hearing.candidate.version
    unclear, spec = judged.conclusion is Conclusion.INCONCLUSIVE, hearing.request.spec
    asks = approvals.is_needed(hearing.alias.spec.policy.approval, inconclusive=unclear)
    if judged.conclusion is Conclusion.REFUSED or (unclear and not asks):
        return _refuse(hearing, so_far, *cases.why_not(judged))
    asks = asks or spec.skip_gates or hearing.world.identity.is_machine(spec.requested_by)
    if hearing.request.spec.dry_run or version is None:
        return _rehearsed(hearing, judged, so_far, asks=asks)
    return _ask(hearing, version, judged, so_far) if asks else _go(hearing, version, so_far)


def _refuse(hearing: _Hearing, so_far: Verdict, reason: Reason, told: str) -> Ended:
    return Ended(Phase.REJECTED, reason, f"{hearing.candidate.name} refused: {told}", so_far)


def _rehearsed(hearing: _Hearing, judged: Judgement, so_far: Verdict, *, asks: bool) -> Ended:
    """End a dry run that nothing refuses."""
    findings, alias = judged.findings, hearing.alias.spec
    told = [
        f"dry run: {hearing.candidate.name} would replace {hearing.champion or 'nothing'} as {alias.alias}"
    ]
    told.append(_passed(hearing, judged))
    left = (
        []
        if hearing.request.spec.skip_gates
        else [item.name for item in findings if item.result is GateResult.SKIPPED]
    )
    if left:
        told.append(f"not judged, because a dry run starts no evaluation: {', '.join(left)}")
    if judged.conclusion is Conclusion.INCONCLUSIVE:
        told.append(f"could not be judged: {cases.why_not(judged)[1]}")
    if asks:
        minimum = alias.policy.approval.minimum
        told.append(f"it would need {minimum} approval{'s' if minimum > 1 else ''}")
    return Ended(Phase.SUCCEEDED, Reason.DRY_RUN, "; ".join(told), so_far)


def _ask(hearing: _Hearing, version: ModelVersion, judged: Judgement, so_far: Verdict) -> Answer:
    """Ask people, and go on once enough of them have approved the evidence that stands."""
    rules, before, now = (
        hearing.alias.spec.policy.approval,
        hearing.request.status.approvals,
        hearing.world.now,
    )
    counted = approvals.count(
        rules, hearing.request.spec, judged.evidence or "", hearing.world.identity.voids
    )
    since = before.since if before is not None and before.since is not None else now
    so_far = replace(so_far, approvals=approvals.status(rules, counted, since))
    if counted.declined is not None:
        word = counted.declined
        return _refuse(
            hearing,
            so_far,
            Reason.DECLINED,
            f"{word.user} declined{f': {word.message}' if word.message else ''}",
        )
    if len(counted.approved) >= rules.minimum:
        return _go(hearing, version, so_far)
    until, asked = approvals.ends(rules, since), approvals.ask(rules, counted)
    if now >= until:
        return Ended(Phase.EXPIRED, Reason.EXPIRED, f"not approved within {rules.wait_for}: {asked}", so_far)
    why = (
        _passed(hearing, judged)
        if judged.conclusion is Conclusion.PASSED
        else f"could not be judged: {cases.why_not(judged)[1]}"
    )
    if hearing.world.identity.voids:
        why += f"; approvals do not count: {hearing.world.identity.voids}"
    return Holds(Phase.AWAITING_APPROVAL, Reason.AWAITING_APPROVAL, f"{asked}; {why}", until, so_far)


def _passed(hearing: _Hearing, judged: Judgement) -> str:
    if hearing.request.spec.skip_gates:
        return f"gates are skipped: {hearing.request.spec.reason}"
    return f"{gates.passed(judged.findings)} gates passed" if judged.findings else "no gates are set"


def _no_op(hearing: _Hearing, version: ModelVersion) -> Answer:
    alias, world = hearing.alias, hearing.world
    so_far = Verdict(resolved=hearing.candidate.resolved(hearing.champion))
    told = f"{alias.spec.alias} holds version {version.version} already"
    if hearing.request.spec.dry_run:
        return Ended(Phase.SUCCEEDED, Reason.NO_OP, told, so_far)
    if alias.status.current is None or alias.status.current.version != version.version:
        return _go(hearing, version, so_far)
    for serving in alias.spec.serving:
        workload = world.facts.workload(rollout.ref_of(serving, alias.metadata.namespace))
        name, model = alias.metadata.name, alias.spec.model
        if workload is None or not rollout.is_served(
            serving, workload, alias=name, model=model, version=version.version
        ):
            return _go(hearing, version, so_far)
    return Ended(Phase.SUCCEEDED, Reason.NO_OP, told, so_far)


def _go(hearing: _Hearing, version: ModelVersion, so_far: Verdict) -> Answer:
    champion = hearing.world.facts.aliases(hearing.alias.spec.model).get(hearing.alias.spec.alias)
    try:
        made = plan(hearing.world, hearing.alias, version, champion, hearing.request, so_far)
    except Stop as stop:
        return replace(stop.answer, verdict=so_far)
    return Goes(made, so_far)
