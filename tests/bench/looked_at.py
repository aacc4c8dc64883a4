"""When an operator that has nothing to change is done with its start: its metrics say so."""

import asyncio
import time
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from tests.bench.site import BenchError
from tests.support.operator_process import OperatorProcess
from tests.support.scraped import Page

LOOK_SECONDS: Final = 0.1
START_SECONDS: Final = 900.0


async def all_looked_at(port: int, aliases: int, process: OperatorProcess) -> Page:
    """Wait until every alias was looked at and none waits, and return the metrics; raise `BenchError`."""
    began = time.perf_counter()
    while not (page := await asyncio.to_thread(_scraped, port)) or not _has_looked(page, aliases):
        if time.perf_counter() - began > START_SECONDS:
            raise BenchError(f"not every alias was looked at within {START_SECONDS:g} s: {process.tail()}")
        await asyncio.sleep(LOOK_SECONDS)
    return page


def _scraped(port: int) -> Page | None:
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            return Page(answer.read().decode())
    except (URLError, OSError):
        return None  # not yet


def _has_looked(page: Page, aliases: int) -> bool:
    looked = page.value("modelalias_reconcile_duration_seconds_count") or 0.0
    return looked >= aliases and not page.value("modelalias_queue_depth")
