"""A promotion as the operator would judge it, with nothing but reads of the registry.

What only the operator knows or does is Inconclusive here: since when an alias has named a version, and what
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
    """The verdict, as a pipeline needs it."""

    PASSED = "Passed"
    REFUSED = "Refused"
    INCONCLUSIVE = "Inconclusive"


_OUTCOME = {Conclusion.PASSED: Outcome.PASSED, Conclusion.REFUSED: Outcome.REFUSED}


@dataclass(frozen=True)
class Rehearsal:
    """The verdict on a promotion; the status is what a request would have."""

    alias: ModelAlias
    outcome: Outcome
    reason: Reason
    status: PromotionRequestStatus

    @property
    def result(self) -> dict[str, object]:
        """The verdict like a request's `status.result`, with the outcome instead of request and phase."""
        heading = {
            "result": self.outcome.value,
            "namespace": self.alias.metadata.namespace or None,
            "operation": RequestOperation.PROMOTE.value,
        }
        return dict(result.of(self.alias.spec, self.status, self.reason, heading))


async def rehearse(registry: Registry, alias: ModelAlias, version: str, now: datetime) -> Rehearsal:
    """Judge a version with nothing but reads of the registry.

    Raise `InvalidRequest` if there is nothing to judge, `Unavailable` if the version cannot be judged yet or
    the registry does not answer, `Refused` if the registry does not accept the credentials.
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
        raise AssertionError(f"only the registry can be asked here: {question!r}")  # noqa: TRY004 - a bug
    try:
        return await reading.from_registry(registry, question)
    except InvalidRequest as error:
        return error


def _judge(alias: ModelAlias, number: str, facts: Facts, now: datetime) -> Rehearsal:
    spec = alias.spec
    version = _ready(facts.version(spec.model, number), now)
    aliases = facts.aliases(spec.model)
    champion = aliases.get(spec.alias)
    candidate = Candidate(version=version, run_id=version.run_id, told=f"version {version.version}")
    if version.version == champion:
        explanation = f"{spec.alias} already names version {champion}: nothing to do"
        return _rehearsal(
            alias, Outcome.PASSED, Reason.NO_OP, explanation, Verdict(resolved=candidate.resolved(champion))
        )
    judged = verdict.judge(_case(alias, candidate, aliases), facts, now)
    if judged.conclusion is Conclusion.RUNNING:
        raise Unavailable(f"{candidate.name} cannot be judged yet: {judged.told}")
    outcome = _OUTCOME.get(judged.conclusion, Outcome.INCONCLUSIVE)
    reason, why = (
        (Reason.GATES_PASSED, _passed(judged)) if outcome is Outcome.PASSED else cases.why_not(judged)
    )
    sentence = f"{candidate.name} {_VERB[outcome]}: {why}"
    explanation = "; ".join([sentence, *_afterwards(alias, outcome, champion)])
    return _rehearsal(alias, outcome, reason, explanation, cases.so_far(candidate, champion, judged))


_VERB = {Outcome.PASSED: "passed", Outcome.REFUSED: "refused", Outcome.INCONCLUSIVE: "could not be judged"}


def _ready(version: ModelVersion, now: datetime) -> ModelVersion:
    try:
        return ready(version, now)
    except Stop as stop:
        raise Unavailable(f"version {version.version} cannot be judged: {stop.answer.explanation}") from stop


def _case(alias: ModelAlias, candidate: Candidate, aliases: Aliases) -> verdict.Case:
    """Build the case as for a request to a ModelAlias without a history."""
    return replace(
        cases.of_alias(alias, candidate, aliases, alias.spec.policy.gates, None),
        unevaluated=GateResult.INCONCLUSIVE,
        why_unevaluated="only the operator starts evaluation Jobs",
        may_ask=approvals.is_needed(alias.spec.policy.approval, inconclusive=True),
    )


def _passed(judged: Judgement) -> str:
    return f"{gates.passed(judged.findings)} gates passed" if judged.findings else "there are no gates"


def _afterwards(alias: ModelAlias, outcome: Outcome, champion: str | None) -> Iterator[str]:
    """Return what would happen to a request for the version after the verdict."""
    spec, rules = alias.spec, alias.spec.policy.approval
    if outcome is Outcome.PASSED:
        yield f"it would replace {f'version {champion}' if champion else 'nothing'} as {spec.alias}"
    if outcome is not Outcome.REFUSED and approvals.is_needed(
        rules, inconclusive=outcome is Outcome.INCONCLUSIVE
    ):
        yield f"a request then {approvals.ask(rules, Count(approved=(), declined=None, void=()))}"
    if spec.version is not None:
        yield f"requests are rejected while spec.version pins version {spec.version}"


def _rehearsal(
    alias: ModelAlias, outcome: Outcome, reason: Reason, explanation: str, verdict: Verdict
) -> Rehearsal:
    status = PromotionRequestStatus(
        explanation=explanation[:4096],
        resolved=verdict.resolved,
        eligibility=verdict.checks,
        gates=verdict.findings,
    )
    return Rehearsal(alias, outcome, reason, status)
