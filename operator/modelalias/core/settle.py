"""Requests that need no judging: they ended before, were aborted, are refused by a pin or ask for what is not there yet."""

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.fields import duration
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core import history, telling, unsupported
from modelalias.core.answers import Ended
from modelalias.core.closing import close
from modelalias.core.decision import Draft
from modelalias.core.world import World


def settle(world: World, alias: ModelAlias | None, request: PromotionRequest, draft: Draft) -> bool:
    """End a request that needs no judging: it ended before, was aborted, or asks for what this release does not have."""
    fields = unsupported.in_request(request.spec)
    created = request.metadata.creation_timestamp
    expires = None if created is None else created + duration(request.spec.expires_after)
    entry = None if alias is None else history.finished(alias.status.history, request)
    if alias is not None and entry is not None:
        close(world, request, telling.recorded(alias, request, entry, world.now), draft)
        return True
    if request.spec.abort:
        end = Ended(Phase.ABORTED, Reason.ABORTED, "aborted before anything was done")
    elif expires is not None and world.now >= expires:
        told = f"nothing was begun within {request.spec.expires_after} of its creation"
        end = Ended(Phase.EXPIRED, Reason.EXPIRED, told)
    elif fields:
        told = f"this release does not support: {', '.join(fields)}"
        end = Ended(Phase.REJECTED, Reason.NOT_SUPPORTED_YET, told)
    elif alias is not None and alias.spec.version is not None:
        told = f"spec.version of ModelAlias {world.name} pins version {alias.spec.version}: remove it to promote by requests"
        end = Ended(Phase.REJECTED, Reason.ALIAS_PINNED, told)
    else:
        draft.wake(expires)
        return False
    close(world, request, telling.ended(alias, request, end, world.now), draft)
    return True
