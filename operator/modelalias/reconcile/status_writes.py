"""Writing the statuses that were decided, and telling what is new in them: by Events, letters, metrics and the log."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final
from weakref import WeakValueDictionary

from modelalias.api.alias import ModelAlias
from modelalias.api.fields import API_VERSION
from modelalias.api.request import PromotionRequest
from modelalias.core.errors import StaleObject
from modelalias.core.notifications import notice
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import AliasWrite, Decision, RequestWrite
from modelalias.core.status import annotations, events
from modelalias.core.status.events import News
from modelalias.ports import Involved, Objects
from modelalias.reconcile import tallies
from modelalias.reconcile.memory import Memory
from modelalias.reconcile.outside import Outside
from modelalias.reconcile.queue import Key
from modelalias.reconcile.serving_views import ServingViews
from modelalias.turns import Turns

AT_ONCE: Final = 16
"""Statuses that are written at the same time. More make the API server no faster, and who comes then waits for all of them."""
OF_ONE: Final = 12
"""How many of them may be one namespace's: where its writes hang, others have the rest."""

_log = logging.getLogger(__name__)


class StatusWrites:
    """The statuses of one alias and its requests after the other; what is remembered follows what was written."""

    def __init__(
        self,
        memory: Memory,
        objects: Objects,
        outside: Outside,
        serving: ServingViews,
        wall: Callable[[], datetime],
    ) -> None:
        """Take where objects are known, what reads and writes them, who is told, and a wall clock."""
        self._memory, self._objects, self._outside, self._serving = memory, objects, outside, serving
        self._lead, self._wall = outside.lead, wall
        self._turns = Turns(AT_ONCE)
        self._shares = WeakValueDictionary[str, asyncio.Semaphore]()

    async def write(self, key: Key, context: Context, decision: Decision) -> None:
        """Write the statuses that differ, in the order of the decision.

        A lost race drops what this process believed.
        """
        share = self._shares.setdefault(key.namespace, asyncio.Semaphore(OF_ONE))
        for write in decision.writes:
            try:
                match write:
                    case AliasWrite(status=status) if context.alias is not None and _differ(
                        status, context.alias.status
                    ):
                        async with share, self._turns.hold():
                            self._lead.check()
                            written = await self._objects.write_alias_status(context.alias, status)
                        self._memory.see_alias(written)
                        self._serving.written(key, context.alias.status, written.status)
                        tallies.of_alias(self._outside.telemetry, context.alias, written.status)
                        news = events.of_alias(context.alias, written.status)
                        self._outside.notifier.tell(partial(notice.of_alias, written, news, self._wall()))
                        self._tell(written, news)
                    case RequestWrite(request=request, status=status) if _differ(status, request.status):
                        async with share, self._turns.hold():
                            self._lead.check()
                            after = await self._objects.write_request_status(request, status)
                        self._memory.requests.see(after)
                        tallies.of_request(self._outside.telemetry, request, after.status)
                        about = annotations.of_request(context.alias, request, after.status)
                        news = events.of_request(request.status, after.status, about)
                        tell = partial(notice.of_request, context.alias, after, news, self._wall())
                        self._outside.notifier.tell(tell)
                        self._tell(after, news)
            except StaleObject:
                await self._refresh(key, write)
                raise

    async def _refresh(self, key: Key, write: AliasWrite | RequestWrite) -> None:
        if isinstance(write, AliasWrite):
            await self._reread_alias(key)
        else:
            await self._reread_request(key, write.request.metadata.name)

    async def settle_doubts(self, key: Key) -> None:
        """Read afresh what a listing has otherwise than this process knew it, as after a restore from a backup."""
        if self._memory.doubts(key):
            await self._reread_alias(key)
        for name in self._memory.requests.doubted(key):
            await self._reread_request(key, name)

    async def _reread_alias(self, key: Key) -> None:
        before = self._memory.version(key)
        self._memory.reread_alias(key, await self._objects.alias(key.namespace, key.name), before)

    async def _reread_request(self, key: Key, name: str) -> None:
        before = self._memory.requests.version(key.namespace, name)
        request = await self._objects.request(key.namespace, name)
        self._memory.requests.reread(key, name, request, before)

    def _tell(self, about: ModelAlias | PromotionRequest, news: tuple[News, ...]) -> None:
        meta = about.metadata
        involved = Involved(
            api_version=API_VERSION, kind=about.kind, namespace=meta.namespace, name=meta.name, uid=meta.uid
        )
        for item in news:
            fields = {
                "kind": about.kind,
                "namespace": meta.namespace,
                "object": meta.name,
                "text": item.message,
            }
            _log.info(item.reason, extra=fields)
            self._outside.events.post(
                involved,
                item.type,
                item.reason,
                item.message,
                now=self._wall(),
                annotations=item.annotations,
            )


def _differ(after: object, before: object) -> bool:
    """Return whether they differ on the wire, which what differs need not do: times are told to the second."""
    return after != before and _wire(after) != _wire(before)


def _wire(status: object) -> object:
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)  # type: ignore[attr-defined]
