"""The example of the stages None, Staging, Production and Archived, as it is shipped, and what is on record
of each move."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.kube_api import Person
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition

EXAMPLE: Final = Path(__file__).parents[2] / "manifests" / "examples" / "stages.yaml"
PRODUCTION: Final = "churn-production"
ANA, BO = Person("ana"), Person("bo")
LONGEST_TEST: Final = timedelta(minutes=5)

pytestmark = pytest.mark.usefixtures("shared_operator")


@pytest.fixture
def team(stage: Stage) -> Stage:
    """The stage: ana files requests, bo approves."""
    stage.bind({ANA: "edit", BO: "modelalias-approver"})
    return stage


def _example(stage: Stage, model: str, version: str = "1", reason: str = "the pilot went well") -> str:
    """Return the example for this namespace and model, with requests for another version."""
    changes = {
        "modelalias-demo": stage.namespace,
        "model: churn\n": f"model: {model}\n",
        "churn-v1": f"churn-v{version}",
        'version: "1"': f'version: "{version}"',
        "the pilot went well": reason,
    }
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _promote(team: Stage, text: str, version: str) -> tuple[Object, Object]:
    """Take a version through both stages as ana and bo do, and return how both requests ended."""
    team.kubectl("apply", "-f", "-", "-l", "step=staging", stdin=text, who=ANA)
    staged = team.complete(f"churn-v{version}-to-staging")
    team.kubectl("apply", "-f", "-", "-l", "step=production", stdin=text, who=ANA)
    name = f"churn-v{version}-to-production"
    team.reaches(name, "AwaitingApproval")
    team.approve(name, BO)
    return staged, team.complete(name)


def _archived(seeded: Seeding) -> set[str]:
    """Return the versions that were in production, as the example says to find them."""
    wanted = f"name = '{seeded.model}' AND tags.`modelalias.production` LIKE '%\"archived\"%'"
    return {str(item.version) for item in seeded.client.search_model_versions(wanted)}


def _record(seeded: Seeding, version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(seeded.tags(version)["modelalias.production"])
    return found


def _is_recent(moment: str) -> bool:
    return abs(datetime.now(tz=UTC) - datetime.fromisoformat(moment)) < LONGEST_TEST


def test_a_version_goes_from_none_to_archived_and_back_and_each_move_is_on_record(
    team: Stage, seeded: Seeding
) -> None:
    for auc in (0.8, 0.85):
        seeded.version(val_auc=auc)
    first, second = _example(team, seeded.model), _example(team, seeded.model, "2", "better on new customers")
    team.kubectl("apply", "-f", "-", "-l", "step=aliases", stdin=first)
    team.kubectl("wait", "--for=condition=IdentityProved", f"modelalias/{PRODUCTION}", "--timeout=60s")

    none = seeded.aliases()
    team.kubectl(
        "apply", "-f", "-", "-l", "step=production", stdin=second.replace("churn-v2", "too-early"), who=ANA
    )
    too_early = team.complete("too-early-to-production")
    staged, produced = _promote(team, first, "1")
    in_production = seeded.aliases(), _archived(seeded)
    _promote(team, second, "2")
    replaced = seeded.aliases(), _archived(seeded)
    back = {"operation": "Rollback", "source": {"previous": True}, "reason": "complaints"}
    team.request("back", PRODUCTION, who=ANA, **back)
    gone_back = team.complete("back")

    assert none == {}
    assert condition(too_early, "Complete") == ("True", "NotEligible")
    assert (staged["phase"], produced["phase"]) == ("Succeeded", "Succeeded")
    assert in_production == ({"staging": "1", "production": "1"}, set())
    assert replaced == ({"staging": "2", "production": "2", "prev-production": "1"}, {"1"})
    assert (gone_back["phase"], seeded.aliases()["production"], _archived(seeded)) == (
        "Succeeded",
        "1",
        {"2"},
    )
    status = team.status("modelalias", PRODUCTION)
    ledger = [
        (item.get("from"), item["to"], item["actor"], item["approvers"], item["reason"], item["request"])
        for item in status["history"]
    ]
    assert ledger == [
        (None, "1", "ana", ["bo"], "the pilot went well", "churn-v1-to-production"),
        ("1", "2", "ana", ["bo"], "better on new customers", "churn-v2-to-production"),
        ("2", "1", "ana", [], "complaints", "back"),
    ]
    assert all(_is_recent(item["at"]) for item in status["history"])


def test_what_is_written_on_the_versions_and_told_in_events_names_everybody(
    team: Stage, seeded: Seeding
) -> None:
    for auc in (0.8, 0.85):
        seeded.version(val_auc=auc)
    first, second = _example(team, seeded.model), _example(team, seeded.model, "2", "better on new customers")
    team.kubectl("apply", "-f", "-", "-l", "step=aliases", stdin=first)
    team.kubectl("wait", "--for=condition=IdentityProved", f"modelalias/{PRODUCTION}", "--timeout=60s")

    _promote(team, first, "1")
    _promote(team, second, "2")
    new, old = _record(seeded, "2"), _record(seeded, "1")
    asked = (
        f"{seeded.model}@production: Promote from 1 to 2 Succeeded (PromotionRequest churn-v2-to-production"
    )
    told = f"PromoteSucceeded: {asked}, by ana, approved by bo): better on new customers"
    team.announces(PRODUCTION, told)

    assert {key: new[key] for key in ("operation", "from", "by", "approvers", "reason", "request")} == {
        "operation": "Promote",
        "from": "1",
        "by": "ana",
        "approvers": ["bo"],
        "reason": "better on new customers",
        "request": "churn-v2-to-production",
    }
    archived = old.pop("archived")
    assert {key: archived[key] for key in ("replacedBy", "operation", "by", "reason", "request")} == {
        "replacedBy": "2",
        "operation": "Promote",
        "by": "ana",
        "reason": "better on new customers",
        "request": "churn-v2-to-production",
    }
    assert (old["by"], old["approvers"], old["reason"]) == ("ana", ["bo"], "the pilot went well")
    assert all(_is_recent(moment) for moment in (new["at"], archived["at"], old["at"]))
