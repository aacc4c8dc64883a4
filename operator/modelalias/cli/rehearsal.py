"""A promotion as the operator would judge it, with the registry alone to ask.

What only the operator knows or does is Inconclusive here: since when a version has held an alias, and what
evaluation Jobs measure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.request import GateResult, PromotionRequestStatus, RequestOperation
from modelalias.core.errors import InvalidRequest, Unavailable
from modelalias.core.judging import approvals, gates, verdict
from modelalias.core.judging.approvals import Count
from modelalias.core.judging.verdict import Conclusion, Judgement
from modelalias.core.protocol.answers import Stop, Verdict
from modelalias.core.protocol.facts import Facts, Needed
from modelalias.core.protocol.questions import Question, RegistryQuestion
from modelalias.core.requests import cases
from modelalias.core.requests.source import Candidate, ready
from modelalias.core.status import result
from modelalias.ports import Aliases, ModelVersion, Registry
from modelalias.reconcile import reading


class Outcome(StrEnum):
    """What a pipeline wants to know."""

    PASSED = "Passed"
    REFUSED = "Refused"
    INCONCLUSIVE = "Inconclusive"


_OUTCOME = {Conclusion.PASSED: Outcome.PASSED, Conclusion.REFUSED: Outcome.REFUSED}


@dataclass(frozen=True)
class Rehearsal:
    """How a promotion would be judged; the status says what a request's would."""

    alias: ModelAlias
    outcome: Outcome
    reason: Reason
    status: PromotionRequestStatus

    @property
    def result(self) -> dict[str, object]:
        """The verdict as a request's `status.result` has it, with the outcome in place of request and phase."""
        asked = {
            "result": self.outcome.value,
            "namespace": self.alias.metadata.namespace or None,
            "operation": RequestOperation.PROMOTE.value,
        }
        return dict(result.of(self.alias.spec, self.status, self.reason, asked))


async def rehearse(registry: Registry, alias: ModelAlias, version: str, now: datetime) -> Rehearsal:
    """Judge a version with reads of the registry and nothing else.

    Raise `InvalidRequest` when there is nothing to judge, `Unavailable` when it cannot be judged yet or the
    registry does not answer, `Refused` when the registry says no.
    """
    facts = Facts()
    while True:
        try:
            return _judge(alias, version, facts, now)
        except Needed as needed:
            question = needed.question
        facts.learn(question, await _answer(registry, question))


async def _answer(registry: Registry, question: Question) -> object:
    if not isinstance(question, RegistryQuestion):
        raise AssertionError(f"nothing but the registry can be asked here: {question!r}")  # noqa: TRY004 - a bug
    try:
        return await reading.from_registry(registry, question)
    except InvalidRequest as error:
        return error


def _judge(alias: ModelAlias, number: str, facts: Facts, now: datetime) -> Rehearsal:
    spec = alias.spec
    version = _ready(facts.version(spec.model, number), now)
    held = facts.aliases(spec.model)
    champion = held.get(spec.alias)
    candidate = Candidate(version=version, run_id=version.run_id, told=f"version {version.version}")
    if version.version == champion:
        told = f"{spec.alias} holds version {champion} already: nothing to do"
        return _rehearsal(
            alias, Outcome.PASSED, Reason.NO_OP, told, Verdict(resolved=candidate.resolved(champion))
        )
    judged = verdict.judge(_case(alias, candidate, held), facts, now)
    if judged.conclusion is Conclusion.RUNNING:
        raise Unavailable(f"{candidate.name} cannot be judged yet: {judged.told}")
    outcome = _OUTCOME.get(judged.conclusion, Outcome.INCONCLUSIVE)
    reason, why = (
        (Reason.GATES_PASSED, _passed(judged)) if outcome is Outcome.PASSED else cases.why_not(judged)
    )
    told = "; ".join([f"{candidate.name} {_WORD[outcome]}: {why}", *_afterwards(alias, outcome, champion)])
    return _rehearsal(alias, outcome, reason, told, cases.so_far(candidate, champion, judged))


_WORD = {Outcome.PASSED: "passed", Outcome.REFUSED: "refused", Outcome.INCONCLUSIVE: "could not be judged"}


def _ready(version: ModelVersion, now: datetime) -> ModelVersion:
    try:
        return ready(version, now)
    except Stop as stop:
        raise Unavailable(f"version {version.version} cannot be judged: {stop.answer.explanation}") from stop


def _case(alias: ModelAlias, candidate: Candidate, held: Aliases) -> verdict.Case:
    """Build the case as for a request of an alias that nobody has moved yet."""
    return replace(
        cases.of_alias(alias, candidate, held, alias.spec.policy.gates, None),
        unevaluated=GateResult.INCONCLUSIVE,
        why_unevaluated="only the operator starts the Jobs that evaluate",
        may_ask=approvals.is_needed(alias.spec.policy.approval, inconclusive=True),
    )


def _passed(judged: Judgement) -> str:
    return f"{gates.passed(judged.findings)} gates passed" if judged.findings else "no gates are set"


def _afterwards(alias: ModelAlias, outcome: Outcome, champion: str | None) -> Iterator[str]:
    """Say what a request for the version would meet."""
    spec, rules = alias.spec, alias.spec.policy.approval
    if outcome is Outcome.PASSED:
        yield f"it would replace {f'version {champion}' if champion else 'nothing'} as {spec.alias}"
    if outcome is not Outcome.REFUSED and approvals.is_needed(
        rules, inconclusive=outcome is Outcome.INCONCLUSIVE
    ):
        yield f"a request then {approvals.ask(rules, Count(approved=(), declined=None, void=()))}"
    if spec.version is not None:
        yield f"requests are refused while spec.version pins version {spec.version}"


def _rehearsal(alias: ModelAlias, outcome: Outcome, reason: Reason, told: str, found: Verdict) -> Rehearsal:
    status = PromotionRequestStatus(
        explanation=told[:4096],
        resolved=found.resolved,
        eligibility=found.checks,
        gates=found.findings,
    )
    return Rehearsal(alias, outcome, reason, status)
