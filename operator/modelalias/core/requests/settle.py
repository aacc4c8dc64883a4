"""Requests that need no judging.

They ended before, were aborted, are refused by a pin or ask for what is not there yet.
"""

from datetime import datetime

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.fields import duration
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.ledger import history
from modelalias.core.protocol.answers import Ended, already
from modelalias.core.protocol.context import World
from modelalias.core.protocol.decision import Draft
from modelalias.core.requests import finish
from modelalias.core.status import request_status


def settle(world: World, alias: ModelAlias | None, request: PromotionRequest, draft: Draft) -> bool:
    """End a request that needs no judging, and say whether it was one."""
    entry = None if alias is None else history.finished(alias.status.history, request)
    if alias is not None and entry is not None:
        finish.write(world, request, request_status.recorded(alias, request, entry, world.now), draft)
        return True
    end = _end(world, alias, request)
    if end is not None:
        finish.close(world, alias, request, end, draft)
        return True
    draft.wake(_expires(request))
    return False


def _expires(request: PromotionRequest) -> datetime | None:
    created = request.metadata.creation_timestamp
    return None if created is None else created + duration(request.spec.expires_after)


def _end(world: World, alias: ModelAlias | None, request: PromotionRequest) -> Ended | None:
    expires = _expires(request)
    before = None if alias is None else history.finished_before(alias.status.finished, request)
    if before is not None:
        return already(before)
    if request.spec.abort:
        return Ended(Phase.ABORTED, Reason.ABORTED, "aborted before anything was done")
    if expires is not None and world.now >= expires:
        told = f"nothing was begun within {request.spec.expires_after} of its creation"
        return Ended(Phase.EXPIRED, Reason.EXPIRED, told)
    if alias is not None and alias.spec.version is not None:
        told = f"spec.version of ModelAlias {world.name} pins version {alias.spec.version}: remove it to promote by requests"
        return Ended(Phase.REJECTED, Reason.ALIAS_PINNED, told)
    return None
