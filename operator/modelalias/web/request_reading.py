"""Reading what the pages of a request show; what may not be read is told and keeps no page from being shown."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from modelalias.adapters.kubernetes_client import CredentialsRefused
from modelalias.cli import rights, rights_reading, sight
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.object_events import ObjectEvent
from modelalias.core.errors import InvalidRequest, OperatorError, Refused, Unavailable
from modelalias.web import acts, offers, request_view
from modelalias.web.acts import Deed, Standing
from modelalias.web.request_view import Evaluation, RequestView
from modelalias.web.visit import Visit

T = TypeVar("T")


async def standing_of(visit: Visit) -> Standing:
    """Read the request of the address, and what the person may do with it."""
    cluster = cluster_of(visit)
    seen = await sight.look(cluster, visit.parameter("name"))
    decide, abort = rights.to_decide(seen.request), rights.to_abort(seen.request)
    wanted = {Deed.APPROVE: decide, Deed.REJECT: decide, Deed.ABORT: abort}
    return Standing(seen, await rights_reading.missing_for(cluster, wanted), visit.looking)


def cluster_of(visit: Visit) -> PersonsCluster:
    """Return the namespace of the address."""
    return visit.reader.within(visit.parameter("namespace"))


def view_of(visit: Visit, standing: Standing) -> RequestView:
    """Return the request with what the person can do, without what has to be read beside it."""
    seen, resolved = standing.sight, standing.sight.request.status.resolved
    links = visit.site.registries.named((resolved and resolved.registry) or "").links
    view = request_view.request_view(seen.request, seen.rules, standing.looking.flags, links, seen.alias)
    found = acts.acts(standing)
    return view.changed(acts=found, obstacles=offers.obstacles(found))


async def whole_view(visit: Visit) -> RequestView:
    """Read everything that the page of a request shows."""
    view, cluster = view_of(visit, await standing_of(visit)), cluster_of(visit)
    (events, no_events), evaluation = await asyncio.gather(
        _events(cluster, view.uid),
        asyncio.gather(*(_with_lines(cluster, item) for item in view.evaluation)),
    )
    return view.changed(
        events=request_view.happened(events), no_events=no_events, evaluation=tuple(evaluation)
    )


async def _events(cluster: PersonsCluster, uid: str) -> tuple[Sequence[ObjectEvent], str]:
    events, why_not = await _or_why(lambda: cluster.events(uid))
    return events or (), why_not


async def _with_lines(cluster: PersonsCluster, item: Evaluation) -> Evaluation:
    if item.last_lines:
        return item
    lines, why_not = await _or_why(lambda: cluster.last_lines(item.job))
    return item.changed(last_lines=lines or "", no_lines=why_not)


async def _or_why(reading: Callable[[], Awaitable[T]]) -> tuple[T | None, str]:
    """Return what was read, or None and why it could not be read."""
    try:
        return await reading(), ""
    except CredentialsRefused:
        raise
    except (Refused, InvalidRequest, Unavailable) as error:
        return None, _sentence(error)


def _sentence(error: OperatorError) -> str:
    text = str(error)
    return f"You {text}." if text.startswith("may not ") else f"{text[:1].upper()}{text[1:]}."
