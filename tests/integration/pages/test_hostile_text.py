"""What tenants write is text on every page, whatever it is: no script, no attribute, no change of direction."""

from typing import Final
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import PHONE, wider_than_the_window, window
from tests.support.kube_api import KubeApi
from tests.support.opened_dashboard import Dashboard
from tests.support.shown_team import EVIDENCE, ShownTeam

SCRIPT: Final = "<script>window.taken=1</script>"
EVENT: Final = '"onload="window.taken=1" x="'
IMAGE: Final = "<img src=https://example.invalid/x onerror=window.taken=1>"
BACKWARDS: Final = "\u202eeslaf si siht\u202c\u200b"
TEXT: Final = f"{SCRIPT}{EVENT}{IMAGE}{BACKWARDS}{{{{ 7*7 }}}}javascript:window.taken=1"
LONG: Final = (TEXT + "W" * 4096)[:4096]
ALIAS: Final = "hostile-champion"
REQUEST: Final = "hostile-request"
MODEL: Final = "m<script>window.taken=1<b onload=window.taken=1>"
_TAKEN: Final = "window.taken === undefined"


@pytest.fixture(scope="module")
def hostile(kube_api: KubeApi, shown: str) -> str:
    """A ModelAlias and a request with such text wherever the API server takes it."""
    team = ShownTeam(kube_api, shown)
    team.write_alias(ALIAS, _alias_spec(), _alias_status(team))
    team.request(REQUEST, ALIAS, "5", _request_status(team), reason=TEXT[:1024], requestedBy=TEXT[:256])
    return shown


def _alias_spec() -> dict[str, object]:
    return {
        "model": MODEL,
        "alias": "champion",
        "policy": {
            "gates": [{"name": "auc", "metric": "val/auc", "direction": "HigherIsBetter", "threshold": 0.5}],
            "approval": {"required": "Always", "groups": [TEXT[:256]], "checklist": [TEXT[:256]]},
        },
    }


def _alias_status(team: ShownTeam) -> dict[str, object]:
    move = {
        "to": "4",
        "at": team.ago(days=1),
        "operation": "Promote",
        "outcome": "Failed",
        "request": REQUEST,
        "actor": TEXT[:256],
        "approvers": [TEXT[:256]],
        "reason": TEXT,
        "message": TEXT,
        "judged": [{"metric": "val/auc", "value": "0.9"}],
    }
    return {
        "phase": "Stalled",
        "current": {"version": "4", "since": team.ago(days=1), "actor": TEXT[:256]},
        "history": [{**move, "to": "3", "outcome": "Succeeded"}, move],
        "queue": [REQUEST],
        "conditions": [
            team.condition("Ready", "False", "PolicyConflict", LONG),
            team.condition("Stalled", "True", "PolicyConflict", LONG),
        ],
        "policy": {"sources": [f"PromotionPolicy/{SCRIPT}"], "rules": [{"rule": TEXT[:512], "from": SCRIPT}]},
    }


def _request_status(team: ShownTeam) -> dict[str, object]:
    finding = {
        "name": "auc",
        "result": "Failed",
        "metric": "val/auc",
        "candidate": SCRIPT,
        "champion": "NaN",
        "rule": TEXT,
        "dataset": TEXT,
        "message": TEXT,
        "evaluatedAt": team.ago(hours=1),
    }
    return {
        "phase": "AwaitingApproval",
        "explanation": LONG,
        "resolved": {"version": "5", "champion": "4", "from": TEXT[:300], "evidence": EVIDENCE},
        "eligibility": [{"rule": TEXT[:300], "result": "Failed", "message": TEXT}],
        "evaluation": [
            {
                "side": "Candidate",
                "version": "5",
                "job": "eval",
                "state": "Failed",
                "message": TEXT,
                "lastLines": TEXT,
            }
        ],
        "gates": [finding],
        "approvals": {
            "required": 1,
            "valid": 0,
            "groups": [TEXT[:256]],
            "void": [TEXT],
            "checklist": [TEXT[:256]],
        },
        "conditions": [team.condition("Complete", "False", "AwaitingApproval", LONG)],
        "result": LONG,
    }


@pytest.mark.parametrize("at", ["board", "approvals", "alias", "request", "approve"])
def test_what_a_tenant_wrote_is_text(browser: Browser, bo: Dashboard, hostile: str, at: str) -> None:
    address = {
        "board": f"/?namespace={hostile}",
        "approvals": "/approvals",
        "alias": f"/a/{hostile}/{ALIAS}",
        "request": f"/r/{hostile}/{REQUEST}",
        "approve": f"/r/{hostile}/{REQUEST}/approve",
    }[at]
    with window(browser, bo, size=PHONE) as (context, _):
        page = context.new_page()
        page.goto(address)

        assert f"{SCRIPT}{EVENT}{IMAGE}" in page.locator("main").inner_text()
        assert_only_text(page)


def test_what_a_tenant_wrote_is_text_in_a_form(browser: Browser, ana: Dashboard, hostile: str) -> None:
    with window(browser, ana, size=PHONE) as (context, _):
        page = context.new_page()
        page.goto(f"/a/{hostile}/{ALIAS}/rollback")
        page.get_by_role("radio").check()

        assert f"{SCRIPT}{EVENT}{IMAGE}" in page.locator("form").inner_text()
        assert_only_text(page)


def test_what_somebody_looks_for_is_text(browser: Browser, bo: Dashboard, hostile: str) -> None:
    with window(browser, bo, size=PHONE) as (context, _):
        page = context.new_page()
        page.goto(f"/?namespace={hostile}&q={quote(TEXT)}")

        assert SCRIPT in page.get_by_label("Name or model").input_value()
        assert_only_text(page)


def assert_only_text(page: Page) -> None:
    """Check that nothing of it was run, became markup, or turned words of ours round."""
    page.wait_for_load_state("load")
    assert page.evaluate(_TAKEN)
    assert page.locator("main script, main img, main [onload], main [onerror]").count() == 0
    assert page.locator("main a[href^='javascript:']").count() == 0
    assert "\u202e" not in page.locator("body").inner_text()
    assert list(wider_than_the_window(page)) == []


def test_a_models_name_that_is_markup_leads_to_its_page(
    browser: Browser, bo: Dashboard, hostile: str
) -> None:
    with window(browser, bo) as (context, _):
        page = context.new_page()
        page.goto(f"/a/{hostile}/{ALIAS}")
        page.get_by_role("link", name=MODEL).first.click()

        assert page.locator("h1").inner_text() == MODEL
        assert page.evaluate(_TAKEN)
