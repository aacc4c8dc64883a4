"""Pins from the command line on the real API server, with the shipped policies and roles, and the operator at work.

cy     modelalias-alias-owner    pins
otto   the same                  pins as well
eve    view                      looks
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from modelalias.api.metadata import PINNED_BY
from tests.support.kube_api import Person
from tests.support.seeding import Seeding
from tests.support.stage import Stage
from tests.support.terminal import Terminal

CY, OTTO, EVE = Person("cy"), Person("otto"), Person("eve")
ALIAS: Final = "churn-champion"
GATE: Final = {"name": "auc", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.85}
WAIT: Final = ("--wait", "--timeout", "60s")


@pytest.fixture
def team(stage: Stage) -> Stage:
    stage.bind({CY: "modelalias-alias-owner", OTTO: "modelalias-alias-owner", EVE: "view"})
    return stage


@pytest.fixture
def terminal(team: Stage) -> Terminal:
    return Terminal(team)


@pytest.fixture
def model(seeded: Seeding, team: Stage) -> Seeding:
    """A champion, a better and a worse version, and the ModelAlias for them, which cy made."""
    for auc in (0.8, 0.9, 0.7):
        seeded.version(val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    team.apply("ModelAlias", ALIAS, _spec(seeded), who=CY)
    team.kubectl("wait", "--for=condition=Ready", f"modelalias/{ALIAS}", "--timeout=60s")
    return seeded


def _spec(model: Seeding, **policy: Any) -> dict[str, Any]:
    return {"model": model.model, "alias": "champion", "policy": {"gates": [GATE], **policy}}


def _last(stage: Stage) -> tuple[str, str, str]:
    """Return the newest entry of the history: where to, who, why."""
    entry = stage.status("modelalias", ALIAS)["history"][-1]
    return entry["to"], entry.get("actor", ""), entry["reason"]


@pytest.mark.usefixtures("shared_operator")
def test_a_pin_is_carried_out_and_recorded_in_the_name_of_who_typed_it(
    team: Stage, terminal: Terminal, model: Seeding
) -> None:
    pinned = terminal.type("pin", ALIAS, "2", *WAIT, who=CY)
    again = terminal.type("pin", ALIAS, "2", who=OTTO)
    history = terminal.type("history", ALIAS, who=EVE)
    moved = terminal.type("pin", ALIAS, "3", *WAIT, who=OTTO)
    unpinned = terminal.type("unpin", ALIAS, who=CY)
    free = terminal.type("unpin", ALIAS, who=CY)
    stored = team.get("modelalias", ALIAS)

    assert pinned.returncode == 0, pinned
    assert pinned.stdout == f"{model.model}@champion is version 2\n"
    assert pinned.stderr.splitlines()[0] == f"{ALIAS}: pinned to version 2 by cy"
    assert (again.returncode, again.stdout) == (0, f"{ALIAS}: pinned to version 2 by cy already\n")
    assert history.stdout.splitlines()[1].split()[1:6] == ["Pin", "1", "2", "Succeeded", "cy"]
    assert moved.returncode == 0, moved
    assert _last(team) == ("3", "otto", "spec.version was set to 3")
    assert unpinned.stdout == f"{ALIAS}: was pinned to version 3 by otto, now not pinned\n"
    assert free.stdout == f"{ALIAS}: not pinned\n"
    assert "version" not in stored["spec"]
    assert PINNED_BY not in stored["metadata"].get("annotations", {})
    assert model.aliases() == {"champion": "3"}


@pytest.mark.usefixtures("shared_operator")
def test_a_gated_pin_that_is_refused_says_the_verdict(
    team: Stage, terminal: Terminal, model: Seeding
) -> None:
    team.apply("ModelAlias", ALIAS, _spec(model, pins="Gated"), who=CY)

    refused = terminal.type("pin", ALIAS, "3", *WAIT, who=CY)
    passed = terminal.type("pin", ALIAS, "2", *WAIT, who=CY)

    assert refused.returncode == 1, refused
    assert "auc    Failed   0.7         -          >= 0.85" in refused.stdout
    assert refused.stdout.splitlines()[-1] == (
        "the pin of version 3 is refused: gate auc: val_auc 0.7 is not >= 0.85, short by 0.15"
    )
    assert passed.returncode == 0, passed
    assert "auc    Passed" in passed.stdout
    assert model.aliases() == {"champion": "2"}


@pytest.mark.usefixtures("shared_operator")
def test_kubectl_signs_as_well_and_nobody_signs_for_another(
    team: Stage, terminal: Terminal, model: Seeding
) -> None:
    patch = ("patch", "modelalias", ALIAS, "--type=merge", "-p")
    forged = {"metadata": {"annotations": {PINNED_BY: "bo"}}, "spec": {"version": "2"}}

    refused = team.kubectl(*patch, json.dumps(forged), who=CY, check=False)
    team.kubectl(*patch, '{"spec":{"version":"2"}}', who=CY)
    team.until(
        "modelalias", ALIAS, lambda it: it["status"]["current"]["version"] == "2", "the pin is carried out"
    )

    assert "must be your user name, cy, or be left out, when spec.version is changed" in refused
    assert _last(team) == ("2", "cy", "spec.version was set to 2")
    assert model.aliases() == {"champion": "2"}
    looked = terminal.type("pin", ALIAS, "3", who=EVE)
    assert (looked.returncode, looked.stderr.count("\n")) == (2, 1), looked
    assert "modelalias: may not patch modelaliases.modelalias.dev" in looked.stderr


@pytest.mark.usefixtures("shared_operator", "model")
def test_an_edit_that_was_printed_is_carried_out_by_kubectl_while_the_pin_is_what_it_was(
    team: Stage, terminal: Terminal, tmp_path: Path
) -> None:
    printed = terminal.type("pin", ALIAS, "2", "--dry-run", who=CY)
    file = tmp_path / "edit.yaml"
    file.write_text(printed.stdout)
    patch = ("patch", "modelalias", ALIAS, "--type=json", f"--patch-file={file}")
    before = team.get("modelalias", ALIAS)["spec"]

    team.kubectl(*patch, who=CY)
    repeated = team.kubectl(*patch, who=CY, check=False)

    assert "version" not in before
    assert team.get("modelalias", ALIAS)["spec"]["version"] == "2"
    assert "the server rejected our request" in repeated
