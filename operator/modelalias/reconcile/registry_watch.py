"""The view of one registry: snapshots of all its aliases, taken on an interval and when poked.

During an outage they are the probe. Where only the list of all models fails, the managed ones are read by themselves:
an outage is what such a read confirms. A registry that asks for a short pause gets it, and is not out.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from modelalias.api.conditions import Cause, Reason
from modelalias.core.errors import ModelNotFound, OperatorError, Refused, Unanswerable, Unavailable
from modelalias.core.protocol.context import ModelSnapshot
from modelalias.ports import SILENT, Aliases, Registry, Telemetry

PROBE: Final = timedelta(seconds=5)
"""So often an outage is probed; pauses that a registry asks for are no outage until they have lasted so long."""

SHORTEST_PAUSE: Final = timedelta(seconds=1)
"""Who asks for a shorter one is looked at again after this."""

AT_ONCE: Final = 100
"""Models that are asked for at the same time where the list of all fails."""

SAMPLE: Final = 5
"""Models that are read by themselves to find out whether lists without any alias can be believed."""

MODEL_EVERY: Final = 12
"""Of so many probes of a known outage one asks for managed models too: the list may go on failing when they answer."""

CONFIRM_SECONDS: Final = 2.0
"""So soon one of them answers where only the list of all fails; else the registry is out."""

_log = logging.getLogger(__name__)


class Taken(NamedTuple):
    """A snapshot, and when it began."""

    aliases: Mapping[str, Aliases]
    began: float


class RegistryWatch:
    """One registry as its last snapshot told it.

    `moved` is called with the models whose aliases differ from the snapshot before, or with None when all may
    differ: at the first snapshot, and when the registry goes or returns.
    """

    def __init__(
        self,
        name: str,
        registry: Registry,
        interval: timedelta,
        moved: Callable[[str, Iterable[str] | None], None],
        clock: Callable[[], float],
        telemetry: Telemetry = SILENT,
        managed: Callable[[], Iterable[str]] = tuple,
        expected: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """Watch a registry under its configured name; `managed` says which of its models have aliases here.

        `expected` says which of them should have one in the registry now.
        """
        self._managed, self._expected = managed, expected
        self._telemetry = telemetry
        self.name, self.registry = name, registry
        self._interval, self._moved, self._clock = interval, moved, clock
        self._snapshot: Mapping[str, Aliases] | None = None
        self._began = 0.0
        self._began_before: float | None = None
        self._problem: Cause | None = None
        self._paused_since: float | None = None
        self._pause: timedelta | None = None
        self._sampled = 0
        self._lists_are_believed = True
        self._out_for = 0
        self._poked = asyncio.Event()

    @property
    def problem(self) -> Cause | None:
        """Why the registry cannot be used now."""
        return self._problem

    @property
    def last(self) -> Taken | None:
        """The last snapshot that was taken, None before the first."""
        return None if self._snapshot is None else Taken(self._snapshot, self._began)

    def poke(self) -> None:
        """Ask for a snapshot now."""
        self._poked.set()

    def model_snapshot(
        self,
        model: str,
        last_write: float | None,
        *,
        now: datetime | None = None,
        created: datetime | None = None,
    ) -> ModelSnapshot | None:
        """Return what the last snapshot says of a model, None before the first.

        With the time by the wall clock it is dated, and compared with when the ModelAlias was made.
        """
        if self._snapshot is None:
            return None
        began = None if now is None else now - timedelta(seconds=self._clock() - self._began)
        before = None
        if now is not None and self._began_before is not None:
            before = now - timedelta(seconds=self._clock() - self._began_before)
        return ModelSnapshot(
            aliases=self._snapshot.get(model),
            after_last_write=last_write is None or self._began > last_write,
            same_until=before,
            after_creation=created is None or began is None or began > created,
        )

    async def run(self) -> None:
        """Take snapshots for ever; an outage is probed every few seconds."""
        while True:
            self._poked.clear()
            await self.look()
            delay = PROBE if self._problem is not None else self._pause or self._interval
            try:
                async with asyncio.timeout(delay.total_seconds()):
                    await self._poked.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Take one snapshot and tell what moved."""
        began = self._clock()
        try:
            snapshot = await self._taken()
        except OperatorError as error:
            self._pause = self._short_pause(error)
            if self._pause is None:
                self._failed(error)
            return
        except Exception:  # noqa: BLE001 - a bug on one registry's answer must not stop the others; it is logged with its trace
            _log.exception("registry gave an unexpected answer", extra={"registry": self.name})
            self._failed(Unavailable("the registry gave an answer that the operator does not understand"))
            return
        self._paused_since = self._pause = None
        self._began_before = self._began if self._snapshot is not None else None
        before, self._snapshot, self._began = self._snapshot, snapshot, began
        returned, self._problem = self._problem is not None, None
        self._telemetry.registry_answered(self.name, len(snapshot))
        if before is None or returned:
            _log.info("registry answers", extra={"registry": self.name, "models": len(snapshot)})
            self._moved(self.name, None)
            return
        changed = [
            model for model in before.keys() | snapshot.keys() if before.get(model) != snapshot.get(model)
        ]
        if changed:
            self._moved(self.name, changed)

    async def _taken(self) -> Mapping[str, Aliases]:
        """Read all aliases; those of the managed models alone where they can be read and the list of all cannot."""
        try:
            listed = await self.registry.snapshot()
        except Unavailable as error:
            models = sorted(set(self._managed()))
            self._out_for += 1
            if self._problem is not None and self._out_for % MODEL_EVERY:
                raise  # a known outage is probed by one call
            try:
                some = self._next_of(models, SAMPLE)
                async with asyncio.timeout(CONFIRM_SECONDS):
                    answered = await self._read(some)
                snapshot = {**answered, **await self._read_all([item for item in models if item not in some])}
            except (OperatorError, TimeoutError):
                raise error from None
            if not some:
                raise
            _log.warning(
                "the list of all models fails, the managed ones are read one by one",
                extra={"registry": self.name, "error": str(error)},
            )
            return snapshot
        return await self._whole(listed)

    async def _whole(self, listed: Mapping[str, Aliases]) -> Mapping[str, Aliases]:
        """Return a snapshot with the aliases of what is managed, also where the registry's lists carry none."""
        models = sorted(set(self._managed()) & listed.keys())
        if any(listed.values()) or not models:
            return await self._confirmed(listed)
        if self._lists_are_believed:
            if not any((await self._read(self._next_of(models, SAMPLE))).values()):
                return listed
            self._lists_are_believed = False
            _log.warning(
                "the registry's lists show no alias where there are some: managed models are read one by one",
                extra={"registry": self.name, "models": len(models)},
            )
        return {**listed, **await self._read_all(models)}

    async def _confirmed(self, listed: Mapping[str, Aliases]) -> Mapping[str, Aliases]:
        """Read managed models that the list shows without any alias where there should be some.

        MLflow reads a page of models and then, by the page's offset again, their aliases: where a model comes or goes
        between the two, one at the page's edge is told without its aliases, or not at all. So many at once are no
        accident of that kind, and the list is believed for what is beyond them.
        """
        before = self._snapshot or {}
        had = {model for model in self._managed() if before.get(model)}
        lacking = sorted(model for model in had.union(self._expected()) if not listed.get(model))
        doubtful = lacking if len(lacking) <= AT_ONCE else self._next_of(lacking, AT_ONCE)
        if not doubtful:
            return listed
        confirmed = dict(listed)
        answers = await asyncio.gather(*map(self.registry.aliases, doubtful), return_exceptions=True)
        for model, answer in zip(doubtful, answers, strict=True):
            if not isinstance(answer, BaseException):
                confirmed[model] = answer
            elif not isinstance(answer, OperatorError):
                raise answer
            elif model in before and isinstance(answer, Unavailable):
                confirmed[model] = before[model]
        return confirmed

    async def _read_all(self, models: Sequence[str]) -> Mapping[str, Aliases]:
        """Read the aliases of models of a registry that answers, without those that are missing or fail."""
        snapshot: dict[str, Aliases] = {}
        for start in range(0, len(models), AT_ONCE):
            with suppress(OperatorError):
                snapshot |= await self._read(models[start : start + AT_ONCE])
        return snapshot

    def _next_of(self, models: Sequence[str], count: int) -> Sequence[str]:
        """Return some of the models, others than last time."""
        first = self._sampled % len(models) if models else 0
        self._sampled = first + count
        return [*models[first:], *models[:first]][:count]

    async def _read(self, models: Iterable[str]) -> Mapping[str, Aliases]:
        """Read the aliases of these models, without those that are missing or fail by themselves.

        Raise what the first failed with when none was answered.
        """
        asked = tuple(models)
        answers = await asyncio.gather(*map(self.registry.aliases, asked), return_exceptions=True)
        failures = [item for item in answers if isinstance(item, BaseException)]
        for failure in failures:
            is_alone = isinstance(failure, OperatorError) and len(failures) < len(answers)
            if not is_alone and not isinstance(failure, ModelNotFound | Unanswerable):
                raise failure
        return {
            model: answer
            for model, answer in zip(asked, answers, strict=True)
            if not isinstance(answer, BaseException)
        }

    def _short_pause(self, error: OperatorError) -> timedelta | None:
        """Return how long a registry that is not out asks to be left alone; None where that is an outage.

        Several pauses in a row are one as soon as a probe's time is over before the last of them is.
        """
        asked = error.retry_after if isinstance(error, Unavailable) else None
        if asked is None or self._problem is not None:
            return None
        now, pause = self._clock(), max(asked, SHORTEST_PAUSE)
        since = now if self._paused_since is None else self._paused_since
        if now - since + pause.total_seconds() >= PROBE.total_seconds():
            return None
        self._paused_since = since
        return pause

    def _failed(self, error: OperatorError) -> None:
        reason = Reason.AUTH_FAILED if isinstance(error, Refused) else Reason.UNREACHABLE
        before, self._problem = self._problem, Cause(reason, str(error))
        self._telemetry.registry_failed(self.name)
        if not isinstance(error, Unavailable | Refused):
            _log.warning(
                "registry gave an answer that cannot be used",
                extra={"registry": self.name, "error": str(error)},
            )
        if before is None or not _is_same(before, self._problem):
            _log.warning("registry does not answer", extra={"registry": self.name, "error": str(error)})
            self._moved(self.name, None)
        else:
            self._problem = (
                before  # the same outage keeps its first message, so that nothing is written again
            )


def _is_same(before: Cause, after: Cause) -> bool:
    """Return whether an outage goes on: silence has many sentences that alternate, a refusal says what to mend."""
    return before.reason is after.reason and (
        after.reason is not Reason.AUTH_FAILED or before.message == after.message
    )
