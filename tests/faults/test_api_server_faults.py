"""An API server that is away, full, forgetful or silent, before a real MLflow: one operator sees all of it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from tests.integration.conftest import new_name
from tests.support import faults
from tests.support.kube_api import GROUP, KubeApi
from tests.support.mlflow_server import Server
from tests.support.operator_account import signed_in
from tests.support.operator_process import OperatorProcess, config_for, running
from tests.support.proxy import Recorder, Sent, Where, proxied
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition

NAME: Final = "churn-champion"
INACTIVE: Final = 70
"""Seconds after which a watch without any event is asked for anew."""


@dataclass(frozen=True)
class Parts:
    """The operator and what stands before its servers."""

    operator: OperatorProcess
    between: Recorder
    quiet: str
    """A namespace in which the watches of requests tell nothing any more."""
    silent_since: float
    """Since when; by `time.perf_counter`."""


@pytest.fixture(scope="module")
def parts(
    kubeconfig: str,
    kube_api: KubeApi,
    mlflow_server: Server,
    watched_namespaces: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("operator")
    home, quiet = new_name(), new_name()
    for name in (home, quiet):
        kube_api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    with proxied(signed_in(kubeconfig, home, folder), mlflow_server.uri) as between:
        config = {
            **config_for(home, between.mlflow_uri),
            "namespaces": [quiet, *watched_namespaces.values()],
        }
        operator = OperatorProcess(between.kubeconfig, config, folder)
        with running(operator):
            since = _silent_from_now_on(between, quiet)
            yield Parts(operator, between, quiet, since)
    for name in (home, quiet):
        kube_api.send("DELETE", f"/api/v1/namespaces/{name}")


def _silent_from_now_on(between: Recorder, quiet: str) -> float:
    """Let nothing more come by the watches of requests that are open in one namespace."""
    deadline = time.monotonic() + 30
    while not any(_requests_of(quiet)(watch.sent) for watch in between.watches):
        assert time.monotonic() < deadline, "requests are watched"
        time.sleep(0.1)  # poll
    since = time.perf_counter()
    between.hidden.append(lambda sent, _: _requests_of(quiet)(sent) and sent.at < since)
    return since


@pytest.fixture
def shared_operator(parts: Parts) -> Parts:
    """Tell the operator of the namespace of each test that asks for this."""
    return parts


def _requests_of(namespace: str) -> Where:
    return lambda sent: sent.is_watch and (sent.namespace, sent.resource) == (namespace, "promotionrequests")


def _patches(namespace: str) -> Where:
    return lambda sent: sent.method == "PATCH" and sent.namespace == namespace


def _sets(between: Recorder, seeded: Seeding) -> int:
    """Return how often the operator moved the alias of a model."""
    return sum(
        sent.method == "POST"
        and sent.resource == "registered-models/alias"
        and f'"{seeded.model}"'.encode() in sent.body
        for sent in between.calls
    )


def _alias(stage: Stage, seeded: Seeding, name: str = NAME, **fields: Any) -> None:
    stage.apply("ModelAlias", name, {"model": seeded.model, "alias": "champion", **fields})


def _ready(stage: Stage, name: str = NAME) -> Object:
    return stage.until(
        "modelalias",
        name,
        lambda it: condition(it.get("status", {}), "RegistryReachable")[0] == "True",
        "it is seen",
    )


def test_what_is_not_written_for_now_is_written_later_and_nothing_twice(
    shared_operator: Parts, stage: Stage, seeded: Seeding
) -> None:
    between = shared_operator.between
    seeded.version(val_auc=0.8)
    stage.deployment("churn-api", IMAGE)
    _alias(stage, seeded, serving=[{"name": "churn-api"}])
    _ready(stage)

    conflict = faults.refused_by_kubernetes(409, "Conflict")
    full = faults.refused_by_kubernetes(429, "TooManyRequests", {"Retry-After": "1"})
    each = (conflict, full, faults.unanswered, faults.dropped)
    with between.fault(_patches(stage.namespace), faults.in_turn(*each), times=len(each)) as met:
        stage.request("go", NAME, source={"version": "1"})
        ended = stage.complete("go", 120)
    alias = stage.status("modelalias", NAME)

    assert met.met == len(each)
    assert ended["phase"] == "Succeeded"
    assert _sets(between, seeded) == 1
    assert [item["to"] for item in alias["history"]] == ["1"]
    assert {kind: condition(alias, kind)[0] for kind in ("Ready", "RegistryReachable", "InSync")} == {
        "Ready": "True",
        "RegistryReachable": "True",
        "InSync": "True",
    }
    assert stage.get("deployment", "churn-api")["metadata"]["generation"] == 2, "it was rolled once"


def test_a_namespace_that_takes_no_writes_backs_off_and_the_others_go_on(
    shared_operator: Parts, stage: Stage, seeded: Seeding
) -> None:
    between = shared_operator.between
    seeded.version(val_auc=0.8)
    other = Stage(stage.kubeconfig, shared_operator.quiet, stage.user)
    others = Seeding(seeded.client.tracking_uri, f"{seeded.model}-other")
    others.version(val_auc=0.8)

    broken = faults.refused_by_kubernetes(500, "InternalError")
    with between.fault(_patches(stage.namespace), broken) as met:
        for number in range(3):
            stage.apply("ModelAlias", f"a{number}", {"model": seeded.model, "alias": f"a{number}"})
            stage.request(f"r{number}", f"a{number}", source={"version": "1"})
        _alias(other, others, name="pinned", version="1")
        other.until(
            "modelalias", "pinned", lambda it: "history" in it.get("status", {}), "the other one is promoted"
        )
        deadline = time.monotonic() + 60
        while met.met < 9 and time.monotonic() < deadline:
            time.sleep(0.1)  # poll
        refused = [sent.at for sent in between.calls if _patches(stage.namespace)(sent)]
    ended = [stage.complete(f"r{number}", 90) for number in range(3)]
    other.kubectl("delete", "modelalias", "pinned")
    others.remove()

    assert [item["phase"] for item in ended] == ["Succeeded"] * 3
    assert refused[-1] - refused[0] > 0.5, "three for each alias, later each time"
    assert _sets(between, seeded) == 3


def test_nothing_moves_without_a_plan_that_is_written_and_what_has_begun_goes_on(
    shared_operator: Parts, stage: Stage, seeded: Seeding
) -> None:
    between = shared_operator.between
    for value in (0.8, 0.9):
        seeded.version(val_auc=value)
    stage.deployment("churn-api", IMAGE)
    _alias(stage, seeded, serving=[{"name": "churn-api"}])
    _ready(stage)

    def plans(sent: Sent) -> bool:
        return (
            _patches(stage.namespace)(sent)
            and sent.resource == "modelaliases/status"
            and b"plan" in sent.body
        )

    with between.fault(plans, faults.dropped) as met:
        stage.request("go", NAME, source={"version": "1"})
        deadline = time.monotonic() + 60
        while met.met < 3:
            assert time.monotonic() < deadline, "it tries"
            time.sleep(0.1)  # poll
        unplanned = seeded.aliases()
    ended = stage.complete("go", 90)

    away = []

    def sets_it(sent: Sent) -> bool:
        is_set = sent.method == "POST" and sent.resource == "registered-models/alias"
        return is_set and seeded.model.encode() in sent.body

    def goes_away() -> None:
        away.append(time.perf_counter())
        between.end_watches(lambda sent: not _requests_of(shared_operator.quiet)(sent))

    def of_kubernetes(sent: Sent) -> bool:
        return sent.to == "kubernetes" and bool(away)

    with between.fault(sets_it, faults.then(goes_away)), between.fault(of_kubernetes, faults.dropped) as lost:
        stage.request("again", NAME, source={"version": "2"})
        deadline = time.monotonic() + 60
        while lost.met < 10:
            assert time.monotonic() < deadline, "the API server is missed"
            time.sleep(0.1)  # poll
        meanwhile = stage.status("modelalias", NAME)
    again = stage.complete("again", 120)

    assert unplanned == {}
    assert [ended["phase"], again["phase"]] == ["Succeeded"] * 2
    assert "plan" in meanwhile
    assert _sets(between, seeded) == 2
    assert [item["to"] for item in stage.status("modelalias", NAME)["history"]] == ["1", "2"]
    assert stage.get("deployment", "churn-api")["metadata"]["generation"] == 3


def test_a_watch_that_says_nothing_more_is_asked_for_anew(
    shared_operator: Parts, kubeconfig: str, kube_api: KubeApi, seeded: Seeding
) -> None:
    """The one of requests in a namespace has been silent since this module began: the last test has not long to wait."""
    between = shared_operator.between
    seeded.version(val_auc=0.8)
    quiet = Stage(kubeconfig, shared_operator.quiet, kube_api.who_am_i())
    _alias(quiet, seeded)
    _ready(quiet)

    quiet.request("unheard", NAME, source={"version": "1"})
    ended = quiet.complete("unheard", INACTIVE + 30)
    anew = [sent.at for sent in between.calls if _requests_of(shared_operator.quiet)(sent)]

    assert ended["phase"] == "Succeeded"
    first, *later = anew
    assert first < shared_operator.silent_since
    assert later[0] - shared_operator.silent_since > INACTIVE - 5, "nothing else made it ask"
    assert kube_api.send("GET", f"{GROUP}/namespaces/{shared_operator.quiet}/promotionrequests/unheard").ok
