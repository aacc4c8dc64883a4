"""What an alias has done to an HTTPRoute."""

import logging
from typing import Final

from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from modelalias.core.protocol.effects import SetWeights
from modelalias.core.protocol.facts import Facts
from modelalias.core.protocol.questions import RouteOf
from modelalias.ports import Route, Routes

_log: Final = logging.getLogger(__name__)


async def set_weights(routes: Routes, effect: SetWeights, facts: Facts) -> None:
    """Split the requests of a route that was read; where it cannot be written, everything else goes on."""
    question = RouteOf(ref=effect.ref)
    route = facts.known(question)
    if not isinstance(route, Route):
        return
    fields = {
        "namespace": effect.ref.namespace,
        "route": effect.ref.name,
        "weights": dict(effect.weights),
    }
    try:
        facts.learn(question, await routes.set_weights(route, dict(effect.weights)))
    except (InvalidRequest, Refused, Unavailable) as error:
        facts.fail(effect, error)
        _log.warning("the requests of a route cannot be split: %s", error, extra=fields)
        return
    _log.info("route written", extra=fields)
