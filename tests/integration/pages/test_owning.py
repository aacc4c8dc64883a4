"""Who owns an alias pins, suspends and releases it in the browser, and who asks for promotions sees what that means.

cy     modelalias-alias-owner    the platform engineer
ana    edit                      the data scientist, who may promote and go back but not edit a ModelAlias
"""

import re
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.chromium import barriers
from tests.support.kube_api import Person
from tests.support.seats import SOON, by_key, seats
from tests.support.seeding import Seeding
from tests.support.shown_team import ANA
from tests.support.stage import Stage

CY: Final = Person("cy")
ALIAS: Final = "churn-champion"
NOT_HERS: Final = (
    f"You may not patch modelaliases/{ALIAS}. The ClusterRole modelalias-alias-owner has that verb."
)
_LINES: Final = """(all) => all.map((item) => {
  const range = document.createRange();
  range.selectNodeContents(item);
  return range.getClientRects().length;
})"""
pytestmark = pytest.mark.usefixtures("shared_operator")


@pytest.fixture
def team(stage: Stage, seeded: Seeding) -> Stage:
    """Three versions, the second of which is champion after the first was."""
    stage.bind({CY: "modelalias-alias-owner", ANA: "edit"})
    for auc in (0.8, 0.85, 0.9):
        seeded.version(val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion"}, who=CY)
    stage.kubectl("wait", "--for=condition=Ready", f"modelalias/{ALIAS}", "--timeout=60s")
    stage.request("v2", ALIAS, who=ANA, source={"version": "2"})
    stage.complete("v2")
    return stage


def press(page: Page, target: Locator) -> None:
    """Go there by keyboard and press Enter."""
    by_key(page, target)
    page.keyboard.press("Enter")


def form(page: Page, name: str) -> Locator:
    """Return the link to a form, as it stands at the head of the page."""
    return page.get_by_role("link", name=f"{name}…", exact=True).first


def test_cy_pins_suspends_and_releases_and_ana_sees_what_it_means(
    browser: Browser, team: Stage, seeded: Seeding
) -> None:
    address = f"/a/{team.namespace}/{ALIAS}"
    with seats(browser, team, CY, ANA) as pages:
        cy, ana = pages[CY], pages[ANA]
        cy.goto(address)
        ana.goto(address)
        expect(ana.locator("main")).to_contain_text(NOT_HERS)
        expect(form(ana, "Pin")).to_have_count(0)

        pins_and_unpins(cy, ana)
        suspends_while_ana_promotes(cy, ana)
        assert seeded.aliases()["champion"] == "1"
        resumes(cy, ana)
        goes_back_and_releases(cy, ana, address)
        lines = ana.locator("main td.by").evaluate_all(_LINES)
    assert set(lines) == {1}, "no name is broken in two"
    assert {"version", "suspend"} & team.get("modelalias", ALIAS)["spec"].keys() == set()
    assert "hold" not in team.status("modelalias", ALIAS)
    assert seeded.aliases()["champion"] == "1"


def pins_and_unpins(cy: Page, ana: Page) -> None:
    at_cy, at_ana = cy.locator("main"), ana.locator("main")
    press(cy, form(cy, "Pin"))
    expect(cy.get_by_role("radio", name=re.compile(r"^2\b"))).to_be_checked()
    expect(at_cy).to_contain_text("Requests are rejected meanwhile, also those that wait now.")
    assert list(barriers(cy)) == []
    by_key(cy, cy.get_by_role("textbox", name="Its number"))
    cy.keyboard.type("1")
    expect(cy.get_by_role("radio", name="Another")).to_be_checked()
    cy.keyboard.press("Enter")
    for main in (at_cy, at_ana):
        expect(main).to_contain_text("Pinned to version 1")
        expect(main).to_contain_text("set by cy; requests are rejected meanwhile")
        expect(main.locator(".version").first).to_have_text("1", timeout=SOON)
    expect(form(ana, "Promote")).to_have_count(0)
    expect(at_ana).to_contain_text(f"modelalias unpin {ALIAS} -n ")

    press(cy, form(cy, "Unpin"))
    expect(at_cy).to_contain_text("It is pinned to version 1 by cy.")
    press(cy, cy.get_by_role("button", name="Unpin as cy"))
    expect(form(ana, "Promote")).to_be_visible()
    expect(at_ana).not_to_contain_text("Pinned to version")


def suspends_while_ana_promotes(cy: Page, ana: Page) -> None:
    at_cy, at_ana = cy.locator("main"), ana.locator("main")
    press(cy, form(cy, "Suspend"))
    press(cy, cy.get_by_role("button", name="Suspend as cy"))
    expect(at_cy).to_contain_text("Nothing new starts, requests wait")
    press(ana, form(ana, "Promote"))
    expect(at_ana).to_contain_text("It is suspended: what you file waits until it is resumed")
    by_key(ana, ana.get_by_role("textbox", name="Its number"))
    ana.keyboard.type("3")
    ana.keyboard.press("Enter")
    expect(at_ana).to_contain_text("version 3 would replace 1 as champion", timeout=SOON)
    press(ana, ana.get_by_role("button", name="Promote as ana"))
    waits = f"waits: ModelAlias {ALIAS} is suspended; to go on: modelalias resume {ALIAS}"
    for main in (at_ana, at_cy):
        expect(main).to_contain_text(waits, timeout=SOON)
    expect(at_ana).to_contain_text("It has not ended yet.")


def resumes(cy: Page, ana: Page) -> None:
    press(cy, form(cy, "Resume"))
    press(cy, cy.get_by_role("button", name="Resume as cy"))
    expect(ana.locator("main .badge").first).to_have_text("Succeeded", timeout=SOON)
    expect(cy.locator("main .version").first).to_have_text("3", timeout=SOON)


def goes_back_and_releases(cy: Page, ana: Page, address: str) -> None:
    at_cy, at_ana = cy.locator("main"), ana.locator("main")
    press(cy, form(cy, "Go back"))
    by_key(cy, cy.get_by_label("Why"))
    cy.keyboard.type("version 3 is slow")
    press(cy, cy.get_by_role("button", name="Go back as cy"))
    expect(at_cy.locator(".badge").first).to_have_text("Succeeded", timeout=SOON)
    expect(at_cy).to_contain_text("Only promotions are judged.")
    ana.goto(address)
    cy.goto(address)
    expect(at_ana).to_contain_text("Automatic steps are on hold: RolledBack")
    expect(form(ana, "Release the hold")).to_have_count(0)
    press(cy, form(cy, "Release the hold"))
    expect(at_cy).to_contain_text("none of them promotes a version that was rolled back")
    press(cy, cy.get_by_role("button", name="Release as cy"))
    for main in (at_cy, at_ana):
        expect(main).not_to_contain_text("on hold", timeout=SOON)
        expect(main.locator(".version").first).to_have_text("1")
    expect(at_ana).to_contain_text("version 3 is slow")
