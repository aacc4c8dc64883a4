"""Suspending, resuming and going back from the command line, on the real API server with the operator at work.

cy     modelalias-alias-owner    suspends and resumes
ana    edit                      promotes and goes back
"""

from typing import Final

import pytest

from tests.support.kube_api import Person
from tests.support.seeding import Seeding
from tests.support.stage import Stage
from tests.support.terminal import ANA, Terminal

CY: Final = Person("cy")
ALIAS: Final = "churn-champion"
WAIT: Final = ("--wait", "--timeout", "60s")

pytestmark = pytest.mark.usefixtures("shared_operator")


@pytest.fixture
def team(stage: Stage, seeded: Seeding) -> Stage:
    """Three versions, the first of which is champion."""
    stage.bind({CY: "modelalias-alias-owner", ANA: "edit"})
    for auc in (0.8, 0.85, 0.9):
        seeded.version(val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion"}, who=CY)
    stage.kubectl("wait", "--for=condition=Ready", f"modelalias/{ALIAS}", "--timeout=60s")
    return stage


def test_what_is_suspended_waits_until_it_is_resumed(team: Stage, seeded: Seeding) -> None:
    terminal = Terminal(team)

    suspended = terminal.type("suspend", ALIAS, who=CY)
    again = terminal.type("suspend", ALIAS, who=CY)
    not_hers = terminal.type("resume", ALIAS, who=ANA)
    filed = terminal.type("promote", ALIAS, "--version", "2", "-o", "name", who=ANA)
    name = filed.stdout.strip()
    waits = team.until(
        "promotionrequest",
        name,
        lambda it: "suspended" in it.get("status", {}).get("explanation", ""),
        "it waits for the alias to be resumed",
    )
    resumed = terminal.type("resume", ALIAS, who=CY)
    ended = team.complete(name)

    assert suspended.stdout == f"{ALIAS}: suspended\n", suspended
    assert again.stdout == f"{ALIAS}: suspended already\n"
    assert (not_hers.returncode, not_hers.stderr.count("\n")) == (2, 1), not_hers
    assert "modelalias: may not patch modelaliases.modelalias.dev" in not_hers.stderr
    assert f"to go on: modelalias resume {ALIAS} -n {team.namespace}" in waits["status"]["explanation"]
    assert resumed.stdout == f"{ALIAS}: resumed\n", resumed
    assert ended["phase"] == "Succeeded"
    assert "suspend" not in team.get("modelalias", ALIAS)["spec"]
    assert seeded.aliases() == {"champion": "2"}


def test_one_goes_back_to_the_version_before_and_to_one_by_its_number(team: Stage, seeded: Seeding) -> None:
    terminal = Terminal(team)
    for version in ("2", "3"):
        terminal.type("promote", ALIAS, "--version", version, "--wait", who=ANA)

    back = terminal.type("undo", ALIAS, "-m", "3 is slow", *WAIT, who=ANA)
    at_2 = seeded.aliases()
    further = terminal.type("rollback", ALIAS, "--to-version", "1", "-m", "so is 2", *WAIT, who=ANA)
    never = terminal.type("rollback", ALIAS, "--to-version", "7", "-m", "try", *WAIT, who=ANA)

    assert (back.returncode, at_2) == (0, {"champion": "2"}), back
    assert (further.returncode, seeded.aliases()) == (0, {"champion": "1"}), further
    assert never.returncode == 1, never
    moves = [(item["operation"], item["to"]) for item in team.status("modelalias", ALIAS)["history"]]
    assert moves[-2:] == [("Rollback", "2"), ("Rollback", "1")]
