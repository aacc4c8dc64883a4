"""Pins: whether the version that the owner names in `spec.version` is taken at once, or judged first."""

from dataclasses import replace

from modelalias.api.alias import ModelAlias, Pins
from modelalias.api.request import Phase
from modelalias.core.judging.verdict import Conclusion, judge
from modelalias.core.ledger.signed_record import was_accepted
from modelalias.core.plan.build import build_plan
from modelalias.core.protocol.answers import (
    Answer,
    Answered,
    Ended,
    Proceeds,
    VerdictSoFar,
    required,
    unanswered,
)
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.facts import Failed
from modelalias.core.requests import cases
from modelalias.core.requests.source import Candidate, require_ready
from modelalias.ports import ModelVersion


def consider_pin(context: Context, alias: ModelAlias, version: str) -> Answer:
    """Judge the owner's pin: a trusted one only has to name a version that is there."""
    try:
        return _consider(context, alias, version)
    except Answered as answered:
        return answered.answer
    except Failed as failed:
        return unanswered(failed, context.now)


def is_gated(context: Context, alias: ModelAlias, version: ModelVersion) -> bool:
    """Return whether a pin has to be judged: the owner wants that, and the version was not accepted before."""
    return alias.spec.policy.pins is Pins.GATED and not was_accepted(context.notary, alias, version)


def _consider(context: Context, alias: ModelAlias, number: str) -> Answer:
    facts = context.facts
    version = require_ready(required(lambda: facts.version(alias.spec.model, number)), context.now)
    aliases = required(lambda: facts.aliases(alias.spec.model))
    if not is_gated(context, alias, version):
        return _proceed(context, alias, version, VerdictSoFar())
    candidate = Candidate(version=version, run_id=version.run_id, source="spec.version")
    meta, before = alias.metadata, alias.status.pin
    owner = cases.job_owner("ModelAlias", meta.namespace, meta.name, meta.uid)
    case = cases.build_case(alias, candidate, aliases, alias.spec.policy.gates, owner)
    case = replace(
        cases.with_request(case, context, alias, None),
        evaluated=before.evaluation if before else (),
        run_unfinished_since=before.run_unfinished_since if before and before.version == number else None,
    )
    verdict = judge(case, facts, context.now)
    so_far = cases.verdict_so_far(alias, candidate, aliases, verdict, None)
    open_answer = cases.answer_while_open(verdict, so_far, context.now)
    if open_answer is not None:
        return open_answer
    if verdict.conclusion is Conclusion.PASSED:
        return _proceed(context, alias, version, so_far)
    reason, message = cases.why_refused(verdict)
    return Ended(Phase.REJECTED, reason, f"the pin of {candidate.name} is refused: {message}", so_far)


def _proceed(context: Context, alias: ModelAlias, version: ModelVersion, so_far: VerdictSoFar) -> Answer:
    """Let a pin have its plan; while something is in the way the verdict is told all the same."""
    try:
        return Proceeds(build_plan(context, alias, version, None, so_far), so_far)
    except Answered as answered:
        return replace(answered.answer, so_far=so_far)
