"""Tells channels what happened: after it was written, beside everything else, and only while this process leads.

Nothing waits for a channel. What is told is put into its line, which is bounded; one task for each channel takes from
there. What waits is in memory alone, so that a crash loses it: everything is told at most once, and the ledger is the
record.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from modelalias.channels import NotificationSettings
from modelalias.core.errors import NotLeading, Refused, Unavailable
from modelalias.core.notifications import letters, pacing, routes
from modelalias.core.notifications.notice import Notice
from modelalias.ports import Channel, Lead, Letter, NotificationOutcome, Telemetry
from modelalias.rates import Rate

MOST_WAITING: Final = 1_000
"""Notices that wait for one channel; of more the oldest are dropped."""
SEND_SECONDS: Final = 10.0
PAUSES: Final = (2.0, 10.0)
"""Seconds before the second and the third try."""
BURST: Final = 5

_log = logging.getLogger(__name__)


class Notifier:
    """The channels of the configuration; `run` sends."""

    def __init__(
        self,
        settings: NotificationSettings,
        channels: Mapping[str, Channel],
        lead: Lead,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        """Take one channel per configured name, and a monotonic clock in seconds."""
        self._routes, self._clock = settings.routes, clock
        self._recent = pacing.Recent()
        self._lines = {
            name: _Line(
                name,
                channel,
                Rate(settings.channels[name].per_second, BURST, clock),
                _Writer(settings.cluster, settings.links.dashboard or ""),
                lead,
                telemetry,
            )
            for name, channel in channels.items()
        }

    def tell(self, notices: Callable[[], Iterable[Notice]]) -> None:
        """Put what channels are to be told of into their lines; raise nothing and wait for nothing."""
        if not self._lines or not self._routes:
            return
        try:
            for notice in notices():
                names = routes.channels(self._routes, notice)
                if names and self._recent.is_new(notice, self._clock()):
                    for name in names:
                        self._lines[name].put(notice)
        except Exception:  # noqa: BLE001 - a bug here must hold up no promotion
            _log.exception("what happened could not be told")

    async def run(self) -> None:
        """Send until cancelled; what waits then is dropped."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for line in self._lines.values():
                    tasks.create_task(line.run(), name=f"channel {line.name}")
        finally:
            for line in self._lines.values():
                line.drop()


class _Writer:
    """Puts notices into a letter."""

    def __init__(self, cluster: str, dashboard: str) -> None:
        self._cluster, self._dashboard = cluster, dashboard

    def letter(self, notices: Sequence[Notice], lost: int) -> Letter:
        write = letters.letter if len(notices) == 1 else letters.digest
        return write(notices, lost=lost, cluster=self._cluster, dashboard=self._dashboard)


class _Line:
    """What waits for one channel."""

    def __init__(
        self, name: str, channel: Channel, rate: Rate, writer: _Writer, lead: Lead, telemetry: Telemetry
    ) -> None:
        self.name = name
        self._channel, self._rate, self._writer, self._lead = channel, rate, writer, lead
        self._telemetry = telemetry
        self._waiting: deque[Notice] = deque()
        self._lost = 0
        """Notices that were not delivered since a letter last was."""
        self._filled = asyncio.Event()
        telemetry.channel_opened(name)

    def put(self, notice: Notice) -> None:
        """Have it sent; with too many, forget the oldest."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._lost += 1
            self._telemetry.notices_dropped(self.name, 1)
        self._waiting.append(notice)
        self._filled.set()

    def drop(self) -> None:
        """Forget what waits."""
        if self._waiting:
            self._telemetry.notices_dropped(self.name, len(self._waiting))
            self._waiting.clear()

    async def run(self) -> None:
        """Send what waits, one letter after another."""
        while True:
            while not self._waiting:
                self._filled.clear()
                await self._filled.wait()
            await asyncio.sleep(self._rate.reserve())
            await self._send_next()

    async def _send_next(self) -> None:
        count = pacing.how_many(len(self._waiting), for_people=self._channel.is_for_people)
        notices = tuple(self._waiting.popleft() for _ in range(count))
        try:
            failure = await self._failure_of(notices)
        except NotLeading:  # whoever leads now tells what it does itself
            self._telemetry.notices_dropped(self.name, count)
            return
        except asyncio.CancelledError:  # it may have arrived all the same
            self._telemetry.notices_dropped(self.name, count)
            raise
        if failure:
            _log.warning("channel %s was not told of %d: %s", self.name, count, failure)
        self._lost = self._lost + count if failure else 0
        outcome = NotificationOutcome.FAILED if failure else NotificationOutcome.SENT
        self._telemetry.notified(self.name, outcome, count)

    async def _failure_of(self, notices: Sequence[Notice]) -> str:
        """Send a letter, and again where time may cure it; return why it failed, "" when it did not."""
        failure = ""
        for pause in (*PAUSES, None):
            self._lead.check()
            asked = None
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._channel.send(self._writer.letter(notices, self._lost))
            except TimeoutError:
                failure = f"no answer within {SEND_SECONDS:g} s"
            except Unavailable as error:
                failure, asked = str(error), error.retry_after
            except Refused as error:
                return str(error)
            except Exception as error:  # noqa: BLE001 - the text of what nobody thought of may hold an address
                return f"unexpected {type(error).__name__}"
            else:
                return ""
            if pause is not None:
                await asyncio.sleep(max(pause, asked.total_seconds() if asked else 0.0))
        return failure
