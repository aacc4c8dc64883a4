"""What people see of an alias on the real API server, with the rights that `view` gives them.

eve   view               looks
zoe   no role at all     is signed in
"""

from typing import Final

import pytest

from tests.support.kube_api import Person
from tests.support.stage import Stage
from tests.support.terminal import Terminal

EVE, ZOE = Person("eve"), Person("zoe")
ALIAS: Final = "churn-champion"
IMAGE: Final = "localhost/nobody-runs-this:1"
LOAD: Final = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}


@pytest.fixture
def team(stage: Stage) -> Stage:
    """A namespace with an alias, of which no operator knows, and the workload that serves it."""
    stage.bind({EVE: "view"})
    stage.deployment("churn-api", IMAGE, replicas=2, env={"MODEL_URI": "models:/churn/4"})
    serving = [
        {"kind": "Deployment", "name": "churn-api", "load": LOAD},
        {"kind": "Deployment", "name": "gone"},
    ]
    stage.apply("ModelAlias", ALIAS, {"model": "churn", "alias": "champion", "serving": serving})
    stage.until(
        "deployment", "churn-api", lambda it: it.get("status", {}).get("replicas") == 2, "its pods are made"
    )
    return stage


@pytest.fixture
def terminal(team: Stage) -> Terminal:
    return Terminal(team)


def test_who_may_view_sees_the_pods(terminal: Terminal) -> None:
    shown = terminal.type("serving", ALIAS, who=EVE)

    assert (shown.returncode, shown.stderr) == (0, "")
    rows = [line.split() for line in shown.stdout.splitlines() if line.startswith("Deployment/churn-api ")]
    assert [(row[0], row[2]) for row in rows] == [("Deployment/churn-api", "4")] * 2
    assert len({row[1] for row in rows}) == 2
    assert "Deployment/gone: there is no such workload" in shown.stdout


def test_who_may_not_list_pods_is_told_which_right_is_missing(team: Stage, terminal: Terminal) -> None:
    for name, verbs, resource in (
        ("a", "get", "modelaliases.modelalias.dev"),
        ("d", "get", "deployments.apps"),
    ):
        team.kubectl("create", "role", f"zoe-{name}", f"--verb={verbs}", f"--resource={resource}")
        team.kubectl("create", "rolebinding", f"zoe-{name}", f"--role=zoe-{name}", "--user=zoe")

    shown = terminal.type("serving", ALIAS, who=ZOE)

    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr == (
        f"modelalias: may not list pods in namespace {team.namespace}: none of your roles grants it\n"
    )


def test_status_and_explain_take_the_name_of_an_alias(terminal: Terminal) -> None:
    status, explained = (terminal.type(command, ALIAS, who=EVE) for command in ("status", "explain"))

    assert "ModelAlias churn-champion: churn@champion\nNo status yet" in status.stdout
    assert explained.stdout.startswith("The operator has not looked at ModelAlias churn-champion yet")


def test_whoever_is_signed_in_may_read_the_heartbeat_and_no_other_lease(team: Stage) -> None:
    def may(verb: str, what: str) -> str:
        asked = ("auth", "can-i", verb, what, "--namespace=modelalias-system")
        return team.kubectl(*asked, who=ZOE, check=False).splitlines()[0]

    assert may("get", "leases/modelalias-operator") == "yes"
    assert {may(verb, "leases") for verb in ("get", "list", "watch", "patch")} == {"no"}


def test_requests_are_found_by_their_alias(team: Stage) -> None:
    for name, alias in (("mine", ALIAS), ("other", "another")):
        team.request(name, alias, source={"version": "4"})

    found = team.kubectl("get", "mpr", "-o", "name", "--field-selector", f"spec.aliasRef.name={ALIAS}")

    assert found.split() == ["promotionrequest.modelalias.dev/mine"]
    assert team.get("promotionrequest", "mine")["status"] == {"observedGeneration": -1}
