"""The commands of people on the real API server, with the shipped policy and roles, and the operator at work.

ana        edit                             files requests
bo, cy     modelalias-approver, ml-leads    approve
eve        view                             looks
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.support.kube_api import Person
from tests.support.operator_process import OperatorProcess
from tests.support.seeding import Seeding
from tests.support.stage import Stage
from tests.support.terminal import ANA, Terminal
from tests.support.typed import PROGRAM, Done

EVE = Person("eve")
BO, CY = (Person(name, ("ml-leads", "staff")) for name in ("bo", "cy"))
ALIAS: Final = "churn-champion"
GATE: Final = {
    "name": "auc",
    "metric": "val_auc",
    "direction": "HigherIsBetter",
    "champion": {"minImprovement": 0.01},
}
SENTENCE: Final = "bias report read"
NEVER: Final = "24h"
"""The soak of a request that is to wait as long as a test likes."""


@pytest.fixture
def team(stage: Stage) -> Stage:
    """The stage with everybody in their role."""
    stage.bind({ANA: "edit", EVE: "view", **dict.fromkeys((BO, CY), "modelalias-approver")})
    return stage


@pytest.fixture
def terminal(team: Stage) -> Terminal:
    return Terminal(team)


@pytest.fixture
def model(seeded: Seeding) -> Seeding:
    """A champion, a better and a worse version, and one that the registry says nothing about."""
    for auc in (0.8, 0.9, 0.7):
        seeded.version(val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    return seeded


def own(stage: Stage, model: Seeding, **policy: Any) -> None:
    """Apply the ModelAlias, and wait until the operator knows that approvals are proved where it asks for
    any."""
    spec = {"model": model.model, "alias": "champion", "policy": {"gates": [GATE], **policy}}
    stage.apply("ModelAlias", ALIAS, spec)
    condition = "IdentityProved" if "approval" in policy else "RegistryReachable"
    stage.kubectl("wait", f"--for=condition={condition}", f"modelalias/{ALIAS}", "--timeout=60s")


def words(stage: Stage, name: str) -> list[str]:
    """Return who said what on a request, as it stands in the cluster."""
    return sorted(
        f"{item['user']} {item['decision']}"
        for item in stage.get("promotionrequest", name)["spec"]["approvals"]
    )


@pytest.mark.usefixtures("shared_operator")
def test_a_pipeline_promotes_and_waits_for_the_verdict(
    team: Stage, terminal: Terminal, model: Seeding
) -> None:
    own(team, model)

    rehearsed = terminal.type(
        "promote", ALIAS, "--version", "2", "--verdict-only", "--wait", "--timeout", "60s"
    )
    held = model.aliases()
    passed = terminal.type(
        "promote",
        ALIAS,
        "--version",
        "2",
        "--reason",
        "retrained",
        "--wait",
        "--timeout",
        "60s",
        "-o",
        "json",
    )
    refused = terminal.type(
        "promote", ALIAS, "--version", "3", "--name", "worse", "--wait", "--timeout", "60s"
    )
    told = json.loads(passed.stdout)
    again = terminal.type("status", told["request"], "--wait", "-o", "json", who=EVE)
    history = terminal.type("history", ALIAS, who=EVE)
    entries = json.loads(terminal.type("history", ALIAS, "-o", "json", who=EVE).stdout)

    assert (rehearsed.returncode, held) == (0, {"champion": "1"}), rehearsed
    assert "dry run: version 2 would replace 1 as champion" in rehearsed.stdout
    assert passed.returncode == 0, passed
    assert (told["phase"], told["ended"], told["succeeded"], told["version"]) == (
        "Succeeded",
        True,
        True,
        "2",
    )
    assert told["request"].startswith(f"{ALIAS}-v2-")
    assert told["gates"][0]["candidate"] == "0.9"
    assert passed.stderr.splitlines()[0] == f"request {told['request']} filed by ana"
    assert passed.stderr.splitlines()[-1].startswith("Succeeded: ")
    assert model.aliases() == {"champion": "2"}
    assert refused.returncode == 1, refused
    assert "auc    Failed   0.7         0.9        >= 0.91 (champion 0.9 + 0.01)" in refused.stdout
    assert "phase: Rejected" in refused.stdout
    assert (again.returncode, json.loads(again.stdout)) == (0, told)
    assert history.stdout.splitlines()[0].split()[:4] == ["AT", "OPERATION", "FROM", "TO"]
    assert history.stdout.splitlines()[1].split()[1:6] == ["Promote", "1", "2", "Succeeded", "ana"]
    assert (entries[0]["to"], entries[0]["request"], entries[0]["reason"]) == (
        "2",
        told["request"],
        "retrained",
    )


@pytest.mark.usefixtures("shared_operator")
def test_people_approve_what_they_see_until_there_are_enough(
    team: Stage, terminal: Terminal, model: Seeding
) -> None:
    own(
        team,
        model,
        approval={"required": "Always", "minimum": 2, "groups": ["ml-leads"], "checklist": [SENTENCE]},
    )
    filed = terminal.type("promote", ALIAS, "--version", "2", "--name", "go", "-o", "name")
    asked = team.reaches("go", "AwaitingApproval")["status"]

    without_the_verb = terminal.type("approve", "go", "--confirm-all", "--group", "system:authenticated")
    looking_only = terminal.type("approve", "go", "--confirm-all", who=EVE)
    seen = ("--evidence", asked["resolved"]["evidence"])
    unseen = terminal.type("approve", "go", "--confirm-all", who=BO)
    unconfirmed = terminal.type("approve", "go", *seen, who=BO)
    outdated = terminal.type("approve", "go", "--confirm-all", "--evidence", f"sha256:{64 * '0'}", who=BO)
    first = terminal.type("approve", "go", *seen, "--confirm", SENTENCE, "-m", "looks fine", who=BO)
    again = terminal.type("approve", "go", "--confirm-all", who=BO)
    status = terminal.type("status", "go", who=EVE)
    second = terminal.type("approve", "go", "--confirm-all", *seen, who=CY)
    ended = terminal.type("status", "go", "--wait", "--timeout", "60s")
    late = terminal.type("reject", "go", "-m", "too late", who=BO)

    assert filed.stdout == "go\n"
    for done, said in {
        "not approved: without a terminal nobody can be asked": unseen,
        "not one of group ml-leads": without_the_verb,
        "not one of group ml-leads; an approval for a group names it": looking_only,
        f"confirm each sentence of the checklist with --confirm, or all with --confirm-all: {SENTENCE}": unconfirmed,
        f"the evidence of request go has changed to {asked['resolved']['evidence']}": outdated,
        "request go has ended: Succeeded": late,
    }.items():
        assert said.returncode == 2, said
        assert done in said.stderr
        assert said.stderr.count("\n") == 1, said.stderr
    assert (first.returncode, first.stderr) == (0, ""), first
    assert first.stdout.splitlines()[0] == "request go: Promote of churn-champion, version 2, champion 1"
    assert "auc    Passed   0.9         0.8        >= 0.81 (champion 0.8 + 0.01)" in first.stdout
    assert first.stdout.splitlines()[-1] == "approved by bo"
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "already approved by bo")
    assert f"  to confirm: {SENTENCE}" in status.stdout
    assert second.stdout.splitlines()[-1] == "approved by cy"
    assert ended.returncode == 0, ended
    assert "approvals: 2 of 2, by bo, cy" in ended.stdout
    assert words(team, "go") == ["bo Approve", "cy Approve"]
    assert team.get("promotionrequest", "go")["spec"]["approvals"][0] == {
        "user": "bo",
        "group": "ml-leads",
        "decision": "Approve",
        "evidence": asked["resolved"]["evidence"],
        "checklist": [SENTENCE],
        "message": "looks fine",
    }
    assert model.aliases() == {"champion": "2"}


@pytest.mark.usefixtures("shared_operator")
def test_nobodys_word_gets_lost(team: Stage, terminal: Terminal, model: Seeding) -> None:
    """Two people press the button at once, and whoever filed the request applies the same file again."""
    own(team, model, approval={"required": "Always", "minimum": 3, "groups": ["ml-leads"]})
    team.request("go", ALIAS, who=ANA, source={"version": "2"})
    seen = team.reaches("go", "AwaitingApproval")["status"]["resolved"]["evidence"]

    at_once = [terminal.start("approve", "go", "--evidence", seen, who=who) for who in (BO, CY)]
    done = [command.finished() for command in at_once]
    team.request("go", ALIAS, who=ANA, source={"version": "2"})
    after_apply = words(team, "go")
    file = {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": "PromotionRequest",
        "metadata": {"name": "go"},
        "spec": {"aliasRef": {"name": ALIAS}, "source": {"version": "2"}, "requestedBy": "ana"},
    }
    team.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(file), who=ANA)
    after_server_side_apply = words(team, "go")
    replaced = team.kubectl("replace", "-f", "-", stdin=json.dumps(file), who=ANA, check=False)

    assert [item.returncode for item in done] == [0, 0], done
    assert after_apply == ["bo Approve", "cy Approve"]
    assert after_server_side_apply == after_apply
    assert "an approval or a rejection cannot be changed or removed" in replaced
    managers = {item["manager"] for item in _meta(team, "go", "--show-managed-fields")["managedFields"]}
    assert "modelalias-cli" in managers
    found = team.until(
        "promotionrequest", "go", lambda it: it["status"]["approvals"]["valid"] == 2, "both count"
    )
    assert found["status"]["phase"] == "AwaitingApproval"


@pytest.mark.usefixtures("shared_operator")
def test_one_word_or_an_abort_ends_a_request(team: Stage, terminal: Terminal, model: Seeding) -> None:
    own(team, model, approval={"required": "Always"})
    terminal.type("promote", ALIAS, "--version", "2", "--name", "one")
    team.reaches("one", "AwaitingApproval")

    waiting = terminal.start("status", "one", "--wait", "--timeout", "60s")
    not_theirs = terminal.type("reject", "one", "-m", "no", who=EVE)
    rejected = terminal.type("reject", "one", "-m", "not before the holidays", who=BO)
    waited = waiting.finished()
    terminal.type("promote", ALIAS, "--version", "2", "--name", "two")
    team.reaches("two", "AwaitingApproval")
    timed_out = terminal.type("status", "two", "--wait", "--timeout", "1s", who=EVE)
    stranger = terminal.type("abort", "two", who=BO)
    aborted = terminal.type("abort", "two")
    again = terminal.type("abort", "two")
    ended = terminal.type("status", "two", "--wait", "--timeout", "60s")
    late = terminal.type("abort", "one")

    may_not = f"may not patch promotionrequests.modelalias.dev in namespace {team.namespace}"
    assert not_theirs.stderr == f"modelalias: {may_not}: none of your roles grants it\n"
    assert rejected.returncode == 0, rejected
    assert waited.returncode == 1
    assert (
        waited.stderr.splitlines()[-1] == "Rejected: version 2 refused: bo declined: not before the holidays"
    )
    assert timed_out.returncode == 2
    assert timed_out.stderr.splitlines()[-1] == "timed out after 1 s: request two has not ended"
    assert "phase: AwaitingApproval" in timed_out.stdout
    assert stranger.stderr.startswith(f"modelalias: bo may not promote modelaliases/{ALIAS}: ask for")
    assert aborted.stdout == "request two: abort requested\n"
    assert again.returncode == 0
    assert ended.returncode == 1
    assert "phase: Aborted" in ended.stdout
    assert late.stderr.startswith("modelalias: request one has ended: Rejected, ")
    assert model.aliases() == {"champion": "1"}


@pytest.mark.usefixtures("shared_operator")
def test_a_request_that_is_deleted_meanwhile_is_an_end(
    team: Stage, terminal: Terminal, model: Seeding
) -> None:
    own(team, model, approval={"required": "Always"})
    waiting = terminal.start("promote", ALIAS, "--version", "2", "--name", "go", "--wait", "--timeout", "60s")
    team.until(
        "modelalias",
        ALIAS,
        lambda _: "go" in team.kubectl("get", "promotionrequests", "-o", "name"),
        "it is filed",
    )

    team.reaches("go", "AwaitingApproval")
    team.kubectl("delete", "promotionrequest", "go", who=ANA)
    waited = waiting.finished()

    assert waited.returncode == 1, waited
    assert waited.stderr.splitlines()[-1] == "request go was deleted"


@pytest.mark.usefixtures("shared_operator")
def test_what_a_dry_run_prints_kubectl_carries_out(
    team: Stage, terminal: Terminal, model: Seeding, tmp_path: Path
) -> None:
    own(team, model, approval={"required": "Always", "minimum": 2, "groups": ["ml-leads"]})
    file = tmp_path / "edit"

    def patch(edit: Done, who: Person, *, check: bool = True) -> str:
        assert (edit.returncode, edit.stderr) == (0, ""), edit
        file.write_text(edit.stdout)
        return team.kubectl(
            "patch", "promotionrequest", "go", "--type=json", f"--patch-file={file}", who=who, check=check
        )

    filed = terminal.type("promote", ALIAS, "--version", "2", "--dry-run", "-o", "yaml")
    nothing_filed = team.all("promotionrequest")
    made = team.kubectl("create", "-f", "-", "-o", "name", stdin=filed.stdout, who=ANA)
    team.kubectl("delete", made.strip(), who=ANA)
    named = terminal.type("promote", ALIAS, "--version", "2", "--name", "go", "--dry-run", "-o", "json")
    team.kubectl("create", "-f", "-", stdin=named.stdout, who=ANA)
    asked = team.reaches("go", "AwaitingApproval")
    before, seen = asked["metadata"]["resourceVersion"], asked["status"]["resolved"]["evidence"]
    approve = ("approve", "go", "--evidence", seen, "--dry-run")
    approval, too_late = (terminal.type(*approve, who=who) for who in (BO, CY))
    untouched = _meta(team, "go")["resourceVersion"]
    patch(approval, BO)
    begun_twice = patch(too_late, CY, check=False)
    patch(terminal.type(*approve, "-o", "json", who=CY), CY)
    accepted = terminal.type("status", "go", "--wait", "--timeout", "60s")

    assert nothing_filed == []
    assert made.startswith(f"promotionrequest.modelalias.dev/{ALIAS}-v2-")
    assert before == untouched
    assert "an approval or a rejection cannot be changed or removed" in begun_twice
    assert words(team, "go") == ["bo Approve", "cy Approve"]
    assert accepted.returncode == 0, accepted


@pytest.mark.usefixtures("shared_operator")
def test_an_abort_that_is_printed_stops_the_request_that_was_meant(
    team: Stage, terminal: Terminal, model: Seeding, tmp_path: Path
) -> None:
    own(team, model, approval={"required": "Always"})
    file = tmp_path / "edit"
    for _ in range(2):
        terminal.type("promote", ALIAS, "--version", "2", "--name", "go")
        team.reaches("go", "AwaitingApproval")
        if not file.exists():
            file.write_text(terminal.type("abort", "go", "--dry-run").stdout)
            team.kubectl("delete", "promotionrequest", "go", who=ANA)
    patch = ("patch", "promotionrequest", "go", "--type=json", f"--patch-file={file}")

    refused = team.kubectl(*patch, who=ANA, check=False)
    unharmed = team.get("promotionrequest", "go")["spec"]
    file.write_text(terminal.type("abort", "go", "--dry-run").stdout)
    team.kubectl(*patch, who=ANA)

    assert "invalid" in refused
    assert "abort" not in unharmed
    assert team.complete("go")["phase"] == "Aborted"


@pytest.mark.usefixtures("shared_operator")
def test_a_pipeline_logs_in_through_a_plugin_and_kubectl_finds_the_command(
    team: Stage, model: Seeding, kubeconfig: str, tmp_path: Path
) -> None:
    own(team, model)
    team.kubectl("create", "serviceaccount", "ci")
    team.kubectl("create", "rolebinding", "ci", "--clusterrole=edit", f"--serviceaccount={team.namespace}:ci")
    user = f"system:serviceaccount:{team.namespace}:ci"
    path = _with_plugin(kubeconfig, team, tmp_path)
    environ = {
        **os.environ,
        "KUBECONFIG": str(path),
        "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}",
    }

    done = subprocess.run(
        ["kubectl", "modelalias", "promote", ALIAS, "--version", "2", "--wait", "--timeout", "60s"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    explained = subprocess.run(
        ["kubectl", "modelalias", "promote", "--help"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.returncode == 0, done
    assert f"requested by {user}" in done.stdout
    assert explained.stdout.startswith("usage: kubectl modelalias promote")
    assert model.aliases() == {"champion": "2"}


def test_a_wait_survives_an_operator_that_is_away(
    team: Stage, terminal: Terminal, model: Seeding, operator: OperatorProcess
) -> None:
    own(team, model)
    operator.stop()
    filed = terminal.type("promote", ALIAS, "--version", "2", "--name", "go")

    unseen = terminal.type("approve", "go", who=BO)
    timed_out = terminal.type("status", "go", "--wait", "--timeout", "1s", "-o", "json")
    waiting = terminal.start("status", "go", "--wait", "--timeout", "90s")
    operator.start()
    waited = waiting.finished()

    assert filed.stdout == "request go filed by ana\n"
    assert unseen.stderr == "modelalias: request go has not been judged yet: no status yet\n"
    assert timed_out.returncode == 2
    assert json.loads(timed_out.stdout)["ended"] is False
    assert waited.returncode == 0, waited


def test_what_is_not_there_or_not_allowed_is_one_line(team: Stage, terminal: Terminal) -> None:
    where = f"in namespace {team.namespace}"
    for arguments, who, said in (
        (("status", "go"), EVE, f"there is no ModelAlias and no PromotionRequest go {where}"),
        (("promote", ALIAS, "--version", "2"), ANA, f"there is no ModelAlias {ALIAS} {where}"),
        (
            ("history", ALIAS),
            Person("zoe"),
            f"may not get modelaliases.modelalias.dev {where}: none of your roles grants it",
        ),
    ):
        done = terminal.type(*arguments, who=who)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"modelalias: {said}\n")


def test_who_may_not_promote_hears_it_in_the_policys_words(team: Stage, terminal: Terminal) -> None:
    team.apply("ModelAlias", ALIAS, {"model": "churn", "alias": "champion"})

    by_role = terminal.type("promote", ALIAS, "--version", "2", who=EVE)
    team.kubectl("create", "role", "writer", "--verb=create", "--resource=promotionrequests.modelalias.dev")
    team.kubectl("create", "rolebinding", "writer", "--role=writer", "--user=bo")
    can_i = ("auth", "can-i", "create", "promotionrequests.modelalias.dev")
    team.until(
        "modelalias",
        ALIAS,
        lambda _: "yes" in team.kubectl(*can_i, who=BO, check=False),
        "bo may write requests",
    )
    by_policy = terminal.type("promote", ALIAS, "--version", "2", who=BO)

    assert "may not create promotionrequests.modelalias.dev" in by_role.stderr
    assert by_policy.stderr.startswith(f"modelalias: bo may not promote modelaliases/{ALIAS}: ask for")
    assert (by_role.returncode, by_policy.returncode) == (2, 2)


def _meta(stage: Stage, name: str, *arguments: str) -> Mapping[str, Any]:
    found = json.loads(stage.kubectl("get", "promotionrequest", name, "-o", "json", *arguments))
    metadata: Mapping[str, Any] = found["metadata"]
    return metadata


def _with_plugin(kubeconfig: str, stage: Stage, directory: Path) -> Path:
    """Write a kubeconfig whose user is a program that prints a service account's token."""
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": stage.kubectl("create", "token", "ci").strip()},
    }
    program = directory / "login"
    program.write_text(f"#!{sys.executable}\nprint({json.dumps(json.dumps(credential))})\n")
    program.chmod(0o700)
    config = yaml.safe_load(Path(kubeconfig).read_text())
    context = next(
        item["context"] for item in config["contexts"] if item["name"] == config["current-context"]
    )
    context.update(user="ci", namespace=stage.namespace)
    plugin = {"apiVersion": credential["apiVersion"], "command": "./login", "interactiveMode": "Never"}
    path = directory / "kubeconfig"
    path.write_text(yaml.safe_dump({**config, "users": [{"name": "ci", "user": {"exec": plugin}}]}))
    return path
