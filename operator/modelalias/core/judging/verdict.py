"""The verdict: eligibility first, then the gates, on the numbers of candidate and champion.

The same judgement for a request, for a gated pin and for `modelalias gate`. Evaluation Jobs are the dearest
part, so they are started last and only when nothing else refuses already.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from modelalias.api.fields import duration
from modelalias.api.gates import Gate, MetricSource
from modelalias.api.request_status import Check, Evaluated, Finding, GateResult, Side
from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from modelalias.core.judging import approvals, eligibility, evaluation, gates
from modelalias.core.judging.approvals import Asked
from modelalias.core.judging.case import NOT_REGISTERED, Case
from modelalias.core.judging.eligibility import Eligible, Signature, Traits
from modelalias.core.judging.evaluation import Owner
from modelalias.core.judging.metrics import Readable
from modelalias.core.judging.numbers_there import champion_gone, champion_of, judge_what_is_there, runs_of
from modelalias.core.protocol.effects import Effect
from modelalias.core.protocol.facts import Facts

_HOW_TO_END: Final = (
    """python -c "import mlflow; mlflow.MlflowClient().set_terminated('{run_id}', 'KILLED')\""""
)
"""MLflow's own command line has no word for it."""


class Conclusion(StrEnum):
    """What follows from the findings so far."""

    PASSED = "Passed"
    REFUSED = "Refused"
    INCONCLUSIVE = "Inconclusive"
    SOAKING = "Soaking"
    """it has to hold an alias a while longer."""
    RUNNING = "Running"
    """the run that made it has not ended, so its metrics may still change."""
    EVALUATING = "Evaluating"
    """Jobs measure it, or are about to be started."""
    STUCK = "Stuck"
    """Jobs should measure it and cannot be started."""


@dataclass(frozen=True)
class Verdict:
    """How eligibility and gates came out, and what follows from it."""

    conclusion: Conclusion
    checks: tuple[Check, ...] = ()
    findings: tuple[Finding, ...] = ()
    sides: tuple[Evaluated, ...] = ()
    evidence: str | None = None
    """Present once everything was judged."""
    round: int = 0
    """How often the evidence has changed."""
    until: datetime | None = None
    run_unfinished_since: datetime | None = None
    effect: Effect | None = None
    problem: InvalidRequest | Refused | Unavailable | None = None
    message: str = ""
    """Why it waits."""


def judge(case: Case, facts: Facts, now: datetime) -> Verdict:
    """Judge a case as far as it can be judged now; a verdict leaves no Job running that it does not rest on."""
    verdict = _judge(case, facts, now)
    if verdict.evidence is None:
        return replace(verdict, round=case.round)
    kept = {item.job for item in verdict.sides}
    stop = evaluation.leftover(
        (item for item in case.evaluated if item.job not in kept), Owner(case.namespace, case.uid), facts
    )
    if stop is None:
        return verdict
    message = "stopping Jobs whose result is no longer wanted"
    return Verdict(
        Conclusion.EVALUATING, verdict.checks, verdict.findings, case.evaluated, effect=stop, message=message
    )


def _judge(case: Case, facts: Facts, now: datetime) -> Verdict:
    eligible = _eligible(case, facts, now)
    refused = eligibility.refused(eligible.checks)
    if refused:
        return _with_evidence(case, Verdict(Conclusion.REFUSED, eligible.checks))
    if eligible.until is not None:
        return Verdict(
            Conclusion.SOAKING, eligible.checks, until=eligible.until, message=eligible.checks[-1].message
        )
    if case.skip:
        return _conclude(
            case, eligible.checks, (gates.skipped(item, case.skip, now) for item in case.gates), ()
        )
    plain = tuple(item for item in case.gates if item.metric_from is not MetricSource.EVALUATION)
    run_id = case.candidate.run_id
    if plain and run_id is not None:
        run = facts.runs(runs_of(case, plain, facts)).get(run_id)
        if run is not None and not run.finished:
            return _unfinished(case, eligible.checks, run_id, now)
    findings = judge_what_is_there(case, plain, facts, now)
    evaluated = tuple(item for item in case.gates if item.metric_from is MetricSource.EVALUATION)
    if not evaluated:
        return _conclude(case, eligible.checks, findings, ())
    return _evaluate(case, eligible.checks, findings, evaluated, facts, now)


def _unfinished(case: Case, checks: tuple[Check, ...], run_id: str, now: datetime) -> Verdict:
    """Wait for a run, with what to do if nothing runs any more; after a while nothing can be judged of it.

    The time counts from when this operator first saw it, so that only one clock is read.
    """
    since, wait_for = case.run_unfinished_since or now, case.spec.policy.wait_for_run
    until, ends = since + duration(wait_for), _HOW_TO_END.format(run_id=run_id)
    if now < until:
        message = f"waits until run {run_id} has finished; if its training is dead, end it: {ends}"
        return Verdict(Conclusion.RUNNING, checks, until=until, run_unfinished_since=since, message=message)
    message = f"run {run_id} has not finished within {wait_for}; if its training is dead, end it: {ends}"
    unclear = (
        gates.skipped(item, message, now).changed(result=GateResult.INCONCLUSIVE) for item in case.gates
    )
    return replace(_conclude(case, checks, unclear, ()), run_unfinished_since=since)


def _conclude(
    case: Case, checks: tuple[Check, ...], unordered: Iterable[Finding], sides: tuple[Evaluated, ...]
) -> Verdict:
    by_name = {item.name: item for item in unordered}
    asks = {item.name for item in case.gates if gates.asks_champion(item)}
    findings = tuple(
        _beside(by_name[item.name], case.contradicted) if item.name in asks else by_name[item.name]
        for item in case.gates
    )
    return _with_evidence(case, Verdict(_follows(checks, findings), checks, findings, sides))


def _beside(finding: Finding, contradicted: str | None) -> Finding:
    """Add to a finding what the champion is, where the registry says otherwise."""
    if contradicted is None or finding.result is GateResult.SKIPPED:
        return finding
    known = f"; {finding.compared_with}" if finding.compared_with else ""
    return finding.changed(compared_with=f"{contradicted}{known}")


def _follows(checks: tuple[Check, ...], findings: Iterable[Finding]) -> Conclusion:
    blocking = [item.result for item in findings if gates.blocks(item)]
    if GateResult.FAILED in blocking:
        return Conclusion.REFUSED
    return Conclusion.INCONCLUSIVE if blocking or eligibility.unclear(checks) else Conclusion.PASSED


def _with_evidence(case: Case, verdict: Verdict) -> Verdict:
    """Add the evidence; where it is not what stood last it is new, also if it stood before that."""
    evidence = _evidence(case, verdict, case.round)
    if case.last_evidence in {None, evidence}:
        return replace(verdict, evidence=evidence, round=case.round)
    after = case.round + 1
    return replace(verdict, evidence=_evidence(case, verdict, after), round=after)


def _evidence(case: Case, verdict: Verdict, number: int) -> str:
    spec, version = case.spec, case.candidate.version
    counts = [str(number), str(case.unproved)] if number or case.unproved else []
    return approvals.evidence(
        (spec.registry, spec.model, spec.alias, case.uid, *counts),
        version,
        case.champion,
        spec.policy,
        case.gates,
        verdict.checks,
        verdict.findings,
        Asked(skip_gates=bool(case.skip), on_success=case.on_success),
    )


# Eligibility


def _eligible(case: Case, facts: Facts, now: datetime) -> Eligible:
    rules = case.spec.policy.eligibility
    if rules is None:
        return Eligible(checks=())
    version = case.candidate
    traits = Traits(
        name=case.name,
        tags=version.tags,
        aliases=frozenset(alias for alias, number in case.aliases.items() if number == version.version),
        disowned=case.disowned,
        soaking_since=case.soaking_since,
        signature=_signature(case, facts) if rules.require_signature else Signature(there=None),
    )
    return eligibility.judge(rules, traits, now)


def _signature(case: Case, facts: Facts) -> Signature:
    version = case.candidate
    if not case.registered:
        return Signature(there=None, note=NOT_REGISTERED)
    try:
        return Signature(there=facts.has_signature(version.model, version.version))
    except InvalidRequest as error:
        return Signature(there=None, note=str(error))


# Numbers that Jobs have to bring


def _evaluate(
    case: Case,
    checks: tuple[Check, ...],
    findings: tuple[Finding, ...],
    wanted: tuple[Gate, ...],
    facts: Facts,
    now: datetime,
) -> Verdict:
    before = _follows(checks, findings)
    if before is Conclusion.REFUSED or (before is Conclusion.INCONCLUSIVE and not case.may_ask):
        skipped = tuple(
            gates.skipped(item, "not evaluated: another rule refuses already", now) for item in wanted
        )
        return _conclude(case, checks, (*findings, *skipped), ())
    if case.evaluate is None:
        skipped = tuple(gates.skipped(item, case.why_unevaluated, now) for item in wanted)
        skipped = tuple(item.changed(result=case.unevaluated) for item in skipped)
        return _conclude(case, checks, (*findings, *skipped), ())
    begins = not any(item.run_id for item in case.evaluated)
    if begins and case.evaluate.champion is not None and champion_of(case, facts) is None:
        nothing = {item.name: champion_gone(case) for item in wanted}
        gone = gates.judge(wanted, nothing, nothing, now)
        return _conclude(case, checks, (*findings, *gone), ())
    progress = evaluation.look(case.evaluate, case.evaluated, facts)
    if progress.problem is not None:
        return Verdict(Conclusion.STUCK, checks, findings, progress.sides, problem=progress.problem)
    if not progress.over:
        message = evaluation.running(progress.sides)
        return Verdict(
            Conclusion.EVALUATING, checks, findings, progress.sides, effect=progress.effect, message=message
        )
    # what the Jobs logged onto the logged models counts from now on
    plain = tuple(item for item in case.gates if item.metric_from is not MetricSource.EVALUATION)
    findings = judge_what_is_there(replace(case, evaluated=progress.sides), plain, facts, now)
    runs = facts.runs(evaluation.run_ids(progress.sides))

    def side(which: Side) -> Readable:
        return {item.name: evaluation.read(progress.sides, which, item.metric, runs) for item in wanted}

    champion = side(Side.CHAMPION) if case.champion is not None else None
    return _conclude(
        case, checks, (*findings, *gates.judge(wanted, side(Side.CANDIDATE), champion, now)), progress.sides
    )


def needs_champion(wanted: Iterable[Gate]) -> bool:
    """Return whether an evaluation has to measure the champion too."""
    return any(gates.asks_champion(item) for item in wanted if item.metric_from is MetricSource.EVALUATION)
