"""Promotion: whether a request may have what it asks for, and what it is told while that is not known yet.

A request is looked at from the top each time until there is a plan: its source is resolved once, NoOp is decided before the
gates, the verdict is given on the registry's numbers, people are asked where the owner wants that.
"""

from dataclasses import dataclass, replace

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.gates import Gate, MetricSource
from modelalias.api.request import GateResult, Phase, PromotionRequest
from modelalias.core import approval, cases, gates, history, rollout, verdict
from modelalias.core.answers import Answer, Ended, Goes, Holds, Stop, Verdict, found, no_answer
from modelalias.core.candidate import Candidate, of_request
from modelalias.core.facts import Failed, TagVersion
from modelalias.core.planning import plan
from modelalias.core.verdict import Conclusion, Judgement
from modelalias.core.world import World
from modelalias.ports import ModelVersion

_KEEP_THEIR_PHASE = frozenset({Phase.EVALUATING, Phase.AWAITING_APPROVAL})


def consider(world: World, alias: ModelAlias, request: PromotionRequest) -> Answer:
    """Judge a request that is next in line, or that is a dry run."""
    try:
        return _consider(world, alias, request)
    except Stop as stop:
        return stop.answer
    except Failed as failed:
        answer, phase = no_answer(failed, world.now), request.status.phase
        if phase in _KEEP_THEIR_PHASE:
            return Holds(phase, answer.reason, answer.explanation, answer.until)
        return answer


@dataclass(frozen=True)
class _Hearing:
    """Whose request is being judged, and on which version."""

    world: World
    alias: ModelAlias
    request: PromotionRequest
    candidate: Candidate
    champion: str | None


def _consider(world: World, alias: ModelAlias, request: PromotionRequest) -> Answer:
    facts, spec, meta = world.facts, request.spec, request.metadata
    wanted = _gates(alias, request)
    candidate = of_request(alias, request, facts, world.now)
    held = found(lambda: facts.aliases(alias.spec.model))
    champion = held.get(alias.spec.alias)
    hearing = _Hearing(world, alias, request, candidate, champion)
    if spec.expected_current is not None and spec.expected_current != champion:
        told = f"the request expects {alias.spec.alias} to hold version {spec.expected_current}, it holds {champion or 'none'}"
        return Ended(Phase.REJECTED, Reason.STALE_CHAMPION, told, Verdict(resolved=candidate.resolved(champion)))
    if candidate.version is not None and candidate.version.version == champion:
        return _no_op(hearing, candidate.version)
    owner = None if spec.dry_run else cases.owner(request.kind, meta.namespace, meta.name, meta.uid)
    case = replace(
        cases.of_alias(alias, candidate, held, wanted, owner),
        soaking_since=cases.soaking_since(world, alias, candidate.version),
        evaluated=request.status.evaluation,
        may_ask=approval.is_needed(alias.spec.policy.approval, inconclusive=True),
    )
    judged = verdict.judge(case, facts, world.now)
    so_far = cases.so_far(candidate, champion, judged)
    return cases.open_answer(judged, so_far, world.now) or _answer(hearing, judged, so_far)


def _gates(alias: ModelAlias, request: PromotionRequest) -> tuple[Gate, ...]:
    """Return the policy's gates and those that the request adds; a request cannot put another gate in a policy's place."""
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
    unclear = judged.conclusion is Conclusion.INCONCLUSIVE
    asks = approval.is_needed(hearing.alias.spec.policy.approval, inconclusive=unclear)
    if judged.conclusion is Conclusion.REFUSED or (unclear and not asks):
        return _refuse(hearing, so_far, *cases.why_not(judged))
    if hearing.request.spec.dry_run or version is None:
        return _rehearsed(hearing, judged, so_far, asks=asks)
    return _ask(hearing, version, judged, so_far) if asks else _go(hearing, version, so_far)


def _refuse(hearing: _Hearing, so_far: Verdict, reason: Reason, told: str) -> Ended:
    end = Ended(Phase.REJECTED, reason, f"{hearing.candidate.name} refused: {told}", so_far)
    version = hearing.candidate.version
    if hearing.request.spec.dry_run or version is None:
        return end
    return replace(end, effect=_record(hearing, version, end))


def _record(hearing: _Hearing, candidate: ModelVersion, end: Ended) -> TagVersion | None:
    """Return how the refusal is written on the version; None when it stands there, or cannot be written."""
    facts, key = hearing.world.facts, history.record_key(hearing.alias.spec.alias)
    version = found(lambda: facts.version(candidate.model, candidate.version))
    kept = history.findings(end.verdict.checks, end.verdict.findings)
    text = history.refused(version.tags.get(key), hearing.request, end.reason, kept, hearing.world.now)
    if text is None:
        return None
    effect = TagVersion(model=candidate.model, version=candidate.version, tags=((key, text),), optional=True)
    return None if facts.failure(effect) else effect


def _rehearsed(hearing: _Hearing, judged: Judgement, so_far: Verdict, *, asks: bool) -> Ended:
    """End a dry run that nothing refuses."""
    findings, alias = judged.findings, hearing.alias.spec
    told = [f"dry run: {hearing.candidate.name} would replace {hearing.champion or 'nothing'} as {alias.alias}"]
    told.append(f"{gates.passed(findings)} gates passed" if findings else "no gates are set")
    left = [item.name for item in findings if item.result is GateResult.SKIPPED]
    if left:
        told.append(f"not judged, because a dry run starts no evaluation: {', '.join(left)}")
    if judged.conclusion is Conclusion.INCONCLUSIVE:
        told.append(f"could not be judged: {cases.why_not(judged)[1]}")
    if asks:
        minimum = alias.policy.approval.minimum
        told.append(f"it would need {minimum} approval{'s' if minimum > 1 else ''}")
    return Ended(Phase.SUCCEEDED, Reason.DRY_RUN, "; ".join(told), so_far)


def _ask(hearing: _Hearing, candidate: ModelVersion, judged: Judgement, so_far: Verdict) -> Answer:
    """Ask people, and go on once enough of them have approved the evidence that stands."""
    rules, before, now = hearing.alias.spec.policy.approval, hearing.request.status.approvals, hearing.world.now
    counted = approval.count(rules, hearing.request.spec, judged.evidence or "", hearing.world.identity.voids)
    since = before.since if before is not None and before.since is not None else now
    so_far = replace(so_far, approvals=approval.status(rules, counted, since))
    if counted.declined is not None:
        word = counted.declined
        return _refuse(hearing, so_far, Reason.DECLINED, f"{word.user} declined{f': {word.message}' if word.message else ''}")
    if len(counted.approved) >= rules.minimum:
        return _go(hearing, candidate, so_far)
    until, asked = approval.ends(rules, since), approval.ask(rules, counted)
    if now >= until:
        return Ended(Phase.EXPIRED, Reason.EXPIRED, f"not approved within {rules.wait_for}: {asked}", so_far)
    passed = f"{gates.passed(judged.findings)} gates passed" if judged.findings else "no gates are set"
    why = passed if judged.conclusion is Conclusion.PASSED else f"could not be judged: {cases.why_not(judged)[1]}"
    if hearing.world.identity.voids:
        why += f"; approvals do not count: {hearing.world.identity.voids}"
    return Holds(Phase.AWAITING_APPROVAL, Reason.AWAITING_APPROVAL, f"{asked}; {why}", until, so_far)


def _no_op(hearing: _Hearing, candidate: ModelVersion) -> Answer:
    alias, world = hearing.alias, hearing.world
    so_far = Verdict(resolved=hearing.candidate.resolved(hearing.champion))
    told = f"{alias.spec.alias} holds version {candidate.version} already"
    if hearing.request.spec.dry_run:
        return Ended(Phase.SUCCEEDED, Reason.NO_OP, told, so_far)
    if alias.status.current is None or alias.status.current.version != candidate.version:
        return _go(hearing, candidate, so_far)
    for serving in alias.spec.serving:
        workload = world.facts.workload(rollout.ref_of(serving, alias.metadata.namespace))
        name, model = alias.metadata.name, alias.spec.model
        if workload is None or not rollout.is_served(serving, workload, alias=name, model=model, version=candidate.version):
            return _go(hearing, candidate, so_far)
    return Ended(Phase.SUCCEEDED, Reason.NO_OP, told, so_far)


def _go(hearing: _Hearing, candidate: ModelVersion, so_far: Verdict) -> Answer:
    try:
        made = plan(hearing.world, hearing.alias, candidate, hearing.champion, hearing.request, so_far)
    except Stop as stop:
        return replace(stop.answer, verdict=so_far)
    return Goes(made, so_far)
