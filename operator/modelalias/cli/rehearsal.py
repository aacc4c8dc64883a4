"""A promotion as the operator would judge it, with nothing but reads of the registry.

What only the operator knows or does is Inconclusive here: since when an alias has named a version, and what
evaluation Jobs measure.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from modelalias.api.alias import ModelAlias, NamedVersion
from modelalias.api.conditions import Cause, Reason
from modelalias.api.request import GateResult, PromotionRequestStatus
from modelalias.cli.registry_answers import answered
from modelalias.cli.rehearsed import GateOutcome, Rehearsal
from modelalias.core.errors import Unavailable
from modelalias.core.judging import approvals, gates
from modelalias.core.judging.approvals import Tally
from modelalias.core.judging.case import Case
from modelalias.core.judging.verdict import Conclusion, Verdict, judge
from modelalias.core.protocol.answers import Answered, VerdictSoFar
from modelalias.core.protocol.facts import Facts
from modelalias.core.requests import cases
from modelalias.core.requests.source import Candidate, require_ready
from modelalias.ports import Aliases, ModelVersion, Registry

_OUTCOME = {Conclusion.PASSED: GateOutcome.PASSED, Conclusion.REFUSED: GateOutcome.REFUSED}


async def rehearse(registry: Registry, alias: ModelAlias, version: str, now: datetime) -> Rehearsal:
    """Judge a version with reads of the registry and nothing else.

    Raise `InvalidRequest` when there is nothing to judge, `Unavailable` when it cannot be judged yet or the
    registry does not answer, `Refused` when the registry says no.
    """
    return await answered(registry, lambda facts: _judge(alias, version, facts, now))


def _judge(alias: ModelAlias, number: str, facts: Facts, now: datetime) -> Rehearsal:
    spec = alias.spec
    version = _require_ready(facts.version(spec.model, number), now)
    aliases = facts.aliases(spec.model)
    alias = _as_at_first_sight(alias, aliases, now)
    champion = None if alias.status.current is None else alias.status.current.version
    candidate = Candidate(version=version, run_id=version.run_id, source=f"version {version.version}")
    if version.version == champion:
        message = f"{spec.alias} already names version {champion}: nothing to do"
        so_far = VerdictSoFar(resolved=candidate.resolved(alias, aliases))
        return _rehearsal(alias, GateOutcome.PASSED, Reason.NO_OP, message, so_far)
    verdict = judge(_case(alias, candidate, aliases), facts, now)
    if verdict.conclusion is Conclusion.RUNNING:
        raise Unavailable(f"{candidate.name} cannot be judged yet: {verdict.message}")
    outcome = _OUTCOME.get(verdict.conclusion, GateOutcome.INCONCLUSIVE)
    passed = Cause(Reason.GATES_PASSED, _passed(verdict))
    cause = passed if outcome is GateOutcome.PASSED else cases.why_refused(verdict)
    judged = f"{candidate.name} {_WORDS[outcome]}: {cause.message}"
    message = "; ".join([judged, *_afterwards(alias, outcome, champion)])
    so_far = cases.verdict_so_far(alias, candidate, aliases, verdict, None)
    return _rehearsal(alias, outcome, cause.reason, message, so_far)


_WORDS = {
    GateOutcome.PASSED: "passed",
    GateOutcome.REFUSED: "refused",
    GateOutcome.INCONCLUSIVE: "could not be judged",
}


def _as_at_first_sight(alias: ModelAlias, aliases: Aliases, now: datetime) -> ModelAlias:
    """Let a file without a status have for champion what the alias names, as a new ModelAlias has it."""
    named = aliases.get(alias.spec.alias)
    if alias.status.current is not None or named is None:
        return alias
    return alias.with_status(alias.status.changed(current=NamedVersion(version=named, since=now)))


def _require_ready(version: ModelVersion, now: datetime) -> ModelVersion:
    try:
        return require_ready(version, now)
    except Answered as answered:
        why = answered.answer.explanation
        raise Unavailable(f"version {version.version} cannot be judged: {why}") from answered


def _case(alias: ModelAlias, candidate: Candidate, aliases: Aliases) -> Case:
    """Build the case as for a request to a ModelAlias without a history."""
    return replace(
        cases.build_case(alias, candidate, aliases, alias.spec.policy.gates, None),
        unevaluated=GateResult.INCONCLUSIVE,
        why_unevaluated="only the operator starts evaluation Jobs",
        may_ask=approvals.is_needed(alias.spec.policy.approval, inconclusive=True),
    )


def _passed(verdict: Verdict) -> str:
    return f"{gates.passed(verdict.findings)} gates passed" if verdict.findings else "there are no gates"


def _afterwards(alias: ModelAlias, outcome: GateOutcome, champion: str | None) -> Iterator[str]:
    """Return what would happen to a request for the version after the verdict."""
    spec, rules = alias.spec, alias.spec.policy.approval
    if outcome is GateOutcome.PASSED:
        yield f"it would replace {f'version {champion}' if champion else 'nothing'} as {spec.alias}"
    unclear = outcome is GateOutcome.INCONCLUSIVE
    if outcome is not GateOutcome.REFUSED and approvals.is_needed(rules, inconclusive=unclear):
        nobody = Tally(approved=(), rejection=None, void=())
        yield f"a request then {approvals.missing(rules, nobody)}"
    if spec.version is not None:
        yield f"requests are rejected while spec.version pins version {spec.version}"


def _rehearsal(
    alias: ModelAlias, outcome: GateOutcome, reason: Reason, message: str, so_far: VerdictSoFar
) -> Rehearsal:
    status = PromotionRequestStatus(
        explanation=message,
        resolved=so_far.resolved,
        eligibility=so_far.checks,
        gates=so_far.findings,
    )
    return Rehearsal(alias, outcome, reason, status)
