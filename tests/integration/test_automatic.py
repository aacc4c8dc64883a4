"""What the operator does by itself, on a real API server and a real MLflow, with the rights that are shipped.

ana   edit     promotes, rolls back, releases
"""

from typing import Any

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.kube_api import Person
from tests.support.operator_account import HOME, NAME
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition

ANA = Person("ana")
OPERATOR = f"system:serviceaccount:{HOME}:{NAME}"
ALIAS = "churn-champion"
MARK = f"modelalias.dev/{ALIAS}"
GATE = {"name": "auc-floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.7}

pytestmark = pytest.mark.usefixtures("shared_operator")


@pytest.fixture
def team(stage: Stage) -> Stage:
    stage.bind({ANA: "edit"})
    return stage


def _alias(stage: Stage, seeded: Seeding, **spec: Any) -> None:
    common = {"model": seeded.model, "alias": "champion", "serving": [{"name": "churn-api"}]}
    stage.apply("ModelAlias", ALIAS, {**common, **spec})


def _promoted(stage: Stage, seeded: Seeding, **spec: Any) -> None:
    """Promote version 1, and then version 2."""
    for value in (0.8, 0.9, 0.6):
        seeded.version(val_auc=value)
    stage.deployment("churn-api", IMAGE, replicas=0)
    _alias(stage, seeded, **spec)
    for version in ("1", "2"):
        stage.request(f"go-{version}", ALIAS, who=ANA, source={"version": version})
        assert stage.complete(f"go-{version}")["phase"] == "Succeeded"


def _last(found: Object) -> tuple[Any, ...]:
    entry = (found.get("status", {}).get("history") or [{}])[-1]
    return tuple(entry.get(name) for name in ("operation", "found", "to", "outcome", "actor"))


def _decided(stage: Stage, version: str, phase: str, seconds: float = 60) -> Object:
    """Wait until the operator has filed a request for a version, and that has come to a phase."""
    name = f"{ALIAS}-auto-{version}"

    def is_filed(found: Object) -> bool:
        """Return whether the status names it, or did: a move that has ended is told by the history alone."""
        status = found["status"]
        named = {item.get("request") for item in (status.get("autoPromote", {}), *status.get("history", ()))}
        return name in named

    stage.until("modelalias", ALIAS, is_filed, f"a request for version {version} is filed", seconds)
    stage.appears("promotionrequest", name)  # which is told of a moment before
    return stage.until(
        "promotionrequest", name, lambda it: it.get("status", {}).get("phase") == phase, f"it is {phase}"
    )


def _mark(stage: Stage) -> str:
    template = stage.get("deployment", "churn-api")["spec"]["template"]
    return str(template["metadata"]["annotations"][MARK])


def test_an_alias_that_somebody_moved_is_set_back(team: Stage, seeded: Seeding) -> None:
    _promoted(team, seeded, drift="Restore")
    mark = _mark(team)

    seeded.client.set_registered_model_alias(seeded.model, "champion", "3")
    expected = ("Restore", "3", "2", "Succeeded", OPERATOR)
    team.until("modelalias", ALIAS, lambda it: _last(it) == expected, "it is set back")

    assert seeded.aliases() == {"champion": "2"}
    assert _mark(team) == mark
    ready = team.until(
        "modelalias",
        ALIAS,
        lambda it: condition(it["status"], "InSync") == ("True", "InSync"),
        "it is in sync",
    )
    assert ready["status"]["current"]["request"] == "go-2"


def test_what_somebody_moved_it_to_is_taken_over(team: Stage, seeded: Seeding) -> None:
    _promoted(team, seeded, drift="Adopt", previousAlias="prev")

    seeded.client.set_registered_model_alias(seeded.model, "champion", "3")
    expected = ("Adopt", "3", "3", "Succeeded", OPERATOR)
    team.until("modelalias", ALIAS, lambda it: _last(it) == expected, "it is taken over")

    assert seeded.aliases() == {"champion": "3", "prev": "2"}
    assert _mark(team).partition(".")[0] == "3"


def test_a_challenger_is_promoted_by_itself_once_and_a_hold_stops_that(team: Stage, seeded: Seeding) -> None:
    auto = {"fromAlias": "challenger", "deleteSourceAlias": True}
    _promoted(team, seeded, policy={"gates": [GATE], "autoPromote": auto})

    seeded.client.set_registered_model_alias(seeded.model, "challenger", "3")
    refused = _decided(team, "3", "Rejected")
    assert refused["spec"]["requestedBy"] == OPERATOR
    assert refused["status"]["gates"][0]["result"] == "Failed"

    better = seeded.version(val_auc=0.95)
    seeded.client.set_registered_model_alias(seeded.model, "challenger", better)
    _decided(team, better, "Succeeded")
    assert seeded.aliases() == {"champion": better}

    team.request("back", ALIAS, who=ANA, operation="Rollback", source={"version": "2"}, reason="complaints")
    assert team.complete("back")["phase"] == "Succeeded"
    best = seeded.version(val_auc=0.97)
    seeded.client.set_registered_model_alias(seeded.model, "challenger", best)
    held = team.until(
        "modelalias",
        ALIAS,
        lambda it: "on hold" in it["status"].get("autoPromote", {}).get("message", ""),
        "it waits for a person",
    )

    since = held["status"]["hold"]["since"]
    team.kubectl("annotate", "modelalias", ALIAS, f"modelalias.dev/release-hold={since} {team.user}")
    _decided(team, best, "Succeeded")
    assert seeded.aliases() == {"champion": best}
    team.announces(ALIAS, "HoldReleased: ")


def test_every_training_run_with_the_tags_is_a_candidate(team: Stage, seeded: Seeding) -> None:
    auto = {"fromVersions": {"tags": {"trained_by": "ci"}}}
    _promoted(team, seeded, policy={"gates": [GATE], "autoPromote": auto})

    better = seeded.version(val_auc=0.95, tags={"trained_by": "ci"})

    _decided(team, better, "Succeeded", 120)
    assert seeded.aliases() == {"champion": better}
