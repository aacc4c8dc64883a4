"""Replays: a request that is applied again ends as it ended, also where its ModelAlias has forgotten it.

The records of versions remember it. Which version that was is not known where the source may name another one
by now, or none. Only what is signed counts. A request that succeeded in another cluster, for the version that
the alias still names, is not over here: this cluster's workloads may have to be brought up to date.
"""

from dataclasses import replace

from modelalias.api.alias import ModelAlias
from modelalias.api.request import Phase, PromotionRequest, Resolved
from modelalias.core.ledger import ended_requests
from modelalias.core.ledger.record_text import tag_key
from modelalias.core.ledger.signed_record import record_of
from modelalias.core.ledger.version_record import VersionRecord
from modelalias.core.protocol.answers import Ended, VerdictSoFar, already_processed
from modelalias.core.protocol.context import Context
from modelalias.ports import ModelVersion


def end_by_search(context: Context, alias: ModelAlias, request: PromotionRequest) -> Ended | None:
    """Return how a request ended whose version was not looked up yet, by the records of all versions."""
    if request.spec.dry_run or request.status.resolved is not None or version_asked(request) is not None:
        return None
    key = tag_key(alias.spec.alias)
    versions = context.facts.versions_tagged(alias.spec.model, key, ended_requests.digest(request))
    ends = (_end_on(item, end_by_version(context, alias, request, item)) for item in versions)
    return next((end for end in ends if end is not None), None)


def _end_on(version: ModelVersion, end: Ended | None) -> Ended | None:
    """Return the end with the version whose record tells of it."""
    if end is None:
        return None
    found = Resolved(version=version.version, run_id=version.run_id, from_="the record of the version")
    return replace(end, so_far=VerdictSoFar(resolved=found))


def end_by_version(
    context: Context, alias: ModelAlias, request: PromotionRequest, version: ModelVersion | None
) -> Ended | None:
    """Return how a request ended, by the record of the version that it means."""
    if request.spec.dry_run or version is None:
        return None
    record = record_of(context.notary, alias, version)
    past = record.past(request)
    elsewhere = past is not None and past.phase is Phase.SUCCEEDED and not past.here
    if elsewhere and context.facts.aliases(alias.spec.model).get(alias.spec.alias) == version.version:
        return None
    return end_by_record(record, request)


def end_by_record(record: VersionRecord, request: PromotionRequest) -> Ended | None:
    """Return how the same request ended by one record; None when it did not.

    That of this very object counts where a plan was carried out for it: whoever asks knows nothing of the
    plan, so the cluster's state is older than the record.
    """
    past = record.past(request)
    if past is None or (past.own and not past.had_plan):
        return None
    return already_processed(past.phase)


def version_asked(request: PromotionRequest) -> str | None:
    """Return the version that a request names by its number."""
    return request.spec.source.version if request.spec.source else None
