"""A process of its own that asks an operator's probe all the time: the benchmark's event loop, which is busy itself,
would measure its own stalls.

`python -m tests.bench.probe URL` asks until its standard input ends, and then prints the longest answer's seconds.
"""

import sys
import time
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from threading import Event, Thread
from typing import Final
from urllib.parse import urlsplit

PROBE_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 30.0


@dataclass
class Probe:
    """What was measured, once the block has ended."""

    longest_ms: float = 0.0


@asynccontextmanager
async def probing(url: str) -> AsyncIterator[Probe]:
    """Ask for /healthz until the block ends: the event loop answers it, so its longest answer is about the loop's
    longest stall."""
    probe = Probe()
    process = await create_subprocess_exec(
        sys.executable, "-m", "tests.bench.probe", url, stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield probe
    finally:
        process.stdin.close()
        told = await process.stdout.read()
        await process.wait()
    probe.longest_ms = round(float(told) * 1000, 1)


def main(url: str) -> None:
    """Ask until standard input ends."""
    ended = Event()
    Thread(target=_wait_for_end, args=(ended,), daemon=True).start()
    parts, longest = urlsplit(url), 0.0
    assert parts.hostname is not None
    sys.stdout.write("asks\n")
    sys.stdout.flush()
    connection = HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE_SECONDS)
    while not ended.wait(PROBE_SECONDS):
        began = time.perf_counter()
        try:
            connection.request("GET", parts.path)
            connection.getresponse().read()
        except (OSError, HTTPException):
            connection.close()  # and is opened anew by the next request
        longest = max(longest, time.perf_counter() - began)
    sys.stdout.write(f"{longest}\n")


def _wait_for_end(ended: Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    main(sys.argv[1])
