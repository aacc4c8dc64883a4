"""Freeze windows on a real API server, a real MLflow and the real clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.seeding import Seeding
from tests.support.stage import Stage, condition

ALIAS = "churn-champion"
LEFT = timedelta(seconds=30)
"""How long the window stays closed for promotions: enough for a rollback."""

pytestmark = pytest.mark.usefixtures("shared_operator")


def _closes_at(end: datetime) -> dict[str, Any]:
    """Return a window that opened more than a minute before its end, at a whole minute as cron wants it."""
    began = (end - timedelta(minutes=1)).replace(second=0, microsecond=0)
    return {
        "name": "freeze",
        "kind": "Deny",
        "cron": f"{began:%-M %-H %-d %-m} *",
        "duration": f"{int((end - began).total_seconds())}s",
    }


def _alias(stage: Stage, seeded: Seeding, *windows: dict[str, Any]) -> None:
    spec = {"model": seeded.model, "alias": "champion", "serving": [{"name": "churn-api"}]}
    stage.apply("ModelAlias", ALIAS, {**spec, "policy": {"windows": [*windows]}})


def test_a_promotion_waits_for_the_end_of_a_freeze_and_a_rollback_does_not(
    stage: Stage, seeded: Seeding
) -> None:
    for auc in (0.80, 0.85, 0.90):
        seeded.version(val_auc=auc)
    stage.deployment("churn-api", IMAGE, replicas=0)
    _alias(stage, seeded)
    for version in ("1", "2"):
        stage.request(f"churn-v{version}", ALIAS, source={"version": version})
        assert stage.complete(f"churn-v{version}")["phase"] == "Succeeded"

    end = datetime.now(UTC).replace(microsecond=0) + LEFT
    _alias(stage, seeded, _closes_at(end))
    stage.request("churn-v3", ALIAS, source={"version": "3"})
    waiting = stage.reaches("churn-v3", "Pending")
    stage.request("undo", ALIAS, operation="Rollback", source={"version": "1"}, reason="complaints")
    back, replaced = stage.complete("undo"), stage.complete("churn-v3")
    stage.request("v3-again", ALIAS, source={"version": "3"})
    again = stage.complete("v3-again")

    shown = f"{end:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    assert condition(waiting["status"], "Complete") == ("False", "WindowClosed")
    assert waiting["status"]["explanation"] == f"waits until {shown} UTC, when the window freeze closes"
    assert (back["phase"], replaced["phase"]) == ("Succeeded", "Superseded")
    assert datetime.fromisoformat(back["completedAt"]) < end
    assert again["phase"] == "Succeeded"
    assert end <= datetime.fromisoformat(again["completedAt"]) < end + timedelta(seconds=20)
    assert seeded.aliases()["champion"] == "3"


def test_a_time_zone_that_does_not_exist_is_told_by_the_alias(stage: Stage, seeded: Seeding) -> None:
    seeded.version(val_auc=0.8)
    stage.deployment("churn-api", IMAGE, replicas=0)
    window = _closes_at(datetime.now(UTC) - timedelta(hours=1))

    _alias(stage, seeded, {**window, "timeZone": "Europe/Berlim"})
    stalled = stage.until(
        "modelalias",
        ALIAS,
        lambda it: condition(it.get("status", {}), "Stalled") == ("True", "Invalid"),
        "it is told",
    )
    stage.request("waits", ALIAS, source={"version": "1"})
    stage.reaches("waits", "Pending")
    _alias(stage, seeded, {**window, "timeZone": "Europe/Berlin"})
    waited = stage.complete("waits")

    message = next(item["message"] for item in stalled["status"]["conditions"] if item["type"] == "Stalled")
    assert message.startswith("spec.policy.windows[0].timeZone: there is no time zone Europe/Berlim")
    assert waited["phase"] == "Succeeded"
