"""Two operators of one installation, the leader killed or stopped for a while: who acts, and since when."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from modelalias.adapters.lease import WATCHES
from modelalias.kinds.marks import INSTALLATION
from tests.support import faults
from tests.support.kube_api import Answer, KubeApi, Person
from tests.support.mlflow_server import Server
from tests.support.operator_account import copied, signed_in
from tests.support.operator_process import OperatorProcess, config_for, running
from tests.support.proxy import Recorder, Sent, proxied
from tests.support.seeding import Seeding
from tests.support.stage import Stage
from tests.support.team import Team

NAME: Final = "churn-champion"
TAKEN_OVER: Final = 20
"""Seconds after which a standby has taken over."""


@dataclass
class Operator:
    """A process, and what it sends."""

    process: OperatorProcess
    between: Recorder

    def lead_since(self, moment: float) -> float | None:
        """Return when it first wrote the Lease after a moment."""
        found = (sent.at for sent in [*self.between.calls] if sent.at > moment and _leads(sent))
        return next(found, None)

    def writes(self, moment: float = 0.0) -> list[Sent]:
        """Return what it wrote after a moment that takes a leader."""
        return [sent for sent in [*self.between.calls] if sent.at > moment and _acts(sent)]


def _leads(sent: Sent) -> bool:
    return sent.resource == "leases" and sent.is_write


def _acts(sent: Sent) -> bool:
    if sent.to == "mlflow":
        return sent.is_write and "search" not in sent.path
    return sent.is_write and sent.resource.split("/")[0] in {
        "modelaliases",
        "promotionrequests",
        "deployments",
    }


@pytest.fixture
def pair(
    kubeconfig: str, stage: Stage, mlflow_server: Server, tmp_path: Path
) -> Iterator[tuple[Operator, Operator]]:
    """The leader and its standby."""
    account = signed_in(kubeconfig, stage.namespace, tmp_path)
    with proxied(account, mlflow_server.uri) as first, proxied(account, mlflow_server.uri) as second:
        made = []
        for name, between in (("first", first), ("second", second)):
            folder = tmp_path / name
            folder.mkdir()
            config = {**config_for(stage.namespace, between.mlflow_uri), "identity": name}
            made.append(Operator(OperatorProcess(between.kubeconfig, config, folder), between))
        try:
            for operator in made:
                operator.process.start()
                _until(lambda: made[0].lead_since(0) is not None, "the first leads")
            yield made[0], made[1]
        finally:
            for operator in made:
                if operator.process.is_running:
                    os.kill(operator.process.pid, signal.SIGCONT)
                operator.process.stop()


def test_who_is_stopped_in_the_middle_or_killed_in_a_burst_is_replaced_and_writes_nothing_more(
    pair: tuple[Operator, Operator], stage: Stage, seeded: Seeding, mlflow_server: Server
) -> None:
    leader, standby = pair
    for value in (0.8, 0.9):
        seeded.version(val_auc=value)
    stage.deployment("churn-api", IMAGE)
    _alias(stage, seeded, serving=[{"name": "churn-api"}])
    stage.until("modelalias", NAME, lambda it: "conditions" in it.get("status", {}), "it is seen")
    assert standby.writes() == []

    # it stops between a write and the next: the answer is there when it goes on
    def moves(sent: Sent) -> bool:
        return sent.method == "POST" and sent.resource == "registered-models/alias"

    stopped: list[float] = []

    def stop() -> None:
        os.kill(leader.process.pid, signal.SIGSTOP)
        stopped.append(time.perf_counter())

    with leader.between.fault(moves, faults.then(stop), times=1):
        stage.request("go", NAME, source={"version": "1"})
        _until(lambda: standby.lead_since(0) is not None, "the standby leads")
    took_over = standby.lead_since(0)
    ended = stage.complete("go", 60)
    woken = time.perf_counter()
    os.kill(leader.process.pid, signal.SIGCONT)
    _until(
        lambda: any(sent.at > woken and sent.resource == "leases" for sent in leader.between.calls),
        "it looks",
    )
    stage.request("again", NAME, source={"version": "2"})
    stage.complete("again", 60)

    assert took_over is not None
    assert took_over - stopped[0] < TAKEN_OVER
    assert ended["phase"] == "Succeeded"
    assert leader.writes(woken) == []
    assert sum(moves(sent) for sent in [*leader.between.calls, *standby.between.calls]) == 2
    assert [item["to"] for item in stage.status("modelalias", NAME)["history"]] == ["1", "2"]
    assert stage.get("deployment", "churn-api")["metadata"]["generation"] == 3

    # who leads now dies in a burst, and the one that was stopped takes over
    models = [Seeding(mlflow_server.uri, f"{seeded.model}-{number}") for number in range(4)]
    names = [f"burst-{number}-{version}" for number in range(len(models)) for version in (1, 2)]
    for number, model in enumerate(models):
        for value in (0.8, 0.9):
            model.version(val_auc=value)
        _alias(stage, model, f"burst-{number}")
    killed: list[float] = []

    def kill() -> None:
        standby.process.kill()
        killed.append(time.perf_counter())

    sixth = _nth_move(6)
    with standby.between.fault(sixth, faults.then(kill), times=1):
        for name in names:
            _, which, version = name.split("-")
            stage.request(name, f"burst-{which}", source={"version": version})
        ends = stage.ended(*names)
    again = leader.lead_since(killed[0])
    histories = [
        [item["to"] for item in stage.status("modelalias", f"burst-{number}")["history"]]
        for number in range(len(models))
    ]
    sets = sum(
        moves(sent) and f"{seeded.model}-".encode() in sent.body
        for sent in [*leader.between.calls, *standby.between.calls]
    )
    for model in models:
        model.remove()

    assert again is not None
    assert again - killed[0] < TAKEN_OVER
    assert {item["phase"] for item in ends.values()} == {"Succeeded"}
    assert histories == [["1", "2"]] * len(models)
    assert sets == 2 * len(models), "what was moved before is not moved again"


def test_a_second_installation_that_watches_the_same_waits_and_says_for_whom(
    kubeconfig: str,
    kube_api: KubeApi,
    stage: Stage,
    seeded: Seeding,
    mlflow_server: Server,
    tmp_path: Path,
) -> None:
    seeded.version(val_auc=0.8)
    _alias(stage, seeded)
    elsewhere = f"{stage.namespace}-b"
    assert kube_api.create("/api/v1/namespaces", {"metadata": {"name": elsewhere}}).ok
    second = _installed(kubeconfig, stage.namespace, stage.namespace, mlflow_server, tmp_path / "second")

    with copied(kubeconfig, elsewhere, tmp_path / "first") as copy:
        account = copy.may_not()  # its own, by which no policy knows it
        config = {**config_for(elsewhere, mlflow_server.uri), "namespaces": [stage.namespace]}
        first = OperatorProcess(account, config, tmp_path / "first")
        with running(first):
            stage.until("modelalias", NAME, lambda it: "conditions" in it.get("status", {}), "it is seen")
            second.start()
            try:
                _until(lambda: f"Lease {elsewhere}/modelalias-operator" in second.tail(), "it says so")
                scraped = second.scrape()
                first.stop()
                stage.request("go", NAME, source={"version": "1"})
                ended = stage.complete("go", 60)
            finally:
                second.stop()
                kube_api.send("DELETE", f"/api/v1/namespaces/{elsewhere}")

    assert "modelalias_leader 0" in scraped
    assert ended["phase"] == "Succeeded"


def test_a_tenants_lease_that_says_it_is_an_installation_is_refused_and_keeps_nobody_from_beginning(
    kubeconfig: str,
    kube_api: KubeApi,
    stage: Stage,
    seeded: Seeding,
    mlflow_server: Server,
    tmp_path: Path,
) -> None:
    """It was there before the policy, so that nobody refused to make it; its tenant goes on to renew it."""
    seeded.version(val_auc=0.8)
    _alias(stage, seeded)
    mal, elsewhere = Person("mal"), f"{stage.namespace}-b"
    assert kube_api.create("/api/v1/namespaces", {"metadata": {"name": elsewhere}}).ok
    Team(kube_api, elsewhere).bind(mal, "edit", "create")
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{elsewhere}/leases"
    forged = {
        "metadata": {
            "name": "x",
            "labels": {INSTALLATION: "true"},
            "annotations": {WATCHES: stage.namespace},
        },
        "spec": {"holderIdentity": "x", "renewTime": "2026-01-01T00:00:00.000000Z"},
    }
    assert kube_api.create(leases, forged).ok
    operator = _installed(kubeconfig, stage.namespace, stage.namespace, mlflow_server, tmp_path)
    answers: list[Answer] = []

    def acts() -> bool:
        renewal = {"spec": {"renewTime": f"2026-01-01T00:{len(answers) // 10 % 60:02}:00.{len(answers):06}Z"}}
        answers.append(kube_api.merge(f"{leases}/x", renewal, who=mal))
        return "conditions" in stage.get("modelalias", NAME).get("status", {})

    with running(operator):
        _until(acts, "it acts")
        said = operator.log.read_text(encoding="utf-8")
    kube_api.send("DELETE", f"/api/v1/namespaces/{elsewhere}")

    assert {answer.code for answer in answers} == {403}
    assert "only an installation of modelalias writes a Lease" in answers[0].message
    assert f"Lease {elsewhere}/x acts" in said, "for 15 s it was not known whether it lives"


def test_two_installations_share_a_registry_and_each_acts_in_its_own_namespaces(
    kubeconfig: str,
    kube_api: KubeApi,
    stage: Stage,
    seeded: Seeding,
    mlflow_server: Server,
    tmp_path: Path,
) -> None:
    for auc in (0.8, 0.9):
        seeded.version(val_auc=auc)
    other = Stage(kubeconfig, f"{stage.namespace}-b", stage.user)
    assert kube_api.create("/api/v1/namespaces", {"metadata": {"name": other.namespace}}).ok
    try:
        first, second = (
            _installed(kubeconfig, home, home, mlflow_server, tmp_path / home)
            for home in (stage.namespace, other.namespace)
        )
        with running(first), running(second):
            for place, alias, version in ((stage, "champion", "1"), (other, "canary", "2")):
                place.apply("ModelAlias", NAME, {"model": seeded.model, "alias": alias})
                place.request("go", NAME, source={"version": version})
            ends = [place.complete("go", 60)["phase"] for place in (stage, other)]
            leads = ["modelalias_leader 1" in process.scrape() for process in (first, second)]
            seen = [place.status("modelalias", NAME)["history"] for place in (stage, other)]
    finally:
        kube_api.send("DELETE", f"/api/v1/namespaces/{other.namespace}")

    assert (ends, leads) == (["Succeeded", "Succeeded"], [True, True])
    assert [len(history) for history in seen] == [1, 1]
    aliases = seeded.client.get_registered_model(seeded.model).aliases
    assert {name: str(version) for name, version in aliases.items()} == {"champion": "1", "canary": "2"}


def _installed(kubeconfig: str, home: str, namespace: str, server: Server, folder: Path) -> OperatorProcess:
    """Return the operator of an installation with its Lease in one namespace that watches another."""
    account = signed_in(kubeconfig, home, folder)
    return OperatorProcess(account, {**config_for(home, server.uri), "namespaces": [namespace]}, folder)


def _nth_move(number: int) -> Any:
    seen: list[Sent] = []

    def is_it(sent: Sent) -> bool:
        if sent.method == "POST" and sent.resource == "registered-models/alias":
            seen.append(sent)
            return len(seen) == number
        return False

    return is_it


def _alias(stage: Stage, seeded: Seeding, name: str = NAME, **fields: Any) -> None:
    stage.apply("ModelAlias", name, {"model": seeded.model, "alias": "champion", **fields})


def _until(holds: Any, what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)  # poll
