"""The board of the pages with many ModelAliases, in a real browser: what it takes until there is something to see."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, expect

from hack.browser import BrowserError, installed
from tests.bench import figures
from tests.bench.site import BenchError, Object, alias_body, collection, namespace, request_body
from tests.support.chromium import chromium, window
from tests.support.kube_api import KubeApi
from tests.support.opened_dashboard import Dashboard, dashboard
from tests.support.proxy import Recorder, recording
from tests.support.raw_api import RawApi

IN_A_NAMESPACE: Final = 500
AT_ONCE: Final = 24
ROUNDS: Final = 9
MOVES: Final = 5
LIVE_SECONDS: Final = 60.0
PHASES: Final = {97: "Drifted", 98: "Degraded", 99: "RollingOut"}
"""By the last two digits of an alias's number; the others are Ready, and for one in a hundred a request waits."""
PAGES: Final = {
    "the board": "/",
    "one namespace": "/?namespace={0}",
    "a search by name": "/?q=model-09",
    "who is waited for": "/approvals",
}
_MIB: Final = 1024.0
_FIRST_ROW: Final = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("tr[id^=row-]")) return;
  window.firstRow = performance.now();
  observer.disconnect();
}).observe(document, {subtree: true, childList: true});
"""
_VERSION: Final = "(row) => document.getElementById(row)?.querySelector('.version')?.textContent"
_LOADED: Final = """() => ({
  row: window.firstRow,
  painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
  bytes: performance.getEntriesByType("navigation")[0].encodedBodySize,
  others: performance.getEntriesByType("resource").reduce((sum, item) => sum + item.transferSize, 0),
})"""


async def measure(
    api: RawApi, kubeconfig: str, aliases: int, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """Make so many ModelAliases, look at the pages directly, and count calls through a recording proxy."""
    try:
        installed()
    except BrowserError as error:
        return {"left_out": str(error)}
    async with many(api, aliases, say) as homes:
        say("looking at the pages")
        direct = await asyncio.to_thread(_looked, kubeconfig, homes)
        async with recording(kubeconfig, "http://127.0.0.1:9") as recorder:
            calls = await asyncio.to_thread(_counted, recorder, homes)
    return {"aliases": aliases, "namespaces": len(homes), **direct, "calls": calls}


@asynccontextmanager
async def many(api: RawApi, count: int, say: Callable[[str], None]) -> AsyncIterator[Sequence[str]]:
    """Make so many ModelAliases with statuses, in namespaces that are gone at the end."""
    async with AsyncExitStack() as stack:
        number = -(-count // IN_A_NAMESPACE)
        homes = [await stack.enter_async_context(namespace(api, "board")) for _ in range(number)]
        say(
            f"creating {count} ModelAliases in {number} namespaces (about {count // 150 + 1} s on an idle machine)"
        )
        slots, user, began = asyncio.Semaphore(AT_ONCE), await api.whoami(), time.perf_counter()

        async def make(index: int) -> None:
            async with slots:
                await _make(api, homes[index // IN_A_NAMESPACE], index, user)

        await asyncio.gather(*map(make, range(count)))
        say(
            f"they are there after {time.perf_counter() - began:.0f} s; removing them takes minutes at the end"
        )
        yield homes


async def _make(api: RawApi, home: str, index: int, user: str) -> None:
    name = f"model-{index:05d}"
    path = collection(home, "modelaliases")
    await api.create(path, alias_body(name, name, "champion", name, None))
    await api.merge(f"{path}/{name}/status", {"status": _status(PHASES.get(index % 100, "Ready"))})
    if index % 100 == 0:
        waits = f"{name}-v5"
        requests = collection(home, "promotionrequests")
        await api.create(requests, request_body(waits, name, "5", user))
        approvals = {"required": 1, "valid": 0, "groups": ["ml-leads"], "since": _ago(hours=20)}
        status = {"phase": "AwaitingApproval", "phaseSince": _ago(hours=20), "approvals": approvals}
        await api.merge(f"{requests}/{waits}/status", {"status": status})


def _status(phase: str) -> Object:
    """Return a status of the size that one has after ten moves."""
    moves = [
        {
            "from": str(number),
            "to": str(number + 1),
            "at": _ago(days=100 - 9 * number),
            "operation": "Promote",
            "outcome": "Succeeded",
            "request": f"model-v{number + 1}",
            "actor": "system:serviceaccount:ml:trainer",
            "approvers": ["bo"],
            "reason": "the weekly retraining",
            "judged": [{"metric": "val_auc", "value": "0.91"}, {"metric": "p95_ms", "value": "31.5"}],
            "evidence": f"sha256:{'1' * 64}",
        }
        for number in range(1, 11)
    ]
    condition = {"type": "Ready", "status": "True", "reason": "Succeeded", "lastTransitionTime": _ago(days=1)}
    return {
        "phase": phase,
        "current": {"version": "11", "since": _ago(days=1), "actor": "ana"},
        "history": moves,
        "conditions": [{**condition, "message": "the alias names the version and the workloads run it"}],
    }


def _ago(**past: float) -> str:
    return (datetime.now(UTC) - timedelta(**past)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _looked(kubeconfig: str, homes: Sequence[str]) -> Mapping[str, Any]:
    with dashboard(kubeconfig, homes[0], None, is_watched=False) as pages:
        before = _memory(pages.pid, "VmRSS")
        told = {name: _asked(pages, address.format(homes[0])) for name, address in PAGES.items()}
        with chromium() as browser:
            seen = [_seen(browser, pages) for _ in range(ROUNDS)]
            live = _followed(browser, pages, KubeApi(kubeconfig), homes[0])
        return {
            "pages": told,
            "browser": {
                "first_ms": round(seen[0]["row"], 1),
                "median_ms": round(statistics.median(item["row"] for item in seen), 1),
                "painted_median_ms": round(statistics.median(item["painted"] for item in seen), 1),
                "page_bytes": seen[-1]["bytes"],
                "files_bytes": seen[0]["others"],
            },
            "live": live,
            "rss_mib": {
                "before": before,
                "after": _memory(pages.pid, "VmRSS"),
                "peak": _memory(pages.pid, "VmHWM"),
            },
        }


def _asked(pages: Dashboard, address: str) -> Mapping[str, Any]:
    """Ask for a page again and again, and return milliseconds and bytes."""
    took, size = [], 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        cookie = "=".join(pages.cookie)
        with urlopen(Request(pages.origin + address, headers={"Cookie": cookie})) as answer:  # noqa: S310 - our own
            body = answer.read()
        took.append((time.perf_counter() - began) * 1000)
        size = len(body)
    return {
        "first_ms": round(took[0], 1),
        "median_ms": round(statistics.median(took), 1),
        "max_ms": round(max(took), 1),
        "bytes": size,
    }


def _seen(browser: Browser, pages: Dashboard) -> Mapping[str, Any]:
    with window(browser, pages) as (context, _):
        context.add_init_script(_FIRST_ROW)
        page = context.new_page()
        page.goto("/")
        loaded: Mapping[str, Any] = page.evaluate(_LOADED)
        return loaded


def _followed(browser: Browser, pages: Dashboard, api: KubeApi, home: str) -> Mapping[str, Any]:
    """Move the first alias of the board, and return how long its row takes to follow."""
    with window(browser, pages) as (context, _):
        page = context.new_page()
        page.goto(f"/?namespace={home}")
        if not page.locator("#live").count():
            return {"left_out": "this board is not live"}
        expect(page.locator("#live")).to_have_text("Live", timeout=LIVE_SECONDS * 1000)
        shown = page.locator("tr[id^=row-]").last
        where = str(shown.get_attribute("id"))
        path = f"{collection(home, 'modelaliases')}/{where.rpartition('_')[2]}/status"
        took = []
        for number in range(MOVES):
            version = str(100 + number)
            began = time.perf_counter()
            answer = api.merge(path, {"status": {"current": {"version": version, "since": _ago()}}})
            if not answer.ok:
                raise BenchError(answer.message)
            while page.evaluate(_VERSION, where) != version:
                if time.perf_counter() > began + LIVE_SECONDS:
                    raise BenchError(f"the row did not follow within {LIVE_SECONDS:g} s")
            took.append((time.perf_counter() - began) * 1000)
        return {"median_ms": round(statistics.median(took), 1), "max_ms": round(max(took), 1)}


def _counted(recorder: Recorder, homes: Sequence[str]) -> Mapping[str, Any]:
    """Return the calls to the API server that one look at each page makes, once the dashboard is warm."""
    with dashboard(recorder.kubeconfig, homes[0], None, is_watched=False) as pages:
        _asked(pages, "/")
        told = {}
        for name, address in PAGES.items():
            before = len(recorder.calls)
            _asked(pages, address.format(homes[0]))
            calls = recorder.calls[before:]
            told[name] = round(len(calls) / ROUNDS, 1)
        return told


def _memory(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(round(int(line.split()[1]) / _MIB, 1) for line in lines if line.startswith(f"{name}:"))


def table(told: Mapping[str, Any]) -> str:
    """Return what was measured, for people."""
    if "left_out" in told:
        return f"\nboard: left out, {told['left_out']}\n"
    rows = [
        (name, page["first_ms"], page["median_ms"], page["max_ms"], page["bytes"], told["calls"][name])
        for name, page in told["pages"].items()
    ]
    head = (f"{told['aliases']} aliases", "first, ms", "median, ms", "max, ms", "bytes", "calls")
    seen, memory = told["browser"], told["rss_mib"]
    lines = [
        figures.table(head, rows),
        (
            f"in the browser: first row after {seen['first_ms']} ms with nothing kept, median {seen['median_ms']} ms; "
            f"painted {seen['painted_median_ms']} ms; page {seen['page_bytes']} bytes, files {seen['files_bytes']} bytes"
        ),
        f"a row follows a change: {told['live']}",
        f"memory of the dashboard, MiB: {memory}",
    ]
    return "\n{}\n".format("\n".join(lines))
