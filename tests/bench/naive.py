"""The naive operator of hack/bench as a process, with the same packages as the product."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

from tests.bench.product import ROOT, Product
from tests.bench.site import BenchError, collection
from tests.support.mlflow_server import free_port
from tests.support.raw_api import RawApi
from tests.support.scraped import Page

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
RELEASED_AT_ONCE: Final = 16


class Naive:
    """One that runs."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self._process, self._port, self._log = process, port, log

    @property
    def pid(self) -> int:
        return self._process.pid

    def counted(self) -> tuple[float, float]:
        """Return how many aliases it has asked for, and how often without an answer."""
        with urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=10) as answer:
            page = Page(answer.read().decode())
        return page.value("naive_checked_total") or 0.0, page.value("naive_failed_total") or 0.0

    async def checked(self, count: float, seconds: float) -> None:
        """Wait until it has asked for so many; raise `BenchError`."""
        try:
            async with asyncio.timeout(seconds):
                while not await self._has(count):
                    if self._process.poll() is not None:
                        raise BenchError(f"the naive operator ended: {self.tail()}")
                    await asyncio.sleep(0.5)
        except TimeoutError as error:
            raise BenchError(f"the naive operator did not ask {count:g} times: {self.tail()}") from error

    async def _has(self, count: float) -> bool:
        try:
            return (await asyncio.to_thread(self.counted))[0] >= count
        except (URLError, OSError):
            return False  # not yet

    def tail(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]


@asynccontextmanager
async def running(
    product: Product, kubeconfig: str, mlflow_uri: str, namespace: str, interval: float, folder: Path
) -> AsyncIterator[Naive]:
    """Run it until the block ends; its log goes into the folder, which is there."""
    port, log = free_port(), folder / "naive.log"
    environ: dict[str, Any] = {
        **os.environ,
        "KUBECONFIG": kubeconfig,
        "PYTHONPATH": str(ROOT),
        "NAIVE_MLFLOW": mlflow_uri,
        "NAIVE_NAMESPACE": namespace,
        "NAIVE_INTERVAL": str(interval),
        "NAIVE_METRICS_PORT": str(port),
    }
    command = (str(product.python), "-m", "hack.bench.naive")
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - it only starts
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield Naive(process, port, log)
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)


async def release(api: RawApi, namespace: str) -> None:
    """Take away the finalizers that its timers put on every ModelAlias."""
    path = collection(namespace, "modelaliases")
    slots = asyncio.Semaphore(RELEASED_AT_ONCE)

    async def one(name: str) -> None:
        async with slots:
            await api.merge(f"{path}/{name}", {"metadata": {"finalizers": None}})

    found = (await api.get(path))["items"]
    await asyncio.gather(
        *(one(item["metadata"]["name"]) for item in found if item["metadata"].get("finalizers"))
    )
