"""Whether a request may have what it asks for, and what it is told while that is not known yet.

A request is looked at from the top each time until there is a plan: its source is resolved once, a request
that ended before ends again, NoOp is decided before the gates, the verdict is given on the registry's
numbers, people are asked where the owner wants that. Rollback and Swap are not judged.
"""

from dataclasses import dataclass, replace

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Cause, Reason
from modelalias.api.gates import Gate, MetricSource
from modelalias.api.request import GateResult, Phase, PromotionRequest
from modelalias.core.errors import InvalidRequest, Unavailable
from modelalias.core.judging import approvals, gates
from modelalias.core.judging.verdict import Conclusion, Verdict, judge
from modelalias.core.plan import rollout
from modelalias.core.plan.build import build_plan
from modelalias.core.plan.operations import has_priority, rules_of
from modelalias.core.protocol.answers import (
    KEEPS_TURN,
    VERSION_POLL,
    Answer,
    Answered,
    Ended,
    KeepsTurn,
    NotReady,
    Proceeds,
    VerdictSoFar,
    required,
    unanswered,
)
from modelalias.core.protocol.blame import blamed_on
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.facts import Failed
from modelalias.core.requests import cases, replay, rollback
from modelalias.core.requests.broken import is_broken, wait_for_next_try
from modelalias.core.requests.source import Candidate, resolve_source
from modelalias.ports import Aliases, ModelVersion


def consider(context: Context, alias: ModelAlias, request: PromotionRequest) -> Answer:
    """Judge a request whose turn it is, or that is a dry run.

    While something does not answer, one whose turn it is keeps it: who comes later must not go before it.
    Where the answer is no, others may go, except for a rollback.
    """
    if is_broken(context, request):
        return wait_for_next_try(context, request)
    with blamed_on(request):
        return _answer_or_failure(context, alias, request)


def _answer_or_failure(context: Context, alias: ModelAlias, request: PromotionRequest) -> Answer:
    try:
        return _consider(context, alias, request)
    except Answered as answered:
        return answered.answer
    except (
        InvalidRequest
    ) as error:  # no rule has a sentence for it: say what the other side said, and ask again
        return NotReady(Reason.INVALID, f"waits: {error}", context.now + VERSION_POLL)
    except Failed as failed:
        answer, phase = unanswered(failed, context.now), request.status.phase
        if phase is not None and phase in KEEPS_TURN:
            return KeepsTurn(phase, answer.reason, answer.explanation, answer.until)
        no_answer = isinstance(failed.error, Unavailable) and not request.spec.dry_run
        if has_priority(request) or no_answer:
            return KeepsTurn(Phase.PENDING, answer.reason, answer.explanation, answer.until)
        return answer


@dataclass(frozen=True)
class _Hearing:
    """Whose request is being judged, and on which version."""

    context: Context
    alias: ModelAlias
    request: PromotionRequest
    candidate: Candidate
    aliases: Aliases
    undoes: bool = False
    """Whether a plan under way would be undone first."""

    @property
    def champion(self) -> str | None:
        """The version that the alias names."""
        return self.aliases.get(self.alias.spec.alias)


def _consider(context: Context, alias: ModelAlias, request: PromotionRequest) -> Answer:
    wanted = _gates(alias, request)
    end = replay.end_by_search(context, alias, request)
    if end is not None:
        return end
    hearing = _hear(context, alias, request)
    version = hearing.candidate.version
    end = replay.end_by_version(alias, request, version) or _stale(hearing)
    if end is not None:
        return end
    if version is not None and version.version == hearing.champion:
        if rollback.was_held(alias, version):
            return _no_op(hearing, version)
        hearing = replace(hearing, aliases=cases.aliases_to_beat(alias, hearing.aliases, version.version))
    if version is not None and not rules_of(request).is_judged:
        return _go_back(hearing, version, wanted)
    return _judge(hearing, wanted)


def _hear(context: Context, alias: ModelAlias, request: PromotionRequest) -> _Hearing:
    """Find out which version is asked for, and what the aliases name."""
    if rules_of(request).is_judged:
        candidate = resolve_source(alias, request, context.facts, context.now)
        aliases = required(lambda: context.facts.aliases(alias.spec.model))
        return _Hearing(context, alias, request, candidate, aliases)
    aliases, undoes = required(lambda: context.facts.aliases(alias.spec.model)), False
    if alias.status.plan is not None and not request.spec.dry_run:
        aliases, undoes = rollback.aliases_once_undone(alias, aliases), True
    target = rollback.resolve_target(context, alias, request, aliases)
    return _Hearing(context, alias, request, target, aliases, undoes)


def _stale(hearing: _Hearing) -> Ended | None:
    """End a request that was made for another champion than there is."""
    expected, champion = hearing.request.spec.expected_current, hearing.champion
    if expected is None or expected == champion:
        return None
    message = f"the request expects {hearing.alias.spec.alias} to name version {expected}"
    message += (
        f", it names {champion or 'none'}{', once the plan under way is undone' if hearing.undoes else ''}"
    )
    so_far = VerdictSoFar(resolved=hearing.candidate.resolved(champion))
    return Ended(Phase.REJECTED, Reason.STALE_CHAMPION, message, so_far)


def _judge(hearing: _Hearing, wanted: tuple[Gate, ...]) -> Answer:
    context, alias, request = hearing.context, hearing.alias, hearing.request
    candidate, spec, meta = hearing.candidate, request.spec, request.metadata
    owner = None if spec.dry_run else cases.job_owner(request.kind, meta.namespace, meta.name, meta.uid)
    case = replace(
        cases.build_case(alias, candidate, hearing.aliases, wanted, owner),
        soaking_since=cases.soaking_since(context, alias, candidate.version),
        evaluated=request.status.evaluation,
        run_unfinished_since=request.status.run_unfinished_since,
        may_ask=approvals.is_needed(alias.spec.policy.approval, inconclusive=True),
        skip="skipGates" if spec.skip_gates else "",
    )
    verdict = judge(case, context.facts, context.now)
    so_far = cases.verdict_so_far(candidate, hearing.champion, verdict)
    return cases.answer_while_open(verdict, so_far, context.now) or _answer(hearing, verdict, so_far)


def _go_back(hearing: _Hearing, version: ModelVersion, wanted: tuple[Gate, ...]) -> Answer:
    """Let a rollback or a swap proceed: the version was judged when it was promoted."""
    spec, now = hearing.request.spec, hearing.context.now
    findings = tuple(gates.skipped(item, spec.operation, now) for item in wanted)
    so_far = VerdictSoFar(resolved=hearing.candidate.resolved(hearing.champion), findings=findings)
    if spec.dry_run:
        message = f"{_would_replace(hearing)}; no gate is judged for a {spec.operation}"
        return Ended(Phase.SUCCEEDED, Reason.DRY_RUN, message, so_far)
    return _proceed(hearing, version, so_far)


def _gates(alias: ModelAlias, request: PromotionRequest) -> tuple[Gate, ...]:
    """Return the policy's gates and those that the request adds.

    A request cannot put another gate in a policy's place.
    """
    policy, added = alias.spec.policy, request.spec.additional_gates
    taken = sorted({item.name for item in policy.gates} & {item.name for item in added})
    if taken:
        message = f"additionalGates names gates of the policy, which cannot be redefined: {', '.join(taken)}"
        raise Answered(Ended(Phase.REJECTED, Reason.INVALID, message))
    if policy.evaluation is None and any(item.metric_from is MetricSource.EVALUATION for item in added):
        message = (
            f"additionalGates wants an evaluation, and ModelAlias {alias.metadata.name} has no "
            "policy.evaluation"
        )
        raise Answered(Ended(Phase.REJECTED, Reason.INVALID, message))
    return (*policy.gates, *added)


def _answer(hearing: _Hearing, verdict: Verdict, so_far: VerdictSoFar) -> Answer:
    version, spec = hearing.candidate.version, hearing.request.spec
    unclear = verdict.conclusion is Conclusion.INCONCLUSIVE
    asks = approvals.is_needed(hearing.alias.spec.policy.approval, inconclusive=unclear)
    if verdict.conclusion is Conclusion.REFUSED or (unclear and not asks):
        return _refuse(hearing, so_far, cases.why_refused(verdict))
    asks = asks or spec.skip_gates or hearing.context.identity.is_machine(spec.requested_by)
    if spec.dry_run or version is None:
        return _dry_run(hearing, verdict, so_far, asks=asks)
    return _ask(hearing, version, verdict, so_far) if asks else _proceed(hearing, version, so_far)


def _refuse(hearing: _Hearing, so_far: VerdictSoFar, cause: Cause) -> Ended:
    message = f"{hearing.candidate.name} refused: {cause.message}"
    return Ended(Phase.REJECTED, cause.reason, message, so_far)


def _would_replace(hearing: _Hearing) -> str:
    replaced, alias = hearing.champion or "nothing", hearing.alias.spec.alias
    return f"dry run: {hearing.candidate.name} would replace {replaced} as {alias}"


def _dry_run(hearing: _Hearing, verdict: Verdict, so_far: VerdictSoFar, *, asks: bool) -> Ended:
    """End a dry run that nothing refuses."""
    spec, rules = hearing.request.spec, hearing.alias.spec.policy.approval
    parts = [_would_replace(hearing), _passed(hearing, verdict)]
    skipped = [item.name for item in verdict.findings if item.result is GateResult.SKIPPED]
    if skipped and not spec.skip_gates:
        parts.append(f"not judged, because a dry run starts no evaluation: {', '.join(skipped)}")
    if verdict.conclusion is Conclusion.INCONCLUSIVE:
        parts.append(f"could not be judged: {cases.why_refused(verdict).message}")
    if asks:
        parts.append(f"it would need {rules.minimum} approval{'s' if rules.minimum > 1 else ''}")
    return Ended(Phase.SUCCEEDED, Reason.DRY_RUN, "; ".join(parts), so_far)


def _ask(hearing: _Hearing, version: ModelVersion, verdict: Verdict, so_far: VerdictSoFar) -> Answer:
    """Ask people, and proceed once enough of them have approved the evidence that stands."""
    rules, before = hearing.alias.spec.policy.approval, hearing.request.status.approvals
    voids, now = hearing.context.identity.voids, hearing.context.now
    tally = approvals.count(rules, hearing.request.spec, verdict.evidence or "", voids)
    since = before.since if before is not None and before.since is not None else now
    so_far = replace(so_far, approvals=approvals.status(rules, tally, since))
    rejection = tally.rejection
    if rejection is not None:
        why = f": {rejection.message}" if rejection.message else ""
        return _refuse(hearing, so_far, Cause(Reason.DECLINED, f"{rejection.user} declined{why}"))
    if len(tally.approved) >= rules.minimum:
        return _proceed(hearing, version, so_far)
    until, missing = approvals.ends(rules, since), approvals.missing(rules, tally)
    if now >= until:
        message = f"not approved within {rules.wait_for}: {missing}"
        return Ended(Phase.EXPIRED, Reason.EXPIRED, message, so_far)
    passed = verdict.conclusion is Conclusion.PASSED
    unclear = "" if passed else f"could not be judged: {cases.why_refused(verdict).message}"
    message = f"{missing}; {unclear or _passed(hearing, verdict)}"
    message += f"; approvals do not count: {voids}" if voids else ""
    return KeepsTurn(Phase.AWAITING_APPROVAL, Reason.AWAITING_APPROVAL, message, until, so_far)


def _passed(hearing: _Hearing, verdict: Verdict) -> str:
    if hearing.request.spec.skip_gates:
        return f"gates are skipped: {hearing.request.spec.reason}"
    return f"{gates.passed(verdict.findings)} gates passed" if verdict.findings else "there are no gates"


def _no_op(hearing: _Hearing, version: ModelVersion) -> Answer:
    """Bring the workloads of a version up to date that the alias names already; end where they are."""
    alias, facts = hearing.alias, hearing.context.facts
    so_far = VerdictSoFar(resolved=hearing.candidate.resolved(hearing.champion))
    end = Ended(
        Phase.SUCCEEDED, Reason.NO_OP, f"{alias.spec.alias} already names version {version.version}", so_far
    )
    if hearing.request.spec.dry_run:
        return end
    if alias.status.current is None or alias.status.current.version != version.version:
        return _proceed(hearing, version, so_far)
    for serving in alias.spec.serving:
        workload = facts.workload(rollout.ref_of(serving, alias.metadata.namespace))
        name, model = alias.metadata.name, alias.spec.model
        if workload is None or not rollout.is_served(
            serving, workload, alias=name, model=model, version=version.version
        ):
            return _proceed(hearing, version, so_far)
    return end


def _proceed(hearing: _Hearing, version: ModelVersion, so_far: VerdictSoFar) -> Answer:
    alias = hearing.alias
    champion = hearing.context.facts.aliases(alias.spec.model).get(alias.spec.alias)
    try:
        plan = build_plan(hearing.context, alias, version, champion, hearing.request, so_far)
    except Answered as answered:
        return replace(answered.answer, so_far=so_far)
    return Proceeds(plan, so_far)
