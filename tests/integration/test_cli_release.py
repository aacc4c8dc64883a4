"""`release` and `ack` on the real API server, with the shipped policies and roles; the test writes the statuses.

cy     modelalias-alias-owner    may say both
eve    view                      looks
pat    edit                      has the verb, and may not patch a ModelAlias
"""

import shlex
from collections.abc import Mapping
from typing import Any, Final

import pytest

from modelalias.api.metadata import ACKNOWLEDGE_DRIFT, RELEASE_HOLD
from tests.support.kube_api import GROUP, KubeApi, Person
from tests.support.stage import Stage
from tests.support.terminal import Terminal

CY, EVE, PAT = Person("cy"), Person("eve"), Person("pat")
ALIAS: Final = "churn-champion"
AT: Final = "2026-01-01T00:00:00Z"
HOLD: Final = {"reason": "RolledBack", "request": "churn-v4", "since": AT}


class Told:
    """ModelAliases of which the test says how they stand, as the operator would."""

    def __init__(self, api: KubeApi, stage: Stage) -> None:
        self._api, self._stage = api, stage

    def make(self, name: str, drift: str = "Restore", **status: Any) -> None:
        self._stage.apply("ModelAlias", name, {"model": "churn", "alias": name, "drift": drift}, who=CY)
        self.say(name, **status)

    def say(self, name: str, **status: Any) -> None:
        path = f"{GROUP}/namespaces/{self._stage.namespace}/modelaliases/{name}/status"
        answer = self._api.merge(path, {"status": status})
        assert answer.ok, answer.message

    def annotation(self, name: str, key: str) -> str | None:
        found: Mapping[str, Any] = self._stage.get("modelalias", name)
        text: str | None = found["metadata"].get("annotations", {}).get(key)
        return text

    def once_annotated(self, name: str, key: str, **status: Any) -> None:
        """Wait until it is said, and say what became of it."""
        self._stage.until(
            "modelalias", name, lambda it: key in it["metadata"].get("annotations", {}), "it is said"
        )
        self.say(name, **status)


@pytest.fixture
def team(stage: Stage) -> Stage:
    stage.bind({CY: "modelalias-alias-owner", EVE: "view", PAT: "edit"})
    return stage


@pytest.fixture
def terminal(team: Stage) -> Terminal:
    return Terminal(team)


@pytest.fixture
def aliases(kube_api: KubeApi, team: Stage) -> Told:
    return Told(kube_api, team)


def _drifts(observed: str = "4", current: str = "3") -> Mapping[str, Any]:
    synced = observed == current
    condition = {
        "type": "InSync",
        "status": str(synced),
        "reason": "InSync" if synced else "MassDrift",
        "message": "",
        "lastTransitionTime": AT,
    }
    return {
        "current": {"version": current, "since": AT},
        "observed": {"version": observed, "at": AT, "epoch": 1},
        "conditions": [condition],
    }


def test_a_hold_is_released_in_the_name_of_who_typed_it(terminal: Terminal, aliases: Told) -> None:
    aliases.make(ALIAS, hold=HOLD)

    typed = terminal.start("release", ALIAS, who=CY)
    aliases.once_annotated(ALIAS, RELEASE_HOLD, hold=None)
    done = typed.finished()
    again = terminal.type("release", ALIAS, who=EVE)

    assert (done.returncode, done.stdout) == (
        0,
        f"{ALIAS}: the hold since {AT} (RolledBack) has ended\n",
    ), done
    assert done.stderr == f"{ALIAS}: release of the hold since {AT} (RolledBack) asked for by cy\n"
    assert aliases.annotation(ALIAS, RELEASE_HOLD) == f"{AT} cy"
    assert (again.returncode, again.stdout) == (0, f"{ALIAS}: there is no hold\n")


def test_what_is_printed_is_what_kubectl_writes(team: Stage, terminal: Terminal, aliases: Told) -> None:
    aliases.make(ALIAS, hold=HOLD, **_drifts())

    for command, key, value in (
        (("release", ALIAS), RELEASE_HOLD, f"{AT} cy"),
        (("ack", "--all"), ACKNOWLEDGE_DRIFT, "4@1 cy"),
    ):
        printed = terminal.type(*command, "--dry-run", who=CY)
        before = aliases.annotation(ALIAS, key)
        program, *words = shlex.split(printed.stdout)
        team.kubectl(*words, who=CY)

        assert (printed.returncode, program, before) == (0, "kubectl", None), printed
        assert aliases.annotation(ALIAS, key) == value


def test_nobody_says_it_for_another_or_without_the_right(
    team: Stage, terminal: Terminal, aliases: Told
) -> None:
    aliases.make(ALIAS, hold=HOLD, **_drifts())

    words = shlex.split(terminal.type("release", ALIAS, "--dry-run", who=EVE).stdout)[1:]
    forged = team.kubectl(*words, who=CY, check=False)
    by_who_looks = terminal.type("release", ALIAS, who=EVE)
    by_who_edits = terminal.type("ack", ALIAS, who=PAT)

    assert "one word, then a space and your user name: cy" in forged
    assert by_who_looks.returncode == by_who_edits.returncode == 2
    assert "modelalias: may not patch modelaliases.modelalias.dev" in by_who_looks.stderr
    assert f"modelalias: {ALIAS}: may not patch modelaliases.modelalias.dev" in by_who_edits.stderr
    assert aliases.annotation(ALIAS, RELEASE_HOLD) is None
    assert aliases.annotation(ALIAS, ACKNOWLEDGE_DRIFT) is None


def test_all_that_drift_at_once_are_acknowledged_and_no_other(terminal: Terminal, aliases: Told) -> None:
    aliases.make("a-restored", **_drifts())
    aliases.make("b-adopted", "Adopt", **_drifts())
    aliases.make("c-in-sync", **_drifts("3"))

    typed = terminal.start("ack", "--all", who=CY)
    aliases.once_annotated("a-restored", ACKNOWLEDGE_DRIFT, **_drifts("3"))
    aliases.once_annotated("b-adopted", ACKNOWLEDGE_DRIFT, **_drifts("4", "4"))
    done = typed.finished()
    none_left = terminal.type("ack", "--all", who=CY)

    assert done.returncode == 0, done
    assert done.stdout.splitlines() == [
        "a-restored: restored: churn@a-restored is version 3",
        "b-adopted: adopted: churn@b-adopted is version 4",
    ]
    assert done.stderr.splitlines() == [
        "a-restored: version 4 in place of version 3 acknowledged by cy: it will be restored",
        "b-adopted: version 4 in place of version 3 acknowledged by cy: it will be adopted",
    ]
    assert aliases.annotation("c-in-sync", ACKNOWLEDGE_DRIFT) is None
    assert none_left.returncode == 0
    assert none_left.stdout.endswith("has MassDrift\n")
