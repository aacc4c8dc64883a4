"""Cases: what a verdict is asked about a version, and what follows while it is open.

The case is taken from the alias and the context.
"""

from dataclasses import replace
from datetime import datetime

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Cause, Reason
from modelalias.api.fields import API_VERSION
from modelalias.api.gates import Gate
from modelalias.api.request import GateResult, Phase, Resolved
from modelalias.core.errors import Refused
from modelalias.core.judging import eligibility, gates, verdict
from modelalias.core.judging.case import Case
from modelalias.core.judging.evaluation import WantedEvaluation
from modelalias.core.judging.verdict import Conclusion, Verdict
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


def build_case(
    alias: ModelAlias,
    candidate: Candidate,
    aliases: Aliases,
    wanted: tuple[Gate, ...],
    owner: Involved | None,
) -> Case:
    """Build the case of a candidate, to be compared with what this ModelAlias accepted last.

    `aliases` are those of the registry. Without an owner for its Jobs none is started and nothing is known of its
    soak.
    """
    accepted, spec = alias.status.current, alias.spec
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
            champion=accepted.version if accepted is not None and verdict.needs_champion(wanted) else None,
        )
    return Case(
        spec=spec,
        namespace=alias.metadata.namespace,
        uid=owner.uid if owner is not None else "",
        name=candidate.name,
        candidate=version,
        accepted=accepted,
        registered=candidate.version is not None,
        aliases=aliases,
        soaking_since=None,
        disowned=frozenset(),
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


def with_request(case: Case, context: Context, alias: ModelAlias, before: Resolved | None) -> Case:
    """Add what only the operator knows: the evidence so far, and what other ModelAliases say of their aliases."""
    return replace(
        case,
        soaking_since=_soaking_since(context, alias, case.candidate),
        disowned=_disowned(context, case),
        last_evidence=before.last_evidence if before is not None else None,
        round=before.round if before is not None else 0,
    )


def _soaking_since(context: Context, alias: ModelAlias, version: ModelVersion) -> datetime | None:
    """Return since when the alias of the soak names the version.

    By what the ModelAlias of that alias accepted, else as it was first seen.
    """
    rules = alias.spec.policy.eligibility
    if rules is None or rules.soak is None:
        return None
    managed, seen = context.managed.get(rules.soak.alias), alias.status.soaking
    if managed is not None:
        accepted, observed = managed.current, managed.observed
        if (
            accepted is None
            or observed is None
            or not accepted.version == observed.version == version.version
        ):
            return None
        return max(accepted.since, observed.at)
    if seen is not None and (seen.alias, seen.version) == (rules.soak.alias, version.version):
        return seen.since
    return context.now


def _disowned(context: Context, case: Case) -> frozenset[str]:
    """Return the aliases of the candidate that their own ModelAlias did not give it: somebody moved them."""
    return frozenset(
        name
        for name, status in context.managed.items()
        if case.aliases.get(name) == case.candidate.version
        and (status.current is None or status.current.version != case.candidate.version)
    )


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


def verdict_so_far(
    alias: ModelAlias, candidate: Candidate, aliases: Aliases, verdict: Verdict, before: Resolved | None
) -> VerdictSoFar:
    """Return what a verdict holds, as a status tells it."""
    frozen = candidate.resolved(alias, aliases)
    if frozen is not None:
        last = before.last_evidence if before is not None else None
        frozen = frozen.changed(
            evidence=verdict.evidence, last_evidence=verdict.evidence or last, round=verdict.round
        )
    return VerdictSoFar(
        frozen,
        verdict.checks,
        verdict.findings,
        verdict.sides,
        run_unfinished_since=verdict.run_unfinished_since,
    )
