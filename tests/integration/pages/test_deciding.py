"""People decide in the browser, in their own name: the admission policy takes it, and the operator acts on it."""

import re
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, expect

from tests.support.chromium import barriers, window
from tests.support.kube_api import KubeApi
from tests.support.opened_dashboard import dashboard
from tests.support.seats import SOON, by_key, seats
from tests.support.seeding import Seeding
from tests.support.shown_team import ANA, BO, PEOPLE, bind
from tests.support.stage import Stage

ALIAS: Final = "churn-champion"
SENTENCE: Final = "Bias report read"
GATE: Final = {"name": "auc", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.5}
POLICY: Final = {
    "gates": [GATE],
    "approval": {"required": "Always", "groups": ["ml-leads"], "checklist": [SENTENCE]},
}
pytestmark = pytest.mark.usefixtures("shared_operator")


@pytest.fixture
def asked(kube_api: KubeApi, stage: Stage, seeded: Seeding) -> Stage:
    """The stage with three versions, the second of which is champion, and a request of ana's for the third."""
    bind(kube_api, stage.namespace, {**PEOPLE, ANA: "modelalias-alias-owner"})
    for auc in (0.8, 0.85, 0.9):
        seeded.version(val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    own(stage, seeded)
    stage.kubectl("wait", "--for=condition=RegistryReachable", f"modelalias/{ALIAS}", "--timeout=60s")
    return stage


def own(stage: Stage, seeded: Seeding, **policy: Any) -> None:
    """Apply the ModelAlias."""
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "policy": policy})


def file(stage: Stage, seeded: Seeding, version: str) -> str:
    """File a request of ana's, and return its name once it waits for people."""
    own(stage, seeded, **POLICY)
    stage.kubectl("wait", "--for=condition=IdentityProved", f"modelalias/{ALIAS}", "--timeout=60s")
    name = f"{ALIAS}-v{version}"
    stage.request(name, ALIAS, who=ANA, source={"version": version}, reason="retrained")
    stage.reaches(name, "AwaitingApproval")
    return name


def test_bo_approves_by_keyboard_and_ana_sees_it_happen(
    browser: Browser, asked: Stage, seeded: Seeding
) -> None:
    name = file(asked, seeded, "3")
    with seats(browser, asked, ANA, BO) as pages:
        ana, bo = pages[ANA], pages[BO]
        ana.goto(f"/r/{asked.namespace}/{name}")
        main = ana.locator("main")
        expect(main).to_contain_text(re.compile("asked for|filed|own request", re.IGNORECASE))
        expect(ana.get_by_role("link", name="Approve")).to_have_count(0)
        ana.evaluate("window.wasHere = true")

        bo.goto("/approvals")
        by_key(bo, bo.get_by_role("link", name=name))
        bo.keyboard.press("Enter")
        by_key(bo, bo.get_by_role("link", name="Approve"))
        bo.keyboard.press("Enter")
        button = bo.get_by_role("button", name="Approve")
        expect(button).to_be_visible()
        on_form = barriers(bo)
        by_key(bo, button)
        bo.keyboard.press("Enter")
        box = bo.get_by_label(SENTENCE)
        expect(box).to_have_attribute("aria-invalid", "true")
        on_mistake = barriers(bo)
        expect(box).to_be_focused()
        bo.keyboard.press("Space")
        by_key(bo, button)
        bo.keyboard.press("Enter")
        bo.wait_for_url(f"**/r/{asked.namespace}/{name}*")

        expect(main.locator(".badge").first).to_have_text("Succeeded", timeout=SOON)
        assert ana.evaluate("window.wasHere === true")
    assert (list(on_form), list(on_mistake)) == ([], [])
    given = asked.get("promotionrequest", name)["spec"]["approvals"]
    assert [(item["user"], item["decision"], item["checklist"]) for item in given] == [
        ("bo", "Approve", [SENTENCE])
    ]
    assert seeded.aliases()["champion"] == "3"


def test_without_javascript_bo_rejects_and_says_why(browser: Browser, asked: Stage, seeded: Seeding) -> None:
    name = file(asked, seeded, "2")
    with (
        dashboard(asked.kubeconfig, asked.namespace, BO) as pages,
        window(browser, pages, java_script_enabled=False) as (context, _),
    ):
        page = context.new_page()
        page.goto(f"/r/{asked.namespace}/{name}")
        page.get_by_role("link", name="Reject").click()
        page.get_by_label("Why").fill("trained on last year's data")
        page.get_by_role("button", name="Reject").click()
        asked.complete(name)
        page.reload()

        expect(page.locator("main .badge").first).to_have_text("Rejected")
        expect(page.locator("main")).to_contain_text("trained on last year's data")
    assert seeded.aliases()["champion"] == "1"


def test_ana_promotes_a_version_once_she_has_seen_its_verdict(
    browser: Browser, asked: Stage, seeded: Seeding
) -> None:
    own(asked, seeded, gates=[GATE])
    with seats(browser, asked, ANA) as pages:
        page = pages[ANA]
        page.goto(f"/a/{asked.namespace}/{ALIAS}")
        by_key(page, page.get_by_role("link", name="Promote"))
        page.keyboard.press("Enter")
        page.locator("#number").fill("three")
        page.get_by_role("button", name="See the verdict").click()
        expect(page.locator("#number")).to_be_focused()
        on_mistake = barriers(page)
        page.locator("#number").fill("3")
        page.get_by_role("button", name="See the verdict").click()

        expect(page.get_by_role("heading", name="to version 3")).to_be_visible()
        page.get_by_label("Why").fill("the best so far")
        expect(page.locator("main")).to_contain_text("would replace 1 as champion", timeout=SOON)
        expect(page.get_by_role("row", name="auc").get_by_text("0.9")).to_be_visible()
        expect(page.get_by_label("Why")).to_have_value("the best so far")
        on_verdict = barriers(page)
        assert seeded.aliases()["champion"] == "1", "a dry run changes nothing"
        page.get_by_role("button", name="Promote as ana").click()

        page.wait_for_url(f"**/r/{asked.namespace}/{ALIAS}-v3-*")
        expect(page.locator("main .badge").first).to_have_text("Succeeded", timeout=SOON)
        expect(page.locator("main")).to_contain_text("the best so far")
    assert (list(on_mistake), list(on_verdict)) == ([], [])
    assert seeded.aliases()["champion"] == "3"


def test_ana_goes_back_to_a_version_that_was_accepted(
    browser: Browser, asked: Stage, seeded: Seeding
) -> None:
    for version in ("2", "3"):
        asked.request(f"v{version}", ALIAS, who=ANA, source={"version": version})
        asked.complete(f"v{version}")
    with seats(browser, asked, ANA) as pages:
        page = pages[ANA]
        page.goto(f"/a/{asked.namespace}/{ALIAS}")
        page.get_by_role("link", name="Go back").click()
        expect(page.get_by_role("radio", name=re.compile(r"\b2\b"))).to_be_checked()
        page.get_by_role("radio", name=re.compile(r"^1\b")).check()
        page.get_by_role("radio", name=re.compile(r"^2\b")).check()
        page.get_by_role("button", name="Go back").click()
        expect(page.get_by_label("Why")).to_be_focused()
        on_mistake = barriers(page)
        page.get_by_label("Why").fill("version 3 is slow")
        page.get_by_role("button", name="Go back").click()
        page.wait_for_url(f"**/r/{asked.namespace}/*")
        page.goto(f"/a/{asked.namespace}/{ALIAS}")

        expect(page.locator("main .version").first).to_have_text("2", timeout=SOON)
        expect(page.locator("#ledger + .timeline, .timeline").first).to_contain_text("version 3 is slow")
    assert list(on_mistake) == []
    assert seeded.aliases()["champion"] == "2"


def test_without_javascript_ana_promotes_goes_back_and_pins(
    browser: Browser, asked: Stage, seeded: Seeding
) -> None:
    with (
        dashboard(asked.kubeconfig, asked.namespace, ANA) as pages,
        window(browser, pages, java_script_enabled=False) as (context, _),
    ):
        page = context.new_page()
        page.goto(f"/a/{asked.namespace}/{ALIAS}")
        page.get_by_role("link", name="Promote").click()
        page.locator("#number").fill("2")
        page.get_by_role("button", name="See the verdict").click()
        asked.complete(page.url.rpartition("judged=")[2])
        page.reload()
        expect(page.locator("main")).to_contain_text("would replace 1 as champion")
        page.get_by_role("button", name="Promote as ana").click()
        asked.complete(page.url.rpartition("/")[2])
        assert seeded.aliases()["champion"] == "2"

        page.goto(f"/a/{asked.namespace}/{ALIAS}/rollback")
        page.get_by_label("Why").fill("slow")
        page.get_by_role("button", name="Go back as ana").click()
        asked.complete(page.url.rpartition("/")[2])
        page.goto(f"/a/{asked.namespace}/{ALIAS}")
        page.get_by_role("link", name="Release the hold").first.click()
        page.get_by_role("button", name="Release as ana").click()
        asked.until("modelalias", ALIAS, lambda it: "hold" not in it["status"], "the hold has ended")

        page.get_by_role("link", name="Pin").click()
        page.get_by_role("radio", name=re.compile(r"^1\b")).check()
        page.get_by_role("button", name="Pin as ana").click()
        page.get_by_role("link", name="Suspend").click()
        page.get_by_role("button", name="Suspend as ana").click()
        expect(page.locator("main")).to_contain_text("Pinned to version 1")
        expect(page.locator("main")).to_contain_text("Suspended")
        page.get_by_role("link", name="Unpin").first.click()
        page.get_by_role("button", name="Unpin as ana").click()
        page.get_by_role("link", name="Resume").first.click()
        page.get_by_role("button", name="Resume as ana").click()
        expect(page.get_by_role("link", name="Suspend")).to_be_visible()
    assert {"version", "suspend"} & asked.get("modelalias", ALIAS)["spec"].keys() == set()
    assert seeded.aliases()["champion"] == "1"
