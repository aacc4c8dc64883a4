"""`/approvals`: the requests that wait for people."""

import asyncio
from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from modelalias.api.policy import Approval
from modelalias.api.request import PromotionRequest
from modelalias.api.request_status import Phase
from modelalias.cli import rights, rights_reading, sight
from modelalias.cli.cluster import Kind, Who
from modelalias.cli.rights import Right
from modelalias.web import awaiting, own_namespace
from modelalias.web.awaiting import ApprovalsView, Found
from modelalias.web.board import Key
from modelalias.web.reading import Reader
from modelalias.web.view import Notice
from modelalias.web.visit import Visit

WAITING: Final = f"status.phase={Phase.AWAITING_APPROVAL}"
MOST_ALIASES: Final = 50
"""ModelAliases that are read for a page; of others it is not said when requests lapse by their rules."""
AT_ONCE: Final = 8


async def approvals_page(visit: Visit) -> Response:
    """Show the requests that wait for people."""
    view, notices, status = await own_namespace.read(
        visit.reader,
        visit.query("namespace"),
        lambda namespace: read(visit.reader, namespace, visit.query("after")),
        ApprovalsView(mine=(), others=(), namespace=visit.query("namespace")),
    )
    return await visit.answer("approvals.html", view.changed(notices=(*notices, *view.notices)), status)


async def read(reader: Reader, namespace: str, after: str) -> ApprovalsView:
    """Read one page of the requests that wait, and what is needed to say whom they ask."""
    page, who = await asyncio.gather(
        reader.page(Kind.REQUESTS, namespace, selector=WAITING, after=after), reader.who()
    )
    requests, unreadable = awaiting.parsed(page.items)
    found = await _with_rules(reader, requests, who)
    view = awaiting.approvals_view(found, who)
    notices = [
        Notice(
            text=f"This release of the page cannot read request {where.name} in namespace {where.namespace}."
        )
        for where in unreadable
    ]
    return view.changed(namespace=namespace, after=page.after, notices=tuple(notices))


async def _with_rules(reader: Reader, requests: Sequence[PromotionRequest], who: Who) -> Sequence[Found]:
    found = [Found(request) for request in requests]
    aliases = list(dict.fromkeys(item.alias for item in found))[:MOST_ALIASES]
    asks_anybody = {item.alias for item in found if awaiting.is_open(item.request, who)}
    turns = asyncio.Semaphore(AT_ONCE)

    async def known(alias: Key) -> tuple[Approval | None, bool]:
        cluster = reader.within(alias.namespace)
        right = Right(verb=rights.APPROVE, plural=rights.ALIASES, name=alias.name)
        async with turns:
            rules = await sight.rules_of(cluster, alias.name)
            return rules, alias in asks_anybody and await rights_reading.missing(cluster, [right]) is None

    of_alias = dict(zip(aliases, await asyncio.gather(*map(known, aliases)), strict=True))
    return [Found(item.request, *of_alias.get(item.alias, (None, False))) for item in found]
