"""MLflow's webhooks, heard as hints: a delivery that is proved has its registry looked at, soon and once.

What it says is not read: aliases are read from the registry, as ever. Nothing of this is needed, and what is lost is
found by the next snapshot.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web

from modelalias.api.fields import duration
from modelalias.probes import BACKLOG, listener
from modelalias.rates import Rate
from modelalias.settings import Settings
from modelalias.webhook_deliveries import DELIVERY_ID, SIGNATURE, TIMESTAMP, Deliveries, Delivery, Verdict

PATH: Final = "/webhooks/{registry}"
LARGEST_BODY: Final = 64 * 1024
LARGEST_SECRET: Final = 4096
BODY_SECONDS: Final = 5.0
PER_SECOND: Final = 20.0
BURST: Final = 100.0
LOG_SECONDS: Final = 60.0

_ANSWERS: Final = {
    Verdict.NEW: HTTPStatus.OK,
    Verdict.SEEN: HTTPStatus.OK,
    Verdict.UNPROVED: HTTPStatus.UNAUTHORIZED,
    Verdict.OLD: HTTPStatus.BAD_REQUEST,
}

_log = logging.getLogger(__name__)


class Pokes:
    """Pokes of registries, of each at most one within an interval; what comes sooner is one poke at its end."""

    def __init__(self, poke: Callable[[str], None], interval: float, loop: asyncio.AbstractEventLoop) -> None:
        """Take what pokes a registry by its name."""
        self._poke, self._interval, self._loop = poke, interval, loop
        self._next: dict[str, float] = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    def ask(self, registry: str) -> None:
        """Poke it now, or once it may be poked again."""
        if registry in self._waiting:
            return
        due = self._next.get(registry, 0.0)
        if self._loop.time() >= due:
            self._now(registry)
        else:
            self._waiting[registry] = self._loop.call_at(due, self._now, registry)

    def _now(self, registry: str) -> None:
        self._waiting.pop(registry, None)
        self._next[registry] = self._loop.time() + self._interval
        self._poke(registry)

    def close(self) -> None:
        """Forget what waits."""
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()


class Hearing:
    """What is answered to MLflow."""

    def __init__(
        self,
        secret_file: Path,
        registries: Collection[str],
        pokes: Pokes,
        wall: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        """Take the file with the secret, the registries that may deliver, and a wall and a monotonic clock."""
        self._secret_file, self._registries, self._pokes = secret_file, registries, pokes
        self._deliveries = Deliveries(wall)
        self._rate, self._log_rate = Rate(PER_SECOND, BURST, clock), Rate(1 / LOG_SECONDS, 1, clock)

    async def hear(self, request: web.Request) -> web.Response:
        """Judge a delivery and poke its registry; whoever cannot sign learns of no registry whether it is there."""
        if not self._rate.allows():
            return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": "1"})
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.read()
        except TimeoutError:
            return web.Response(status=HTTPStatus.REQUEST_TIMEOUT)
        secret = self._secret()
        if not secret:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        delivery_id, timestamp, signature = (
            request.headers.get(name, "") for name in (DELIVERY_ID, TIMESTAMP, SIGNATURE)
        )
        verdict = self._deliveries.judge(secret, Delivery(delivery_id, timestamp, signature, body))
        status = _ANSWERS[verdict]
        registry = request.match_info["registry"]
        if status is HTTPStatus.OK and registry not in self._registries:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        if verdict is Verdict.NEW:
            self._pokes.ask(registry)
        elif status is not HTTPStatus.OK:
            self._tell(f"a webhook was refused: {verdict.name.lower()}")
        return web.Response(status=status)

    def _secret(self) -> bytes:
        """Return the secret as it is now, nothing when there is none."""
        try:
            with self._secret_file.open("rb") as file:
                secret = file.read(LARGEST_SECRET).strip()
        except OSError as error:
            self._tell(f"the secret of the webhooks cannot be read: {type(error).__name__}")
            return b""
        if not secret:
            self._tell("the file with the secret of the webhooks is empty")
        return secret

    def _tell(self, message: str) -> None:
        """Log it, unless something was logged a moment ago: anybody may send anything."""
        if self._log_rate.allows():
            _log.warning("%s", message)


@asynccontextmanager
async def heard(
    settings: Settings, poke: Callable[[str], None], wall: Callable[[], datetime]
) -> AsyncIterator[None]:
    """Hear webhooks while the block runs, where the configuration says so."""
    if settings.webhooks is None:
        yield
        return
    loop = asyncio.get_running_loop()
    pokes = Pokes(poke, duration(settings.webhooks.min_interval).total_seconds(), loop)
    hearing = Hearing(settings.webhooks.secret_file, settings.webhook_registries, pokes, wall, loop.time)
    application = web.Application(client_max_size=LARGEST_BODY)
    application.router.add_post(PATH, hearing.hear)
    runner = web.AppRunner(
        application, handle_signals=False, access_log=None, shutdown_timeout=1.0, auto_decompress=False
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener(settings.webhooks.port), backlog=BACKLOG).start()
        yield
    finally:
        pokes.close()
        await runner.cleanup()
