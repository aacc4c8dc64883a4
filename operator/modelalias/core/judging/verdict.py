"""The verdict: eligibility first, then the gates, on the numbers of candidate and champion.

The same judgement for a request, for a gated pin and for `modelalias gate`. Evaluation Jobs are the dearest
part, so they are started last and only when nothing else refuses already.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from modelalias.api.alias import ModelAliasSpec, NamedVersion
from modelalias.api.fields import duration
from modelalias.api.gates import Gate, MetricSource
from modelalias.api.request import OnSuccess
from modelalias.api.request_status import Check, Evaluated, Finding, GateResult, Side
from modelalias.core.errors import InvalidRequest, NotFound, Refused, Unavailable
from modelalias.core.judging import approvals, eligibility, evaluation, gates, metrics, numbers, origin
from modelalias.core.judging.approvals import Asked
from modelalias.core.judging.eligibility import Eligible, Signature, Traits
from modelalias.core.judging.evaluation import Owner, WantedEvaluation
from modelalias.core.judging.metrics import Readable, Readings
from modelalias.core.ledger.accepted import is_same
from modelalias.core.protocol.effects import Effect
from modelalias.core.protocol.facts import Facts
from modelalias.ports import Aliases, ModelVersion

_HOW_TO_END: Final = (
    """python -c "import mlflow; mlflow.MlflowClient().set_terminated('{run_id}', 'KILLED')\""""
)
"""MLflow's own command line has no word for it."""

_UNKNOWN_RUN: Final = (
    "is not there: if another server has the runs, name it in the operator's configuration (trackingUri)"
)
_LATER: Final = "known once the run is registered as a version"


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
class Case:
    """What is to be judged, and how far one may go for it."""

    spec: ModelAliasSpec
    namespace: str
    uid: str
    """The request's, or the pinned ModelAlias's; empty for a rehearsal."""
    name: str
    """The candidate in words, such as `version 4`."""
    candidate: ModelVersion
    accepted: NamedVersion | None
    """The champion: the version that the ModelAlias accepted last, whatever the registry names."""
    registered: bool
    """False for the run of a dry run that is no version yet."""
    aliases: Aliases
    """Alias to version, as the registry has them."""
    soaking_since: datetime | None
    """Since when the candidate has held the alias of the soak; None when nobody knows."""
    disowned: frozenset[str]
    """Aliases of the candidate that the ModelAliases which manage them did not give it."""
    gates: tuple[Gate, ...]
    evaluate: WantedEvaluation | None
    """None: no Job may be started, and gates that want one come out as `unevaluated`."""
    unevaluated: GateResult
    why_unevaluated: str
    evaluated: tuple[Evaluated, ...]
    """What Jobs brought so far."""
    run_unfinished_since: datetime | None
    """When the candidate's run was first seen not to have finished; None when it never was."""
    may_ask: bool
    """Whether people can be asked where something is Inconclusive."""
    skip: str = ""
    """Why the gates are not judged; empty: they are."""
    last_evidence: str | None = None
    """The evidence that stood last, and how often it had changed before."""
    round: int = 0
    on_success: OnSuccess = field(default_factory=OnSuccess)
    """What the request wants written once it has succeeded."""
    unproved: int = 0
    """How many approvals and rejections are void for good: those who gave them have to be able to approve again."""

    @property
    def champion(self) -> str | None:
        """The number of the version that the candidate is compared with."""
        return None if self.accepted is None else self.accepted.version

    @property
    def contradicted(self) -> str | None:
        """What the champion is, where the registry names another version."""
        accepted, named = self.accepted, self.aliases.get(self.spec.alias)
        if accepted is None or named == accepted.version:
            return None
        since = f"{accepted.since:%Y-%m-%d %H:%M} UTC"
        there = f"the registry names {named or 'none'}"
        return f"compared with version {accepted.version}, accepted here on {since}; {there}"


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
        run = facts.runs(_runs_of(case, plain, facts)).get(run_id)
        if run is not None and not run.finished:
            return _unfinished(case, eligible.checks, run_id, now)
    findings = _judge_plain(case, plain, facts, now)
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
        return Signature(there=None, note=_LATER)
    try:
        return Signature(there=facts.has_signature(version.model, version.version))
    except InvalidRequest as error:
        return Signature(there=None, note=str(error))


# Numbers that are there already


def _judge_plain(case: Case, wanted: tuple[Gate, ...], facts: Facts, now: datetime) -> tuple[Finding, ...]:
    if not wanted:
        return ()
    candidate = {item.name: _read(case, item, case.candidate, wanted, facts) for item in wanted}
    champion: Readable | None = None
    if case.champion is not None:
        champion = {
            item.name: _read_champion(case, item, wanted, facts)
            for item in wanted
            if gates.asks_champion(item)
        }
    return gates.judge(wanted, candidate, champion, now)


def _read(case: Case, gate: Gate, version: ModelVersion, wanted: tuple[Gate, ...], facts: Facts) -> Readings:
    name = case.name if version is case.candidate else f"champion version {version.version}"
    if gate.metric_from is MetricSource.RUN:
        asked = _runs_of(case, wanted, facts)
        run = facts.runs(asked).get(version.run_id or "")
        foreign = "" if run is None else origin.why_not_made_by(name, version, run, facts)
        return (
            metrics.missing(foreign, unclear=True)
            if foreign
            else _of_run(name, version.run_id, gate.metric, asked, facts)
        )
    if version is case.candidate and not case.registered:
        return metrics.missing(_LATER, unclear=True)
    if version.model_id is None:
        return metrics.missing(f"{name} was not made from a logged model")
    keys = tuple(sorted({item.metric for item in wanted if item.metric_from is MetricSource.LOGGED_MODEL}))
    evaluations = evaluation.runs_of(case.evaluate, case.evaluated, version.version, facts)
    try:
        measured = facts.measured(version.model_id, keys, evaluations)
    except InvalidRequest as error:
        return metrics.missing(str(error))
    foreign = origin.why_of_another_run(name, version, measured)
    if foreign:
        return metrics.missing(foreign, unclear=True)
    return metrics.of_logged_model(measured.measurements, gate.metric)


def _read_champion(case: Case, gate: Gate, wanted: tuple[Gate, ...], facts: Facts) -> Readings:
    """Read the champion's side; where it is gone, that is nothing that the candidate did."""
    if gate.metric_from is MetricSource.RUN:
        run_id = _run_of_champion(case, facts)
        readings = _of_run(
            f"champion version {case.champion}",
            run_id,
            gate.metric,
            _runs_of(case, wanted, facts),
            facts,
        )
        readings = _as_accepted(case, gate, readings)
    else:
        version = _champion(case, facts)
        readings = _gone(case) if version is None else _read(case, gate, version, wanted, facts)
    return tuple(item.changed(unclear=item.unclear or item.value is None) for item in readings)


def _as_accepted(case: Case, gate: Gate, readings: Readings) -> Readings:
    """Put the number in its place on which the champion was accepted: anybody may log another one later."""
    judged = () if case.accepted is None else case.accepted.judged
    value = next((Decimal(item.value) for item in judged if item.metric == gate.metric), None)
    now = readings[0].value
    if value is None or now is None or value == now:
        return readings
    before, after = str(value), str(now)
    note = f"its {gate.metric} was {numbers.short(before, after)} when it was accepted; "
    note += f"its run says {numbers.short(after, before)} now"
    return tuple(item.changed(value=value, note=note) for item in readings)


def _gone(case: Case) -> Readings:
    return metrics.missing(f"champion version {case.champion} is gone, or was made anew", unclear=True)


def _of_run(name: str, run_id: str | None, metric: str, asked: tuple[str, ...], facts: Facts) -> Readings:
    """Read a run's metric; one that the server has never heard of may be another server's."""
    if run_id is None:
        return metrics.missing(f"{name} was not made by a run")
    if (run := facts.runs(asked).get(run_id)) is not None:
        return metrics.of_run(run, metric)
    if facts.has_deleted(run_id, asked):
        return metrics.missing(f"run {run_id} of {name} is deleted")
    return metrics.missing(f"run {run_id} of {name} {_UNKNOWN_RUN}", unclear=True)


def _runs_of(case: Case, wanted: Iterable[Gate], facts: Facts) -> tuple[str, ...]:
    """Name the runs that the gates ask for, so that they are read at once."""
    asked = [item for item in wanted if item.metric_from is MetricSource.RUN]
    other = _run_of_champion(case, facts) if any(gates.asks_champion(item) for item in asked) else None
    return tuple(sorted({item for item in (case.candidate.run_id, other) if item is not None}))


def _run_of_champion(case: Case, facts: Facts) -> str | None:
    if case.accepted is None or case.accepted.run_id is not None:
        return None if case.accepted is None else case.accepted.run_id
    version = _champion(case, facts)
    return None if version is None else version.run_id


def _champion(case: Case, facts: Facts) -> ModelVersion | None:
    """Return the champion as the registry has it; None when that is gone, or another one of its number."""
    if case.accepted is None:
        return None
    try:
        version = facts.version(case.spec.model, case.accepted.version)
    except NotFound:
        return None
    return version if is_same(version, case.accepted) else None


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
    if begins and case.evaluate.champion is not None and _champion(case, facts) is None:
        nothing = {item.name: _gone(case) for item in wanted}
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
    findings = _judge_plain(replace(case, evaluated=progress.sides), plain, facts, now)
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
