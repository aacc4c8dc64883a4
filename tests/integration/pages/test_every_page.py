"""What every page keeps, in light and dark, on a desktop and on a phone, zoomed, and without JavaScript."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import (
    CONTRAST,
    DESKTOP,
    HALF,
    PHONE,
    barriers,
    wider_than_the_window,
    window,
)
from tests.support.opened_dashboard import Dashboard
from tests.support.shown_team import MISSING, pages

NAMES = [name for name, _ in pages("")]


@contextmanager
def opened(browser: Browser, who: Dashboard, shown: str, name: str, **options: Any) -> Iterator[Page]:
    """Open a page of the site, which may answer nothing but itself."""
    with window(browser, who, **options) as (context, faults):
        faults.expected += ["404"] if name == MISSING else []
        page = context.new_page()
        page.goto(dict(pages(shown))[name])
        yield page


def resize(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})


@pytest.mark.parametrize("name", NAMES)
def test_no_barrier_for_anybody(browser: Browser, ana: Dashboard, shown: str, name: str) -> None:
    with opened(browser, ana, shown, name) as page:
        headings = page.locator("h1").count()
        found = {"light, desktop": barriers(page)}
        resize(page, PHONE)
        found["light, phone"], sideways = barriers(page), {"phone": wider_than_the_window(page)}
        page.emulate_media(color_scheme="dark")
        found["dark, phone"] = barriers(page, CONTRAST)
        resize(page, DESKTOP)
        found["dark, desktop"] = barriers(page, CONTRAST)
        resize(page, HALF)
        sideways["zoomed"] = wider_than_the_window(page)

    assert headings == 1
    assert {where: [*barrier] for where, barrier in found.items() if barrier} == {}
    assert {where: [*wide] for where, wide in sideways.items() if wide} == {}


@pytest.mark.parametrize("name", ["board", "alias", "request"])
def test_without_javascript_a_page_says_the_same(
    browser: Browser, ana: Dashboard, shown: str, name: str
) -> None:
    said = "main h1, main h2, main tbody th"
    with opened(browser, ana, shown, name) as page:
        expected = page.locator(said).all_inner_texts()
    with opened(browser, ana, shown, name, java_script_enabled=False) as page:
        told = page.locator(said).all_inner_texts()

    assert told == expected


def test_who_may_only_look_meets_no_barrier_either(browser: Browser, eve: Dashboard, shown: str) -> None:
    for name in ("board", "alias", "request"):
        with opened(browser, eve, shown, name) as page:
            found = barriers(page)

            assert list(found) == []
            assert page.get_by_text("read only", exact=True).is_visible()


def test_the_looks_see_what_they_look_for(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": PHONE[0], "height": PHONE[1]})
    page.set_content(
        '<html lang="en"><title>x</title><h1>x</h1><p style="width:900px;color:#ccc">pale</p><img src="x">'
    )

    found, wide = barriers(page), wider_than_the_window(page)
    page.close()

    assert {item.partition(":")[0] for item in found} == {"color-contrast", "image-alt"}
    assert len(wide) == 1
