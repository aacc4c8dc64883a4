"""Ending a request that has no plan: nothing of it is left running, and the end is remembered.

The version that it asked for remembers it in its record, so that a cluster built anew knows it, and the
ModelAlias in its status; where no version was looked up yet, the one that the alias names does. What ended
with a plan stands in the history.
"""

from datetime import datetime

from modelalias.api.alias import FinishedRequest, ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.fields import duration
from modelalias.api.request import Phase, PromotionRequest, PromotionRequestStatus
from modelalias.core.errors import NotFound
from modelalias.core.judging import evaluation
from modelalias.core.judging.evaluation import Owner
from modelalias.core.ledger import history
from modelalias.core.ledger.record_text import tag_key
from modelalias.core.ledger.signed_record import place_of, record_of, write
from modelalias.core.ledger.version_record import VersionRecord
from modelalias.core.protocol.answers import ANSWER_POLL, Ended, already_processed
from modelalias.core.protocol.blame import blamed_on
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft, RequestWrite
from modelalias.core.protocol.effects import Effect, TagVersion
from modelalias.core.protocol.facts import Failed
from modelalias.core.requests import replay
from modelalias.core.requests.broken import end_if_tried_enough, is_broken
from modelalias.core.status import request_status, ways_out


def end_if_settled(
    context: Context, alias: ModelAlias | None, request: PromotionRequest, draft: Draft
) -> bool:
    """End a request that needs no judging, and return whether it was one.

    It ended before, was aborted, waited too long, or a pin decides; or an unexpected error keeps it from being
    judged, and it was tried often enough.
    """
    if is_broken(context, request):
        return end_if_tried_enough(context, alias, request, draft)
    with blamed_on(request):
        return _end_if_settled(context, alias, request, draft)


def _end_if_settled(
    context: Context, alias: ModelAlias | None, request: PromotionRequest, draft: Draft
) -> bool:
    entry = None if alias is None else history.finished(alias.status.history, request)
    if alias is not None and entry is not None:
        status = request_status.ended_by_history(alias, request, entry, context.now)
        write_end(context, request, status, draft)
        return True
    end = _settled(context, alias, request)
    if end is not None:
        end_request(context, alias, request, end, draft)
        return True
    draft.wake(_expires(request))
    return False


def end_request(
    context: Context, alias: ModelAlias | None, request: PromotionRequest, end: Ended, draft: Draft
) -> bool:
    """End a request and return whether that is written; what has to be done first is left in the draft."""
    with blamed_on(request):
        return _end_request(context, alias, request, end, draft)


def _end_request(
    context: Context, alias: ModelAlias | None, request: PromotionRequest, end: Ended, draft: Draft
) -> bool:
    if alias is None or request.spec.dry_run or end.reason is Reason.ALREADY_PROCESSED:
        return write_end(context, request, request_status.ended(alias, request, end, context.now), draft)
    try:
        record, effect = _recorded(context, alias, request, end) if draft.records else (None, None)
    except Failed:
        record, effect = None, None  # the alias remembers it; nobody waits for a version that cannot be read
    before = None if record is None else replay.end_by_record(record, request)
    if before is not None:
        return _end_request(context, alias, request, before, draft)
    if effect is not None:
        draft.do(effect)
        draft.blocked = True
        return False
    if not write_end(context, request, request_status.ended(alias, request, end, context.now), draft):
        return False
    draft.finished.append(
        FinishedRequest(
            spec_hash=request.spec_hash,
            uid=request.metadata.uid,
            phase=end.phase,
            version=_version(request, end),
        )
    )
    return True


def write_end(
    context: Context, request: PromotionRequest, status: PromotionRequestStatus, draft: Draft
) -> bool:
    """Write an end and return true, unless Jobs that still run for the request have to be stopped first."""
    try:
        owner = Owner(context.namespace, request.metadata.uid)
        stop = evaluation.leftover(request.status.evaluation, owner, context.facts)
    except Failed:
        draft.wake(context.now + ANSWER_POLL)
        draft.blocked = True
        return False
    if stop is not None:
        explanation = f"{status.explanation[:1024]}; its Jobs are being stopped first"
        draft.writes.append(RequestWrite(request, request.status.explained(explanation)))
        draft.do(stop)
        draft.blocked = True
        return False
    draft.writes.append(RequestWrite(request, status))
    return True


def _settled(context: Context, alias: ModelAlias | None, request: PromotionRequest) -> Ended | None:
    expires = _expires(request)
    before = None if alias is None else history.finished_before(alias.status.finished, request)
    if before is not None:
        return already_processed(before)
    if request.spec.abort:
        return Ended(Phase.ABORTED, Reason.ABORTED, "aborted before anything was done")
    if request.metadata.deletion_timestamp is not None:
        return Ended(Phase.ABORTED, Reason.ABORTED, "deleted before anything was done; a finalizer keeps it")
    if alias is not None and _is_of_another(alias, request):
        message = f"ModelAlias {context.name} was made anew, or manages another model, since the request was looked at"
        return Ended(
            Phase.REJECTED, Reason.ALIAS_REPLACED, f"{message}: file it again if it is meant for this one"
        )
    if expires is not None and context.now >= expires:
        message = f"nothing was begun within {request.spec.expires_after} of its creation"
        return Ended(Phase.EXPIRED, Reason.EXPIRED, message)
    if alias is not None and alias.spec.version is not None:
        pin = f"spec.version of ModelAlias {context.name} pins version {alias.spec.version}"
        way_out = f"remove it to promote by requests: {ways_out.unpin(alias)}"
        return Ended(Phase.REJECTED, Reason.ALIAS_PINNED, f"{pin}: {way_out}")
    return None


def _is_of_another(alias: ModelAlias, request: PromotionRequest) -> bool:
    """Return whether the request's version was looked up for another ModelAlias, registry or model."""
    resolved, spec = request.status.resolved, alias.spec
    if resolved is None or resolved.alias_uid is None:
        return False
    present = (alias.metadata.uid, spec.registry, spec.model)
    return (resolved.alias_uid, resolved.registry, resolved.model) != present


def _expires(request: PromotionRequest) -> datetime | None:
    created = request.metadata.creation_timestamp
    return None if created is None else created + duration(request.spec.expires_after)


def _version(request: PromotionRequest, end: Ended) -> str | None:
    """Return the version that the request is about, where that is known without asking."""
    resolved = end.so_far.resolved or request.status.resolved
    return resolved.version if resolved is not None else replay.version_asked(request)


def _recorded(
    context: Context, alias: ModelAlias, request: PromotionRequest, end: Ended
) -> tuple[VersionRecord | None, Effect | None]:
    """Return the record, and how the end is added to it.

    No effect where the end is in it already, where it cannot be written, or where it would move nothing
    anyway.
    """
    observed = alias.status.observed
    number = _version(request, end) or (observed.version if observed else None)
    if number is None or end.reason is Reason.NO_OP:
        return None, None
    key = tag_key(alias.spec.alias)
    try:
        version = context.facts.version(alias.spec.model, number)
    except NotFound:
        return None, None
    before = record_of(context.notary, alias, version)
    findings = history.findings(end.so_far.checks, end.so_far.findings)
    record = before.with_end(request, end.phase, end.reason, findings, context.now)
    if record == before:
        return before, None
    text = write(context.notary, place_of(alias, version), record)
    effect = TagVersion(
        model=alias.spec.model, version=number, tags=((key, text),), optional=True, patient=False
    )
    return before, None if context.facts.failure(effect) else effect
