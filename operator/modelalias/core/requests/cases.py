"""Cases: what the verdict is given about a version, taken from the alias and the world.

What follows while it is open.
"""

from datetime import datetime

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.fields import API_VERSION
from modelalias.api.gates import Gate
from modelalias.api.request import GateResult, Phase
from modelalias.core.errors import Refused
from modelalias.core.judging import eligibility, gates, verdict
from modelalias.core.judging.evaluation import Wanted
from modelalias.core.judging.verdict import Case, Conclusion, Judgement
from modelalias.core.protocol.answers import (
    EVALUATION_POLL,
    VERSION_POLL,
    WORKLOAD_POLL,
    Holds,
    Verdict,
    Waits,
)
from modelalias.core.protocol.context import World
from modelalias.core.requests.source import Candidate
from modelalias.ports import Aliases, Involved, ModelVersion, VersionState


def owner(kind: str, namespace: str, name: str, uid: str) -> Involved:
    """Name the object that evaluation Jobs belong to."""
    return Involved(api_version=API_VERSION, kind=kind, namespace=namespace, name=name, uid=uid)


def of_alias(
    alias: ModelAlias, candidate: Candidate, held: Aliases, wanted: tuple[Gate, ...], belongs: Involved | None
) -> Case:
    """Build the case of a candidate.

    Without an owner for its Jobs none is started, and nothing is known of its soak.
    """
    champion, current, spec = held.get(alias.spec.alias), alias.status.current, alias.spec
    # a dry run may name a run that was not registered yet: it has neither tags nor aliases
    version = candidate.version or ModelVersion(
        model=spec.model, version="0", run_id=candidate.run_id, state=VersionState.READY, tags={}
    )
    evaluate = None
    if belongs is not None and spec.policy.evaluation is not None:
        other = champion if verdict.needs_champion(wanted) else None
        evaluate = Wanted(
            owner=belongs,
            alias=alias.metadata.name,
            model=spec.model,
            rules=spec.policy.evaluation,
            candidate=version.version,
            champion=other,
        )
    return Case(
        spec=spec,
        namespace=alias.metadata.namespace,
        uid=belongs.uid if belongs is not None else "",
        name=candidate.name,
        candidate=version,
        champion=champion,
        champion_run=current.run_id if current is not None and current.version == champion else None,
        registered=candidate.version is not None,
        held=held,
        soaking_since=None,
        gates=wanted,
        evaluate=evaluate,
        unevaluated=GateResult.SKIPPED if belongs is None else GateResult.INCONCLUSIVE,
        why_unevaluated="a dry run starts no evaluation"
        if belongs is None
        else "there is no policy.evaluation",
        evaluated=(),
        may_ask=False,
    )


def soaking_since(world: World, alias: ModelAlias, version: ModelVersion | None) -> datetime | None:
    """Return since when the version holds the alias of the soak.

    By the ledger of that alias, else as it was first seen.
    """
    rules = alias.spec.policy.eligibility
    if rules is None or rules.soak is None or version is None:
        return None
    ledger, seen = world.soaking, alias.status.soaking
    if ledger is not None and ledger.version == version.version:
        return ledger.at
    if seen is not None and (seen.alias, seen.version) == (rules.soak.alias, version.version):
        return seen.since
    return world.now


def open_answer(judged: Judgement, so_far: Verdict, now: datetime) -> Waits | Holds | None:
    """Return what is told while the verdict is not known; None once it is."""
    match judged.conclusion:
        case Conclusion.SOAKING:
            return Waits(Reason.SOAKING, f"waits: {judged.told}", judged.until, so_far)
        case Conclusion.RUNNING:
            return Waits(Reason.WAITING, judged.told, now + VERSION_POLL, so_far)
        case Conclusion.STUCK:
            reason = Reason.FORBIDDEN if isinstance(judged.problem, Refused) else Reason.WAITING
            return Waits(reason, f"waits: {judged.problem}", now + WORKLOAD_POLL, so_far)
        case Conclusion.EVALUATING:
            until = now + EVALUATION_POLL
            return Holds(Phase.EVALUATING, Reason.EVALUATING, judged.told, until, so_far, judged.effect)
    return None


def why_not(judged: Judgement) -> tuple[Reason, str]:
    """Say why a version is refused, or why it cannot be judged."""
    refused = eligibility.refused(judged.checks)
    if refused:
        return Reason.NOT_ELIGIBLE, "; ".join(eligibility.sentence(item) for item in refused)
    blocking = [item for item in judged.findings if gates.blocks(item)]
    told = [
        *(eligibility.sentence(item) for item in eligibility.unclear(judged.checks)),
        *map(gates.sentence, blocking),
    ]
    failed = any(item.result is GateResult.FAILED for item in blocking)
    return Reason.GATES_FAILED if failed else Reason.INCONCLUSIVE, "; ".join(told)


def so_far(candidate: Candidate, champion: str | None, judged: Judgement) -> Verdict:
    """Return what the judgement found, as it is told in a status."""
    resolved = candidate.resolved(champion)
    if resolved is not None:
        resolved = resolved.model_copy(update={"evidence": judged.evidence})
    return Verdict(resolved, judged.checks, judged.findings, judged.sides)
