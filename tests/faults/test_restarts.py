"""An operator that dies, is ended, is upgraded, or misses what its watches should have told, on real servers."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from modelalias.reconcile.engine import FIRST_LISTING_SECONDS
from tests.integration.conftest import new_name
from tests.support import faults
from tests.support.kube_api import GROUP, KubeApi
from tests.support.mlflow_server import Server
from tests.support.operator_account import signed_in
from tests.support.operator_process import OperatorProcess, config_for, running
from tests.support.proxy import Recorder, Sent, proxied
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition

NAME: Final = "churn-champion"
RESYNC: Final = "3s"
START_SECONDS: Final = 10.0
"""At most so long an operator takes until it watches."""
WATCHED: Final = frozenset({"modelaliases", "promotionrequests", "deployments"})


class Parts:
    """What stands before the servers, and operators that come and go."""

    def __init__(self, between: Recorder, home: str, folder: Path) -> None:
        self.between = between
        self._home, self._folder = home, folder

    def operator(self, stage: Stage, **config: Any) -> OperatorProcess:
        """Return one that is not started; it takes the place of the former one at once, without a Lease."""
        alone = {"lease": {"namespace": self._home, "enabled": False}, "resync": RESYNC}
        folder = self._folder / stage.namespace
        folder.mkdir()
        return OperatorProcess(
            self.between.kubeconfig,
            {**config_for(stage.namespace, self.between.mlflow_uri), **alone, **config},
            folder,
        )

    def writes(self, since: int) -> list[Sent]:
        """Return what was written that anybody could see, without Events."""
        return [sent for sent in self.between.calls[since:] if _is_write(sent)]


@pytest.fixture(scope="module")
def parts(
    kubeconfig: str, kube_api: KubeApi, mlflow_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("operators")
    home = new_name()
    kube_api.create("/api/v1/namespaces", {"metadata": {"name": home}})
    with proxied(signed_in(kubeconfig, home, folder), mlflow_server.uri) as between:
        yield Parts(between, home, folder)
    kube_api.send("DELETE", f"/api/v1/namespaces/{home}")


def _is_write(sent: Sent) -> bool:
    if sent.to == "mlflow":
        return sent.is_write and "search" not in sent.path
    return sent.is_write and sent.resource.split("/")[0] in WATCHED


def _told(sent: Sent, seeded: Seeding, stage: Stage) -> str:
    """Return a write in words that are the same for every model, namespace, name and time."""
    names = re.sub(rf"{seeded.model}|{stage.namespace}", "it", f"{sent.method} {sent.path.partition('?')[0]}")
    if sent.resource.endswith("/status"):
        return names
    return f"{names} {sent.body.decode().replace(seeded.model, 'it')[:60]}"


def _alias(stage: Stage, seeded: Seeding, name: str = NAME, **fields: Any) -> None:
    stage.apply("ModelAlias", name, {"model": seeded.model, "alias": "champion", **fields})


def _sets(writes: list[Sent]) -> list[tuple[str, str]]:
    """Return which aliases were moved where, in order."""
    bodies = [json.loads(sent.body) for sent in writes if sent.resource == "registered-models/alias"]
    return [(body["alias"], body.get("version", "")) for body in bodies]


def test_a_kill_after_each_single_write_makes_no_write_twice(
    parts: Parts, stage: Stage, seeded: Seeding
) -> None:
    """It dies as often as a promotion has writes, each time before it hears that the write was made."""
    for value in (0.8, 0.9):
        seeded.version(val_auc=value)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    stage.deployment("churn-api", IMAGE)
    _alias(stage, seeded, previousAlias="prev", serving=[{"name": "churn-api"}])
    operator = parts.operator(stage)
    died: list[str] = []

    with running(operator):
        stage.until("modelalias", NAME, lambda it: "current" in it.get("status", {}), "it is adopted")
        since = len(parts.between.calls)
        with parts.between.fault(_is_write, faults.then(operator.kill)) as met:
            stage.request("go", NAME, source={"version": "2"})
            deadline = time.monotonic() + 180
            while stage.status("promotionrequest", "go").get("phase") != "Succeeded":
                assert time.monotonic() < deadline, died
                if not operator.is_running:
                    died.append(_told(parts.writes(since)[-1], seeded, stage))
                    operator.start()
                time.sleep(0.05)  # poll
    writes = parts.writes(since)
    alias = stage.status("modelalias", NAME)

    assert met.met == len(writes) > 7
    assert _sets(writes) == [("prev", "1"), ("champion", "2")]
    rolls = [sent for sent in writes if sent.resource == "deployments"]
    assert len(rolls) == 1, died
    tags = Counter(_told(sent, seeded, stage) for sent in writes if "set-tag" in sent.path)
    assert max(tags.values()) == 1, tags
    assert [item["to"] for item in alias["history"]] == ["1", "2"]
    assert seeded.aliases() == {"champion": "2", "prev": "1"}


def test_it_ends_in_time_when_it_is_asked_to_in_the_middle_of_a_write(
    parts: Parts, stage: Stage, seeded: Seeding
) -> None:
    seeded.version(val_auc=0.8)
    stage.deployment("churn-api", IMAGE)
    _alias(stage, seeded, serving=[{"name": "churn-api"}])
    operator = parts.operator(stage)
    ends: list[int] = []
    since = len(parts.between.calls)

    def moves(sent: Sent) -> bool:
        return sent.method == "POST" and sent.resource == "registered-models/alias"

    with running(operator), parts.between.fault(moves, faults.unanswered, times=1) as met:
        stage.request("go", NAME, source={"version": "1"})
        deadline = time.monotonic() + 60
        while not met.met:
            assert time.monotonic() < deadline, "it moves the alias"
            time.sleep(0.05)  # poll
        ends.append(operator.stop())  # within the 30 s that the kubelet waits, or this fails
        operator.start()
        ended = stage.complete("go", 60)

    assert ends == [0]
    assert ended["phase"] == "Succeeded"
    assert _sets(parts.writes(since)) == [("champion", "1")]
    assert [item["to"] for item in stage.status("modelalias", NAME)["history"]] == ["1"]


def test_a_promotion_that_the_former_release_began_is_ended_and_rolls_nothing_again(
    parts: Parts, stage: Stage, seeded: Seeding, kube_api: KubeApi
) -> None:
    """A plan that waits for its pods is written as the former release wrote it; another request waits behind it."""
    for value in (0.8, 0.9):
        seeded.version(val_auc=value)
    stage.deployment("churn-api", IMAGE)
    load = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}
    _alias(stage, seeded, serving=[{"name": "churn-api", "load": load}])
    stage.fill_quota(1)
    operator = parts.operator(stage)
    with running(operator):
        stage.request("begun", NAME, source={"version": "1"})
        stage.reaches("begun", "RollingOut")
        stage.request("behind", NAME, source={"version": "2"})
        stage.reaches("behind", "Queued")
    generation = stage.get("deployment", "churn-api")["metadata"]["generation"]
    written = stage.get("modelalias", NAME)
    for item in written["status"]["plan"]["serving"]:
        (variable,) = item.pop("variables")
        item |= {"container": variable["container"], "env": variable["env"], "toUri": variable["to"]}
        if "from" in variable:
            item["fromUri"] = variable["from"]
    path = f"{GROUP}/namespaces/{stage.namespace}/modelaliases/{NAME}/status"
    assert kube_api.replace(path, written).ok

    since = len(parts.between.calls)
    with running(operator):
        stage.until(
            "promotionrequest", "begun", lambda it: it["status"]["phase"] == "RollingOut", "it goes on"
        )
        stage.free_quota()
        begun = stage.complete("begun", 60)
        behind = stage.complete("behind", 60)
    rolls = [sent for sent in parts.writes(since) if sent.resource == "deployments"]

    assert [begun["phase"], behind["phase"]] == ["Succeeded"] * 2
    assert len(rolls) == 1, "only for the second"
    assert stage.get("deployment", "churn-api")["metadata"]["generation"] == generation + 1
    assert seeded.aliases() == {"champion": "2"}


def test_each_event_of_a_promotion_that_is_missed_once_changes_no_end(
    parts: Parts, stage: Stage, seeded: Seeding, mlflow_server: Server
) -> None:
    """As many promotions beside each other as one has events; each misses another one."""
    count = 12
    models = [Seeding(mlflow_server.uri, f"{seeded.model}-{number}") for number in range(count)]
    seen: Counter[int] = Counter()

    def hides(sent: Sent, event: Mapping[str, Any]) -> bool:
        name = re.fullmatch(r"s(\d+)", event["object"].get("metadata", {}).get("name", ""))
        if sent.namespace != stage.namespace or sent.resource not in WATCHED or name is None:
            return False
        number = int(name[1])
        seen[number] += 1
        return seen[number] == number + 1

    since = len(parts.between.calls)
    with parts.between.hiding(hides), running(parts.operator(stage)):
        for number, model in enumerate(models):
            model.version(val_auc=0.8)
            stage.deployment(f"s{number}", IMAGE)
            _alias(stage, model, f"s{number}", serving=[{"name": f"s{number}"}])
        for number in range(count):
            stage.request(f"s{number}", f"s{number}", source={"version": "1"})
        ended = stage.ended(*(f"s{number}" for number in range(count)))
    for model in models:
        model.remove()

    assert {item["phase"] for item in ended.values()} == {"Succeeded"}
    assert _sets(parts.writes(since)) == [("champion", "1")] * count
    generations = {stage.get("deployment", f"s{number}")["metadata"]["generation"] for number in range(count)}
    assert generations == {2}, "each was rolled once"
    assert min(seen[number] - number for number in range(count)) > 0, "each missed one"


def test_what_was_deleted_while_the_watch_had_forgotten_is_no_ghost(
    parts: Parts, stage: Stage, seeded: Seeding
) -> None:
    """The older of two ModelAliases for one alias goes in the gap: the younger gets the alias.

    The watch lists anew after it, and that is not its first listing: everything is read then, long before `resync`.
    """
    between, began = parts.between, time.monotonic()
    seeded.version(val_auc=0.8)

    def of_aliases(sent: Sent) -> bool:
        return sent.is_watch and (sent.namespace, sent.resource) == (stage.namespace, "modelaliases")

    with running(parts.operator(stage, resync="1h")):
        _alias(stage, seeded, "older")
        stage.until("modelalias", "older", lambda it: "conditions" in it.get("status", {}), "it is seen")
        _alias(stage, seeded, "younger")
        stage.until("modelalias", "younger", lambda it: _stalled(it) == "Conflict", "it waits")
        _until(lambda: time.monotonic() - began > FIRST_LISTING_SECONDS + START_SECONDS)
        goes = faults.after(lambda: stage.kubectl("delete", "modelalias", "older"), faults.gone)
        with between.fault(of_aliases, goes, times=1) as forgotten:
            between.end_watches(of_aliases)
            _until(lambda: forgotten.met > 0)
        stage.until("modelalias", "younger", lambda it: _stalled(it) == "", "it has the alias")
        stage.request("go", "younger", source={"version": "1"})
        ended = stage.complete("go", 60)

    assert ended["phase"] == "Succeeded"
    assert seeded.aliases() == {"champion": "1"}


def test_an_old_list_after_a_restart_leads_nowhere_back(
    parts: Parts, stage: Stage, seeded: Seeding, kube_api: KubeApi
) -> None:
    """An API server that is behind shows the version before as the accepted one, and drift is set back."""
    between = parts.between
    for value in (0.8, 0.9):
        seeded.version(val_auc=value)
    _alias(stage, seeded, drift="Restore")
    operator = parts.operator(stage)
    lists = {
        kind: f"{GROUP}/namespaces/{stage.namespace}/{kind}" for kind in ("modelaliases", "promotionrequests")
    }
    with running(operator):
        stage.request("first", NAME, source={"version": "1"})
        stage.complete("first", 60)
        old = {kind: kube_api.send("GET", path).body for kind, path in lists.items()}
        stage.request("second", NAME, source={"version": "2"})
        stage.complete("second", 60)

    def is_listed(kind: str) -> Any:
        return lambda sent: (
            sent.method == "GET"
            and not sent.is_watch
            and (sent.namespace, sent.resource) == (stage.namespace, kind)
            and sent.path.partition("?")[0].endswith(kind)
        )

    since = len(between.calls)
    with (
        between.fault(is_listed("modelaliases"), faults.answered(200, old["modelaliases"])) as aliases,
        between.fault(is_listed("promotionrequests"), faults.answered(200, old["promotionrequests"])),
        between.hiding(lambda sent, _: sent.namespace == stage.namespace),
        running(operator),
    ):
        _until(lambda: aliases.met > 3)
        _until(lambda: sum(sent.resource == "registered-models/search" for sent in between.calls[since:]) > 2)
    with running(operator):
        stage.request("third", NAME, source={"version": "2"})
        third = stage.complete("third", 60)

    assert _sets(parts.writes(since)) == []
    assert condition(third, "Complete") == ("True", "NoOp")
    assert seeded.aliases() == {"champion": "2"}
    assert [item["to"] for item in stage.status("modelalias", NAME)["history"]] == ["1", "2"]


def _stalled(alias: Object) -> str:
    status, reason = condition(alias.get("status", {}), "Stalled")
    return reason if status == "True" else ""


def _until(holds: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.05)  # poll
