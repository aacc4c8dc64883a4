"""People of a story, each before a browser of their own, and what they do there without a mouse."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.support.chromium import window
from tests.support.kube_api import Person
from tests.support.opened_dashboard import dashboard
from tests.support.stage import Stage

SOON: Final = 30_000
"""Milliseconds within which the operator has acted and the page has followed, on a busy machine."""


@contextmanager
def seats(browser: Browser, stage: Stage, *people: Person) -> Iterator[Mapping[Person, Page]]:
    """Seat people before browsers of their own."""
    with ExitStack() as stack:
        pages = {}
        for who in people:
            own_pages = stack.enter_context(dashboard(stage.kubeconfig, stage.namespace, who))
            context, faults = stack.enter_context(window(browser, own_pages))
            faults.expected.append("status of 4")  # what is refused is told as a page
            pages[who] = context.new_page()
        yield pages


def by_key(page: Page, target: Locator) -> None:
    """Go to it by keyboard alone."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if target.evaluate("(it) => it === document.activeElement"):
            return
    pytest.fail(f"no key leads to {target}")
