"""Listing, following, asking again and examining on the real API server, with the shipped roles and the operator.

ana        edit           files requests
eve        view           looks
zoe        no role        is signed in
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support.kube_api import Person
from tests.support.seeding import Seeding
from tests.support.stage import Stage
from tests.support.terminal import ANA, Terminal
from tests.support.typed import PROGRAM

EVE, ZOE = Person("eve"), Person("zoe")
ALIAS: Final = "churn-champion"
GATE: Final = {"name": "auc", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.75}


@pytest.fixture
def team(stage: Stage) -> Stage:
    stage.bind({ANA: "edit", EVE: "view"})
    return stage


@pytest.fixture
def terminal(team: Stage) -> Terminal:
    return Terminal(team)


@pytest.fixture
def followed(terminal: Terminal) -> Iterator[subprocess.Popen[str]]:
    """Somebody who follows the requests of the alias."""
    process = terminal.process("list", "requests", "--alias", ALIAS, "-w", who=EVE)
    yield process
    process.kill()
    process.wait()


def _own(stage: Stage, model: Seeding) -> None:
    spec: dict[str, Any] = {"model": model.model, "alias": "champion", "policy": {"gates": [GATE]}}
    stage.apply("ModelAlias", ALIAS, spec)
    stage.kubectl("label", "malias", ALIAS, "team=risk")
    stage.kubectl("wait", "--for=condition=RegistryReachable", f"modelalias/{ALIAS}", "--timeout=60s")


@pytest.mark.usefixtures("shared_operator")
def test_who_looks_sees_what_was_asked_and_what_became_of_it(
    team: Stage, terminal: Terminal, seeded: Seeding, followed: subprocess.Popen[str]
) -> None:
    for auc in (0.8, 0.7):
        seeded.version(val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    _own(team, seeded)

    filed = terminal.type("promote", ALIAS, "--version", "2", "--reason", "new", "--name", "go", "--wait")
    seen = ""
    while "Rejected" not in seen:
        assert followed.stdout is not None
        line = followed.stdout.readline()
        assert line, followed.communicate()
        seen += line
    followed.send_signal(signal.SIGINT)
    followed.communicate(timeout=60)
    shown = {
        name: terminal.start(*words, who=EVE)
        for name, words in {
            "aliases": ("list", "-l", "team=risk", "-o", "wide"),
            "others": ("list", "-l", "team!=risk"),
            "requests": ("list", "requests", "-o", "json"),
            "told": ("events", ALIAS),
            "of request": ("events", "request/go", "-o", "json"),
            "examined": ("doctor", "-o", "json"),
        }.items()
    }
    done = {name: command.finished() for name, command in shown.items()}
    not_mine = terminal.type("retry", "go", who=EVE)
    again = terminal.type("retry", "go", "--wait")
    second = next(
        item["metadata"]["name"] for item in team.all("promotionrequest") if item["metadata"]["name"] != "go"
    )
    third = terminal.type("retry", second, "--dry-run")

    assert filed.returncode == 1, filed
    assert (followed.returncode, seen.splitlines()[0].split()[:2]) == (130, ["NAME", "ALIAS"]), seen
    examined = json.loads(done.pop("examined").stdout)  # its status is about an operator elsewhere
    assert {item.returncode for item in done.values()} == {0}, done
    row = done["aliases"].stdout.splitlines()[1].split()
    assert [*row[:3], *row[4:6]] == [ALIAS, f"{seeded.model}@champion", "1", "-", "Ready"]
    assert (done["others"].stdout, "there are no ModelAliases" in done["others"].stderr) == ("", True)
    requests = json.loads(done["requests"].stdout)
    assert [(item["request"], item["phase"]) for item in requests] == [("go", "Rejected")]
    told = [line.split() for line in done["told"].stdout.splitlines()]
    assert {"ModelAlias/churn-champion", "PromotionRequest/go"} >= {row[3] for row in told[1:]}
    assert told[-1][1:4] == ["Warning", "Rejected", "PromotionRequest/go"], told
    assert json.loads(done["of request"].stdout)[-1]["annotations"]["outcome"] == "Rejected"
    checks = {item["name"]: item["state"] for item in examined["checks"]}
    assert checks["CRD ModelAlias"] == "ok"
    assert checks["registry default"] == "ok"
    assert checks["ValidatingAdmissionPolicy modelaliases.modelalias.dev"] == "unknown"
    assert "may not create promotionrequests" in not_mine.stderr
    assert again.returncode == 1, again
    assert team.get("promotionrequest", second)["spec"]["reason"] == "new; retry of go"
    assert "generateName: go-retry-" in third.stdout
    assert f"reason: new; retry of {second}" in third.stdout


def test_the_doctor_says_what_is_missing_and_who_may_not_look(terminal: Terminal) -> None:
    blind, whole = (terminal.type("doctor", "-o", "json", who=who) for who in (ZOE, None))

    shown = [{item["name"]: item for item in json.loads(it.stdout)["checks"]} for it in (blind, whole)]
    assert (blind.returncode, shown[0]["rights"]["state"]) == (1, "missing"), blind
    assert shown[0]["you"]["message"].startswith("zoe, in ")
    assert shown[0]["CRD PromotionRequest"]["state"] == "ok"
    assert "none of your roles grants it" in shown[0]["registry"]["message"]
    policies = {name: item["state"] for name, item in shown[1].items() if "AdmissionPolicy" in name}
    assert len(policies) == 6
    assert set(policies.values()) == {"ok"}, shown[1]
    assert "skip gates" in shown[1]["rights"]["message"].partition("; not")[0]


def test_kubectl_completes_names(team: Stage) -> None:
    for name in ("churn-champion", "churn-staging"):
        team.apply("ModelAlias", name, {"model": "churn", "alias": name.removeprefix("churn-")})
    place = ("--kubeconfig", team.kubeconfig, "-n", team.namespace)

    # kubectl itself starts what completes its plugin
    done = subprocess.run(
        ["kubectl", "__complete", "modelalias", "explain", *place, "churn-s"],
        env={**os.environ, "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout == "churn-staging\n:4\n", done
