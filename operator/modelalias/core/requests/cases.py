"""Cases: what a verdict is asked about a version, and what follows while it is open.

The case is taken from the alias and the context.
"""

from datetime import datetime

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Cause, Reason
from modelalias.api.fields import API_VERSION
from modelalias.api.gates import Gate
from modelalias.api.request import GateResult, Phase
from modelalias.core.errors import Refused
from modelalias.core.judging import eligibility, gates, verdict
from modelalias.core.judging.evaluation import WantedEvaluation
from modelalias.core.judging.verdict import Case, Conclusion, Verdict
from modelalias.core.protocol.answers import (
    EVALUATION_POLL,
    VERSION_POLL,
    WORKLOAD_POLL,
    KeepsTurn,
    NotReady,
    VerdictSoFar,
)
from modelalias.core.protocol.context import Context
from modelalias.core.requests.source import Candidate
from modelalias.ports import Aliases, Involved, ModelVersion, VersionState


def job_owner(kind: str, namespace: str, name: str, uid: str) -> Involved:
    """Name the object that evaluation Jobs belong to."""
    return Involved(api_version=API_VERSION, kind=kind, namespace=namespace, name=name, uid=uid)


def aliases_to_beat(alias: ModelAlias, aliases: Aliases, version: str) -> Aliases:
    """Return the aliases as a verdict on a version has to see them.

    A version that somebody made champion by hand is compared with what this alias accepted before it; where
    nothing was accepted before, with nothing: it is no yardstick for itself.
    """
    name, current = alias.spec.alias, alias.status.current
    if aliases.get(name) != version:
        return aliases
    others = {other: number for other, number in aliases.items() if other != name}
    return others if current is None or current.version == version else {**others, name: current.version}


def build_case(
    alias: ModelAlias,
    candidate: Candidate,
    aliases: Aliases,
    wanted: tuple[Gate, ...],
    owner: Involved | None,
) -> Case:
    """Build the case of a candidate.

    Without an owner for its Jobs none is started and nothing is known of its soak.
    """
    champion, current, spec = aliases.get(alias.spec.alias), alias.status.current, alias.spec
    # a dry run may name a run that was not registered yet: it has neither tags nor aliases
    version = candidate.version or ModelVersion(
        model=spec.model, version="0", run_id=candidate.run_id, state=VersionState.READY, tags={}
    )
    evaluate = None
    if owner is not None and spec.policy.evaluation is not None:
        evaluate = WantedEvaluation(
            owner=owner,
            alias=alias.metadata.name,
            model=spec.model,
            rules=spec.policy.evaluation,
            candidate=version.version,
            champion=champion if verdict.needs_champion(wanted) else None,
        )
    return Case(
        spec=spec,
        namespace=alias.metadata.namespace,
        uid=owner.uid if owner is not None else "",
        name=candidate.name,
        candidate=version,
        champion=champion,
        champion_run=current.run_id if current is not None and current.version == champion else None,
        registered=candidate.version is not None,
        aliases=aliases,
        soaking_since=None,
        gates=wanted,
        evaluate=evaluate,
        unevaluated=GateResult.SKIPPED if owner is None else GateResult.INCONCLUSIVE,
        why_unevaluated="a dry run starts no evaluation"
        if owner is None
        else "there is no policy.evaluation",
        evaluated=(),
        run_unfinished_since=None,
        may_ask=False,
    )


def soaking_since(context: Context, alias: ModelAlias, version: ModelVersion | None) -> datetime | None:
    """Return since when the alias of the soak names the version.

    By the ledger of that alias, else as it was first seen.
    """
    rules = alias.spec.policy.eligibility
    if rules is None or rules.soak is None or version is None:
        return None
    ledger, seen = context.soaking, alias.status.soaking
    if ledger is not None and ledger.version == version.version:
        return ledger.at
    if seen is not None and (seen.alias, seen.version) == (rules.soak.alias, version.version):
        return seen.since
    return context.now


def answer_while_open(verdict: Verdict, so_far: VerdictSoFar, now: datetime) -> NotReady | KeepsTurn | None:
    """Return the answer while the verdict is not known; None once it is."""
    match verdict.conclusion:
        case Conclusion.SOAKING:
            return NotReady(Reason.SOAKING, f"waits: {verdict.message}", verdict.until, so_far)
        case Conclusion.RUNNING:
            until = min(now + VERSION_POLL, verdict.until or now + VERSION_POLL)
            return NotReady(Reason.WAITING, verdict.message, until, so_far)
        case Conclusion.STUCK:
            reason = Reason.FORBIDDEN if isinstance(verdict.problem, Refused) else Reason.WAITING
            return NotReady(reason, f"waits: {verdict.problem}", now + WORKLOAD_POLL, so_far)
        case Conclusion.EVALUATING:
            until = now + EVALUATION_POLL
            return KeepsTurn(
                Phase.EVALUATING, Reason.EVALUATING, verdict.message, until, so_far, verdict.effect
            )
        case Conclusion.PASSED | Conclusion.REFUSED | Conclusion.INCONCLUSIVE:
            return None


def why_refused(verdict: Verdict) -> Cause:
    """Return why a version is refused, or why it cannot be judged."""
    refused = eligibility.refused(verdict.checks)
    if refused:
        return Cause(Reason.NOT_ELIGIBLE, "; ".join(eligibility.sentence(item) for item in refused))
    blocking = [item for item in verdict.findings if gates.blocks(item)]
    unclear = map(eligibility.sentence, eligibility.unclear(verdict.checks))
    failed = any(item.result is GateResult.FAILED for item in blocking)
    reason = Reason.GATES_FAILED if failed else Reason.INCONCLUSIVE
    return Cause(reason, "; ".join([*unclear, *map(gates.sentence, blocking)]))


def verdict_so_far(candidate: Candidate, champion: str | None, verdict: Verdict) -> VerdictSoFar:
    """Return what a verdict holds, as a status tells it."""
    resolved = candidate.resolved(champion)
    if resolved is not None:
        resolved = resolved.changed(evidence=verdict.evidence)
    return VerdictSoFar(
        resolved,
        verdict.checks,
        verdict.findings,
        verdict.sides,
        run_unfinished_since=verdict.run_unfinished_since,
    )
