"""Whether a request may have what it asks for, and what it is told while that is not known yet.

A request is looked at from the top each time until there is a plan: its source is resolved once, a request
that ended before ends again, NoOp is decided before the gates, the verdict is given against what was
accepted last, people are asked where the owner wants that. Rollback and Swap are not judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from modelalias.api.alias import ModelAlias, Operation
from modelalias.api.conditions import Cause, Reason
from modelalias.api.gates import Gate, MetricSource
from modelalias.api.request import GateResult, GivenApproval, Phase, PromotionRequest, Resolved
from modelalias.core.errors import InvalidRequest, Unavailable
from modelalias.core.judging import approvals, gates
from modelalias.core.judging.approvals import Tally
from modelalias.core.judging.verdict import Conclusion, Verdict, judge
from modelalias.core.ledger.accepted import is_current
from modelalias.core.ledger.signed_record import record_of, was_accepted
from modelalias.core.plan import rollout, windows
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
from modelalias.core.requests import cases, on_success, replay, rollback
from modelalias.core.requests.broken import is_broken, wait_for_next_try
from modelalias.core.requests.by_operator import is_own, is_undecided
from modelalias.core.requests.source import Candidate, resolve_source
from modelalias.core.status import ways_out
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
    def named(self) -> str | None:
        """The version that the registry's alias names."""
        return self.aliases.get(self.alias.spec.alias)

    @property
    def champion(self) -> str | None:
        """The version that was accepted last."""
        current = self.alias.status.current
        return None if current is None else current.version

    @property
    def resolved(self) -> Resolved | None:
        """What is frozen of the request."""
        return self.candidate.resolved(self.alias, self.aliases)


def _consider(context: Context, alias: ModelAlias, request: PromotionRequest) -> Answer:
    held = _on_hold(context, alias, request)
    if held is not None:
        return held
    wanted = _gates(alias, request)
    end = replay.end_by_search(context, alias, request)
    if end is not None:
        return end
    hearing = _hear(context, alias, request)
    version = hearing.candidate.version
    end = replay.end_by_version(context, alias, request, version) or _stale(hearing)
    if end is not None:
        return end
    if version is not None and _is_there(hearing, version):
        return _no_op(hearing, version)
    end = on_success.refused(context, alias, request, hearing.candidate, hearing.resolved)
    if end is not None:
        return end
    if version is not None and not rules_of(request).is_judged:
        return _go_back(hearing, version, wanted)
    return _judge(hearing, wanted)


def _on_hold(context: Context, alias: ModelAlias, request: PromotionRequest) -> Answer | None:
    """Return what becomes of a request of the operator's own while automatic steps are on hold."""
    if alias.status.hold is None:
        return None
    if is_undecided(context, request):
        message = (
            "waits: automatic steps are on hold, and it is not known yet whether the operator filed this one"
        )
        return NotReady(Reason.WAITING, message, context.now + VERSION_POLL)
    if not is_own(context, request):
        return None
    message = "automatic steps are on hold"
    if rules_of(request).is_judged:
        return NotReady(Reason.HELD, f"waits: {message}; {ways_out.release(alias)}")
    return Ended(
        Phase.REJECTED, Reason.HELD, f"{message}: an automatic rollback never follows another move back"
    )


def _is_there(hearing: _Hearing, version: ModelVersion) -> bool:
    """Return whether a version needs no judging: it is the one accepted last, or another cluster accepted it since.

    One that was accepted before is judged again, also where somebody has put it back under the alias.
    """
    alias, notary = hearing.alias, hearing.context.notary
    status = alias.status
    if is_current(status, version):
        return True
    withdrawn = any(item.version == version.version for item in status.rolled_back)
    if version.version != hearing.named or withdrawn:
        return False
    if status.current is None:
        return was_accepted(notary, alias, version)
    return record_of(notary, alias, version).was_promoted_elsewhere(status.current.since)


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
    expected, named = hearing.request.spec.expected_current, hearing.named
    if expected is None or expected == named:
        return None
    message = f"the request expects {hearing.alias.spec.alias} to name version {expected}"
    message += (
        f", it names {named or 'none'}{', once the plan under way is undone' if hearing.undoes else ''}"
    )
    so_far = VerdictSoFar(resolved=hearing.resolved)
    return Ended(Phase.REJECTED, Reason.STALE_CHAMPION, message, so_far)


def _judge(hearing: _Hearing, wanted: tuple[Gate, ...]) -> Answer:
    context, alias, request = hearing.context, hearing.alias, hearing.request
    candidate, spec, meta = hearing.candidate, request.spec, request.metadata
    owner = None if spec.dry_run else cases.job_owner(request.kind, meta.namespace, meta.name, meta.uid)
    before = request.status.resolved
    case = replace(
        cases.with_request(
            cases.build_case(alias, candidate, hearing.aliases, wanted, owner), context, alias, before
        ),
        evaluated=request.status.evaluation,
        unproved=len(request.status.unproved),
        run_unfinished_since=request.status.run_unfinished_since,
        may_ask=approvals.is_needed(alias.spec.policy.approval, inconclusive=True),
        skip="skipGates" if spec.skip_gates else "",
        on_success=spec.on_success,
    )
    verdict = judge(case, context.facts, context.now)
    so_far = cases.verdict_so_far(alias, candidate, hearing.aliases, verdict, before)
    so_far = replace(so_far, tags=spec.on_success.tags)
    return cases.answer_while_open(verdict, so_far, context.now) or _answer(hearing, verdict, so_far)


def _go_back(hearing: _Hearing, version: ModelVersion, wanted: tuple[Gate, ...]) -> Answer:
    """Let a rollback or a swap proceed: the version was judged when it was promoted."""
    spec, now = hearing.request.spec, hearing.context.now
    findings = tuple(gates.skipped(item, spec.operation, now) for item in wanted)
    so_far = VerdictSoFar(resolved=hearing.resolved, findings=findings, tags=spec.on_success.tags)
    if spec.dry_run:
        parts = [_would_replace(hearing), f"no gate is judged for a {spec.operation}", *_would_wait(hearing)]
        return Ended(Phase.SUCCEEDED, Reason.DRY_RUN, "; ".join(parts), so_far)
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
    rules = hearing.alias.spec.policy.approval
    voids, forever = hearing.context.identity.voids, hearing.request.status.unproved
    tally = approvals.count(rules, spec, verdict.evidence or "", voids, forever)
    if tally.rejection is not None:  # it stands, also where nobody is asked any more
        so_far = replace(so_far, approvals=approvals.status(rules, tally, _asked_since(hearing)))
        return _refuse(hearing, so_far, _declined(tally.rejection))
    unclear = verdict.conclusion is Conclusion.INCONCLUSIVE
    asks = approvals.is_needed(rules, inconclusive=unclear)
    if verdict.conclusion is Conclusion.REFUSED or (unclear and not asks):
        return _refuse(hearing, so_far, cases.why_refused(verdict))
    asks = asks or spec.skip_gates or hearing.context.identity.is_machine(spec.requested_by)
    if spec.dry_run or version is None:
        return _dry_run(hearing, verdict, so_far, asks=asks)
    return _ask(hearing, version, verdict, tally, so_far) if asks else _proceed(hearing, version, so_far)


def _declined(rejection: GivenApproval) -> Cause:
    why = f": {rejection.message}" if rejection.message else ""
    return Cause(Reason.DECLINED, f"{rejection.user} declined{why}")


def _asked_since(hearing: _Hearing) -> datetime:
    """Return when the wait for people began."""
    before = hearing.request.status.approvals
    return before.since if before is not None and before.since is not None else hearing.context.now


def _refuse(hearing: _Hearing, so_far: VerdictSoFar, cause: Cause) -> Ended:
    message = f"{hearing.candidate.name} refused: {cause.message}"
    return Ended(Phase.REJECTED, cause.reason, message, so_far)


def _would_replace(hearing: _Hearing) -> str:
    replaced, alias = hearing.champion or "nothing", hearing.alias.spec.alias
    return f"dry run: {hearing.candidate.name} would replace {replaced} as {alias}{_beside(hearing)}"


def _would_wait(hearing: _Hearing) -> Sequence[str]:
    return windows.would_wait(hearing.alias, Operation(hearing.request.spec.operation), hearing.context.now)


def _beside(hearing: _Hearing) -> str:
    """Tell where the registry names another version than the one accepted last."""
    if hearing.named == hearing.champion:
        return ""
    return f" (somebody moved it: the registry names {hearing.named or 'none'})"


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
    parts += _would_wait(hearing)
    return Ended(Phase.SUCCEEDED, Reason.DRY_RUN, "; ".join(parts), so_far)


def _ask(
    hearing: _Hearing, version: ModelVersion, verdict: Verdict, tally: Tally, so_far: VerdictSoFar
) -> Answer:
    """Ask people, and proceed once enough of them have approved the evidence that stands."""
    rules, now, since = hearing.alias.spec.policy.approval, hearing.context.now, _asked_since(hearing)
    so_far = replace(so_far, approvals=approvals.status(rules, tally, since))
    if len(tally.approved) >= rules.minimum:
        return _proceed(hearing, version, so_far)
    until, missing = approvals.ends(rules, since), approvals.missing(rules, tally)
    if now >= until:
        message = f"not approved within {rules.wait_for}: {missing}"
        return Ended(Phase.EXPIRED, Reason.EXPIRED, message, so_far)
    passed = verdict.conclusion is Conclusion.PASSED
    unclear = "" if passed else f"could not be judged: {cases.why_refused(verdict).message}"
    message = f"{missing}; {unclear or _passed(hearing, verdict)}"
    voids = hearing.context.identity.voids
    message += f"; approvals do not count: {voids}" if voids else ""
    return KeepsTurn(Phase.AWAITING_APPROVAL, Reason.AWAITING_APPROVAL, message, until, so_far)


def _passed(hearing: _Hearing, verdict: Verdict) -> str:
    if hearing.request.spec.skip_gates:
        return f"gates are skipped: {hearing.request.spec.reason}"
    if not verdict.findings:
        return "there are no gates"
    beside = next((item.compared_with for item in verdict.findings if item.compared_with), "")
    return f"{gates.passed(verdict.findings)} gates passed{f' ({beside})' if beside else ''}"


def _no_op(hearing: _Hearing, version: ModelVersion) -> Answer:
    """Bring alias and workloads to a version that was accepted already; end where they are there."""
    alias, facts = hearing.alias, hearing.context.facts
    so_far = VerdictSoFar(resolved=hearing.resolved)
    message = f"{alias.spec.alias} already names version {version.version}"
    if hearing.named != version.version:
        message = f"{alias.spec.alias} would come back to version {version.version}{_beside(hearing)}"
    end = Ended(Phase.SUCCEEDED, Reason.NO_OP, message, so_far)
    if hearing.request.spec.dry_run:
        return end
    if hearing.named != version.version or hearing.champion != version.version:
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
    try:
        plan = build_plan(hearing.context, hearing.alias, version, hearing.request, so_far)
    except Answered as answered:
        return replace(answered.answer, so_far=so_far)
    return Proceeds(plan, so_far)
