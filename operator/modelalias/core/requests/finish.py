"""Closing a request that ends without a plan: nothing of it is left running, and the end is remembered.

The version that it asked for remembers it in its record, so that a cluster built anew knows it, and the
ModelAlias in its status; where no version was looked up yet, the one that holds the alias does. What ended
with a plan stands in the history.
"""

from modelalias.api.alias import FinishedRequest, ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.request import PromotionRequest, PromotionRequestStatus
from modelalias.core.errors import NotFound
from modelalias.core.judging import evaluation
from modelalias.core.ledger import history, version_record
from modelalias.core.protocol.answers import ANSWER_POLL, Ended
from modelalias.core.protocol.context import World
from modelalias.core.protocol.decision import Draft, RequestWrite
from modelalias.core.protocol.effects import Effect, TagVersion
from modelalias.core.protocol.facts import Failed
from modelalias.core.requests import replay
from modelalias.core.status import request_status


def close(
    world: World, alias: ModelAlias | None, request: PromotionRequest, end: Ended, draft: Draft
) -> bool:
    """End a request and say whether that is written; what has to be done first is left in the draft."""
    if alias is None or request.spec.dry_run or end.reason is Reason.ALREADY_PROCESSED:
        return write(world, request, request_status.ended(alias, request, end, world.now), draft)
    try:
        before, effect = _record(world, alias, request, end) if draft.records else (None, None)
    except Failed:
        before, effect = None, None  # the alias remembers it; nobody waits for a version that cannot be read
    past = replay.by_record(before, request)
    if past is not None:
        return close(world, alias, request, past, draft)
    status = request_status.ended(alias, request, end, world.now)
    if effect is not None:
        draft.do(effect)
        draft.stuck = True
        return False
    if not write(world, request, status, draft):
        return False
    digest, number = request.spec_hash, _version(request, end)
    draft.finished.append(
        FinishedRequest(spec_hash=digest, uid=request.metadata.uid, phase=end.phase, version=number)
    )
    return True


def write(world: World, request: PromotionRequest, status: PromotionRequestStatus, draft: Draft) -> bool:
    """Write an end and say so, unless Jobs that still run for the request have to be stopped first."""
    try:
        stop = evaluation.leftover(request.status.evaluation, world.namespace, world.facts)
    except Failed:
        return _later(world, draft)
    if stop is not None:
        told = f"{status.explanation[:1024]}; its Jobs are being stopped first"
        draft.writes.append(RequestWrite(request, request.status.model_copy(update={"explanation": told})))
        draft.do(stop)
        draft.stuck = True
        return False
    draft.writes.append(RequestWrite(request, status))
    return True


def _later(world: World, draft: Draft) -> bool:
    draft.wake(world.now + ANSWER_POLL)
    draft.stuck = True
    return False


def _version(request: PromotionRequest, end: Ended) -> str | None:
    """Return the version that the request is about, where that is known without asking."""
    resolved = end.verdict.resolved or request.status.resolved
    if resolved is not None:
        return resolved.version
    return replay.version_asked(request)


def _record(
    world: World, alias: ModelAlias, request: PromotionRequest, end: Ended
) -> tuple[str | None, Effect | None]:
    """Return the record, and how the end is added to it.

    Nothing is where it stands there, cannot be written or moved nothing anyway.
    """
    number = _version(request, end) or (alias.status.observed.version if alias.status.observed else None)
    if number is None or end.reason is Reason.NO_OP:
        return None, None
    key = version_record.key(alias.spec.alias)
    try:
        before = world.facts.version(alias.spec.model, number).tags.get(key)
    except NotFound:
        return None, None
    found = history.findings(end.verdict.checks, end.verdict.findings)
    text = version_record.ended(before, request, end.phase, end.reason, found, world.now)
    if text is None:
        return before, None
    effect = TagVersion(
        model=alias.spec.model, version=number, tags=((key, text),), optional=True, patient=False
    )
    return before, None if world.facts.failure(effect) else effect
