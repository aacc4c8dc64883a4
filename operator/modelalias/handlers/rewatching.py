"""Kopf's tasks, started anew when a kind that is watched came or went.

Kopf looks once which kinds are served. It can watch the CRDs beside that, for which it would have to read every
CRD of the cluster, and even then a watch of a kind that is gone ends in 404 and Kopf with it. So its tasks run under
this: while something is missing that is wanted, the discovery is asked for it every few seconds, which costs
nothing once all is there, and what ends because its kind is gone is started again without it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from http import HTTPStatus
from typing import Any, Final

from modelalias.core.errors import OperatorError
from modelalias.rest import Resource

POLL_SECONDS: Final = 3.0
"""How often the discovery is asked for what is missing."""
CONFIRM_SECONDS: Final = 1.0
"""After which what came must be there still: Kopf may ask another API server, which hears of it later."""
GONE_SECONDS: Final = 5.0
"""How long the discovery may take to tell that a kind is gone whose watch has ended."""
STOP_SECONDS: Final = 10.0
PAUSES: Final = (0.0, 10.0, 30.0, 60.0, 300.0)
"""How long it waits more and more where what is begun anew is answered by an error again."""
LIVED_SECONDS: Final = 60.0
"""After which watches that ran have proved that the error has passed."""

Tasks = Collection["asyncio.Task[Any]"]
Served = Callable[[Collection[Resource]], Awaitable[frozenset[Resource]]]
"""Which of these are served; raises an `OperatorError` when that is not known."""

_log = logging.getLogger(__name__)


async def keep_watching(
    start: Callable[[], Awaitable[Tasks]],
    served: Served,
    wanted: frozenset[Resource],
    anew: Callable[[], None],
) -> None:
    """Run Kopf's tasks until cancelled, or until one ends for another reason than what the API server answered.

    `start` starts them, `anew` is called each time after the first. What ended them is raised.
    """
    seen = await _now(served, wanted)
    loop, errors = asyncio.get_running_loop(), 0
    while True:
        _tell_missing(wanted - seen)
        began, tasks = loop.time(), await start()
        coming = asyncio.create_task(_until_served(served, wanted - seen), name="kinds that are missing")
        try:
            await asyncio.wait({*tasks, coming}, return_when=asyncio.FIRST_COMPLETED)
            ended = [task for task in tasks if task.done()]
        finally:
            coming.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.wait({*tasks, coming}, timeout=STOP_SECONDS)
        if ended:
            error = next((item for task in ended if (item := _error(task)) is not None), None)
            if await _is_for_a_kind(error, served, seen):
                _log.warning("a watch ended because its kind is not served any more; watching anew")
            elif _may_pass(error):
                errors = 1 if loop.time() - began > LIVED_SECONDS else errors + 1
                pause = PAUSES[min(errors, len(PAUSES)) - 1]
                _log.warning(
                    "a list or a watch was answered by an error; watching anew in %g s: %s", pause, error
                )
                await asyncio.sleep(pause)
            else:
                raise error or RuntimeError("the watches ended")
        seen = await _now(served, wanted)
        anew()


async def _until_served(served: Served, missing: frozenset[Resource]) -> None:
    """Return once one of them is served, twice in a row."""
    before: frozenset[Resource] = frozenset()
    while True:
        await asyncio.sleep(CONFIRM_SECONDS if before else POLL_SECONDS)
        found = await _now(served, missing)
        if found & before:
            _log.info("served now, watching anew: %s", _names(found))
            return
        before = found


async def _now(served: Served, wanted: frozenset[Resource]) -> frozenset[Resource]:
    """Return what is known to be served."""
    if not wanted:
        return wanted
    try:
        return await served(wanted)
    except OperatorError as error:
        _log.debug("it is not known what the API server serves: %s", error)
        return frozenset()


async def _is_for_a_kind(error: BaseException | None, served: Served, seen: frozenset[Resource]) -> bool:
    """Return whether a watch ended because the kind is not there, or was not for a moment."""
    loop = asyncio.get_running_loop()
    until = loop.time() + GONE_SECONDS
    while loop.time() < until:
        try:
            if await served(seen) != seen:
                return True
        except OperatorError as unknown:
            _log.debug("it is not known what the API server serves: %s", unknown)
        await asyncio.sleep(CONFIRM_SECONDS)
    return getattr(error, "status", None) == HTTPStatus.NOT_FOUND


def _may_pass(error: BaseException | None) -> bool:
    """Return whether the API server answered with something else than that this account may not read.

    Kopf tries again after some answers and some times only, and ends with the others.
    """
    status = getattr(error, "status", None)
    return status is not None and status not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


def _tell_missing(missing: frozenset[Resource]) -> None:
    if missing:
        _log.info("not served yet, looked for every %g s: %s", POLL_SECONDS, _names(missing))


def _error(task: "asyncio.Task[Any]") -> BaseException | None:
    return None if task.cancelled() else task.exception()


def _names(resources: frozenset[Resource]) -> str:
    names: Sequence[str] = sorted(map(str, resources))
    return ", ".join(names)
