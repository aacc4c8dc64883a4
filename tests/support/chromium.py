"""A real browser, and what is asked of every page in it, whatever the test is about.

A page may load nothing from outside, and its console and its Content-Security-Policy may have nothing to say.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from hack.browser import NoBrowserError, installed
from tests.support.opened_dashboard import Dashboard

AXE: Final = Path(__file__).resolve().parents[1] / "vendor" / "axe" / "axe.min.js"
Only = Mapping[str, str | Sequence[str]]
WCAG: Final[Only] = {"type": "tag", "values": ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")}
CONTRAST: Final[Only] = {"type": "rule", "values": ("color-contrast",)}
"""What can be another in the dark."""
SECONDS: Final = 20.0
Scheme = Literal["light", "dark"]
DESKTOP: Final = (1280, 800)
PHONE: Final = (390, 844)
HALF: Final = (640, 400)
"""What is left of a desktop at 200 % zoom: a page that is zoomed sees half as many pixels, each as large as two."""
_REPORTS: Final = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the machine's Chromium without a window until the block ends; leave the test out where there is none."""
    try:
        program = installed()
    except NoBrowserError as error:
        pytest.skip(str(error))
    with sync_playwright() as playwright:
        # root has no sandbox in Chromium, and what is shown comes from our own process
        # and containers have little shared memory
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@dataclass
class Faults:
    """What no page may do."""

    console: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Parts of what the console may say in this test, such as the status of a page that refuses."""

    def assert_none(self) -> None:
        unexpected = [line for line in self.console if not any(part in line for part in self.expected)]
        assert not unexpected, f"the console said: {unexpected}"
        assert not self.outside, f"asked for from outside: {self.outside}"


@contextmanager
def window(
    browser: Browser,
    pages: Dashboard,
    *,
    scheme: Scheme = "light",
    size: tuple[int, int] = DESKTOP,
    scale: float = 1,
    **options: Any,
) -> Iterator[tuple[BrowserContext, Faults]]:
    """Open a window of its own of somebody who is signed in; at the end no page of it may have done what none may."""
    context = browser.new_context(
        base_url=pages.origin,
        color_scheme=scheme,
        viewport={"width": size[0], "height": size[1]},
        device_scale_factor=scale,
        timezone_id="Europe/Berlin",
        **options,
    )
    context.set_default_timeout(SECONDS * 1000)
    name, value = pages.cookie
    context.add_cookies(
        [{"name": name, "value": value, "url": pages.origin, "httpOnly": True, "sameSite": "Strict"}]
    )
    faults = Faults()
    context.route("**/*", lambda route: _only_own(route, pages.origin, faults))
    context.on("console", lambda said: faults.console.append(said.text) if said.type == "error" else None)
    context.on("weberror", lambda error: faults.console.append(str(error.error)))
    context.add_init_script(_REPORTS)
    try:
        yield context, faults
    finally:
        context.close()
    faults.assert_none()


def _only_own(route: Route, origin: str, faults: Faults) -> None:
    if route.request.url.startswith((f"{origin}/", "data:")):
        route.continue_()
        return
    faults.outside.append(route.request.url)
    route.abort()


@cache
def _axe() -> str:
    return AXE.read_text(encoding="utf-8")


def barriers(page: Page, only: Only = WCAG) -> Sequence[str]:
    """Return what axe finds against WCAG 2.2 AA: the rule, the element, and what is wrong with it."""
    if not page.evaluate("'axe' in window"):
        # a debugger's own script: the page's policy, which lets in none from elsewhere, does not hold for it
        page.evaluate(f"() => {{ {_axe()}; return null; }}")
    options = json.dumps({"runOnly": only, "resultTypes": ["violations"]})
    told: Mapping[str, Any] = page.evaluate(f"() => axe.run(document, {options})")
    return [
        f"{found['id']}: {node['target']} {node['html'][:200]} {node['failureSummary']}"
        for found in told["violations"]
        for node in found["nodes"]
    ]


def wider_than_the_window(page: Page) -> Sequence[str]:
    """Return what makes the page scroll sideways; nothing where it does not."""
    found: Sequence[str] = page.evaluate(
        """() => {
          const room = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= room) return [];
          return [...document.querySelectorAll("body *")]
            .filter((item) => item.getBoundingClientRect().right > room + 1)
            .map((item) => `${item.outerHTML.slice(0, 120)} ends at ${item.getBoundingClientRect().right} of ${room}`);
        }"""
    )
    return found
