"""The pages without a mouse, without moving pictures, without colours."""

from itertools import takewhile

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import window
from tests.support.opened_dashboard import Dashboard
from tests.support.shown_team import CHURN, WAITS

MOST_STOPS = 60
_STOP = """() => {
  const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
  const shadow = style.boxShadow !== "none";
  return {
    what: at === document.body ? "" : at.outerHTML.slice(0, 120),
    seen: box.width > 0 && box.height > 0 && box.right > 0 && box.left < innerWidth && box.top < innerHeight && box.bottom > 0,
    marked: shadow || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2),
  };
}"""


def test_the_first_key_leads_past_the_head(browser: Browser, ana: Dashboard, shown: str) -> None:
    with window(browser, ana) as (context, _):
        page = context.new_page()
        page.goto(f"/?namespace={shown}")

        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")

        expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("name", ["board", "alias", "request"])
def test_the_focus_is_always_seen(browser: Browser, ana: Dashboard, shown: str, name: str) -> None:
    address = {
        "board": f"/?namespace={shown}",
        "alias": f"/a/{shown}/{CHURN}",
        "request": f"/r/{shown}/{WAITS}",
    }[name]
    with window(browser, ana) as (context, _):
        page = context.new_page()
        page.goto(address)
        stops = [*takewhile(lambda stop: stop["what"], (_next_stop(page) for _ in range(MOST_STOPS)))]

    assert len(stops) >= 5
    assert [stop["what"] for stop in stops if not stop["seen"] or not stop["marked"]] == []


def _next_stop(page: Page) -> dict[str, object]:
    page.keyboard.press("Tab")
    page.wait_for_timeout(0)  # a browser scrolls after the key
    told: dict[str, object] = page.evaluate(_STOP)
    return told


def test_the_board_is_filtered_by_keyboard(browser: Browser, ana: Dashboard, shown: str) -> None:
    with window(browser, ana) as (context, _):
        page = context.new_page()
        page.goto("/")
        field = page.get_by_label("Namespace")
        for _ in range(12):
            if field.evaluate("(it) => it === document.activeElement"):
                break
            page.keyboard.press("Tab")
        expect(field).to_be_focused()

        page.keyboard.type(shown)
        page.keyboard.press("Enter")

        page.wait_for_url(f"**namespace={shown}*")
        expect(page.locator(f"#row-{shown}_{CHURN}")).to_be_visible()
        expect(page.get_by_label("Namespace")).to_have_value(shown)


def test_without_javascript_the_board_is_filtered(browser: Browser, ana: Dashboard, shown: str) -> None:
    with window(browser, ana, java_script_enabled=False) as (context, _):
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Namespace").fill(shown)
        page.get_by_role("button", name="Filter").click()

        expect(page.locator(f"#row-{shown}_{CHURN}")).to_be_visible()


def test_who_wants_nothing_to_move_sees_nothing_move(browser: Browser, ana: Dashboard, shown: str) -> None:
    with window(browser, ana, reduced_motion="reduce") as (context, _):
        page = context.new_page()
        for address in (f"/?namespace={shown}", f"/a/{shown}/{CHURN}", f"/r/{shown}/{WAITS}"):
            page.goto(address)
            moving = page.evaluate(
                """() => [...document.querySelectorAll("*")].filter((item) => {
                  const style = getComputedStyle(item);
                  return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0
                    || style.scrollBehavior === "smooth";
                }).map((item) => item.outerHTML.slice(0, 120))"""
            )

            assert moving == []


def test_a_phase_is_a_sign_and_a_word(browser: Browser, ana: Dashboard, shown: str) -> None:
    with window(browser, ana, forced_colors="active") as (context, _):
        page = context.new_page()
        page.goto(f"/?namespace={shown}")
        badges = page.locator(".badge")
        told = badges.evaluate_all(
            """(all) => all.map((item) =>
                 [item.textContent.trim(), item.querySelector("svg")?.innerHTML.trim() ?? ""])"""
        )

    assert len(told) > 10
    assert [badge for badge in told if not all(badge)] == []
    signs: dict[str, set[str]] = {}
    for word, sign in told:
        signs.setdefault(word, set()).add(sign)
    assert {len(found) for found in signs.values()} == {1}, "a phase has one sign"
    assert len({next(iter(found)) for found in signs.values()}) >= 4, (
        "phases of another kind have another sign"
    )
