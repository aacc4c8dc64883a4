"""Pages follow what happens: by themselves, in every window, and again after the API server was away."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import yaml
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.chromium import window
from tests.support.door import Door, door_to
from tests.support.mlflow_server import free_port
from tests.support.opened_dashboard import Dashboard, dashboard
from tests.support.shown_team import ANA, CHURN, ShownTeam

SOON: Final = 15_000
"""Milliseconds within which a page follows, on a busy machine."""
MOVING: Final = "fraud-champion"
_MARK: Final = "window.wasHere = true"


def mark(page: Page) -> None:
    """Leave something that a page which is loaded again has not."""
    page.evaluate(_MARK)


def was_not_loaded_again(page: Page) -> bool:
    return bool(page.evaluate("window.wasHere === true"))


def row(shown: str, name: str) -> str:
    return f"#row-{shown}_{name}"


def succeed(team: ShownTeam, version: str) -> None:
    """Let the move of fraud-champion end."""
    current = {"version": version, "since": team.ago(), "actor": ANA.name}
    team.set_status("modelaliases", MOVING, phase="Ready", plan=None, current=current, served=version)


def move(team: ShownTeam, left: str, to: str) -> None:
    """Let a move of fraud-champion begin."""
    plan = {
        "operation": "Promote",
        "aliases": [{"name": "champion", "from": left, "to": to}],
        "startedAt": team.ago(),
    }
    team.set_status("modelaliases", MOVING, phase="RollingOut", plan=plan)


def test_the_board_moves_in_every_window_without_being_loaded_again(
    browser: Browser, ana: Dashboard, shown: str, team: ShownTeam
) -> None:
    with window(browser, ana) as (context, _):
        tabs = [context.new_page(), context.new_page()]
        for page in tabs:
            page.goto(f"/?namespace={shown}")
            expect(page.locator("#live")).to_have_text("Live", timeout=SOON)
            mark(page)

        succeed(team, "8")

        for page in tabs:
            there = page.locator(row(shown, MOVING))
            expect(there.locator(".version")).to_have_text("8", timeout=SOON)
            expect(there.locator(".badge")).to_have_text("Ready")
            assert was_not_loaded_again(page)


def test_a_script_that_comes_late_keeps_no_page_from_being_live(
    browser: Browser, ana: Dashboard, shown: str
) -> None:
    held: list[Route] = []
    with window(browser, ana) as (context, _):
        page = context.new_page()
        page.route("**/hx-sse*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it is given
        page.goto(f"/?namespace={shown}", wait_until="commit")
        deadline = time.monotonic() + SOON / 1000
        while not held or not page.evaluate("'htmx' in window"):
            assert time.monotonic() < deadline, "htmx has not come"
            page.wait_for_timeout(20)  # poll
        page.evaluate("() => new Promise((done) => setTimeout(done, 100))")  # what htmx put off has begun
        held[0].continue_()

        expect(page.locator("#live")).to_have_text("Live", timeout=SOON)


def test_what_moves_is_said_to_who_cannot_see_it(
    browser: Browser, ana: Dashboard, shown: str, team: ShownTeam
) -> None:
    with window(browser, ana) as (context, _):
        page = context.new_page()
        page.goto(f"/a/{shown}/{MOVING}")
        expect(page.locator("#live")).to_have_text("Live", timeout=SOON)

        team.set_status("modelaliases", MOVING, phase="Suspended")

        news = page.locator("[aria-live=polite]")
        expect(news).to_contain_text(MOVING, timeout=SOON)
        expect(page.locator("main .badge").first).to_have_text("Suspended")


def test_the_focus_and_what_was_typed_stay_while_the_page_moves(
    browser: Browser, ana: Dashboard, shown: str, team: ShownTeam
) -> None:
    with window(browser, ana) as (context, _):
        page = context.new_page()
        page.goto(f"/?namespace={shown}")
        expect(page.locator("#live")).to_have_text("Live", timeout=SOON)
        field = page.get_by_label("Namespace")
        field.fill("half a wo")

        move(team, "8", "9")

        expect(page.locator(row(shown, MOVING)).locator(".badge")).to_have_text("Rolling out", timeout=SOON)
        expect(field).to_be_focused()
        expect(field).to_have_value("half a wo")


@contextmanager
def behind_a_door(kubeconfig: str, folder: Path) -> Iterator[tuple[Door, str]]:
    """Lead to the API server by a door that a test shuts."""
    body = yaml.safe_load(Path(kubeconfig).read_text(encoding="utf-8"))
    server = body["clusters"][0]["cluster"]
    where = urlsplit(server["server"])
    assert where.port is not None
    assert where.hostname is not None
    with door_to(where.port, free_port(), where.hostname) as door:
        server |= {"server": f"https://127.0.0.1:{door.port}", "tls-server-name": where.hostname}
        file = folder / "kubeconfig"
        file.write_text(json.dumps(body), encoding="utf-8")
        yield door, str(file)


def test_an_api_server_that_is_away_is_told_and_comes_back(
    browser: Browser, kubeconfig: str, shown: str, team: ShownTeam, tmp_path: Path
) -> None:
    with (
        behind_a_door(kubeconfig, tmp_path) as (door, by_the_door),
        dashboard(by_the_door, shown, ANA) as pages,
        window(browser, pages) as (context, _),
    ):
        page = context.new_page()
        page.goto(f"/?namespace={shown}")
        live = page.locator("#live")
        expect(live).to_have_text("Live", timeout=SOON)
        mark(page)

        door.shut()
        expect(live).to_contain_text("Not live since", timeout=SOON)
        expect(page.locator(row(shown, CHURN))).to_be_visible()
        succeed(team, "10")
        door.open()

        expect(live).to_contain_text("Live again", timeout=2 * SOON)
        expect(page.locator(row(shown, MOVING)).locator(".version")).to_have_text("10", timeout=SOON)
        assert was_not_loaded_again(page)


def test_a_page_that_is_opened_while_the_api_server_is_away_says_so(
    browser: Browser, kubeconfig: str, shown: str, tmp_path: Path
) -> None:
    with (
        behind_a_door(kubeconfig, tmp_path) as (door, by_the_door),
        dashboard(by_the_door, shown, ANA) as pages,
        window(browser, pages) as (context, faults),
    ):
        faults.expected.append("503")
        page = context.new_page()
        door.shut()
        page.goto(f"/?namespace={shown}")
        expect(page.get_by_role("heading", name="Not available now")).to_be_visible()

        door.open()
        page.get_by_role("link", name="To the board").click()

        expect(page.get_by_role("heading", name="Board")).to_be_visible()
