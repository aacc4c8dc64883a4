"""A registry that is silent, slow, overloaded, wrong or locked, before a real MLflow: one operator sees all of it.

What it says when the fault is over is as good as ever, so each test ends with something that works.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.conftest import new_name
from tests.support import faults
from tests.support.kube_api import KubeApi
from tests.support.mlflow_server import Server
from tests.support.operator_account import signed_in
from tests.support.operator_process import OperatorProcess, config_for, running
from tests.support.proxy import Recorder, Sent, proxied
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition

TIMEOUT: Final = 2
"""Seconds that one call may take; a probe of an outage comes every five."""
PAUSE: Final = 7
"""Seconds that a server asks for: more than the five between two probes."""
NAME: Final = "churn-champion"


@dataclass(frozen=True)
class Parts:
    """The operator, and what stands before its registry `default`; `direct` is the same server by another way."""

    operator: OperatorProcess
    between: Recorder
    token: Path


@pytest.fixture(scope="module")
def parts(
    kubeconfig: str,
    kube_api: KubeApi,
    mlflow_server: Server,
    watched_namespaces: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("operator")
    home = new_name()
    kube_api.create("/api/v1/namespaces", {"metadata": {"name": home}})
    token = folder / "token"
    token.write_text("first", encoding="utf-8")
    with proxied(signed_in(kubeconfig, home, folder), mlflow_server.uri) as between:
        limits = {"snapshotInterval": "1s", "timeoutSeconds": TIMEOUT}
        registries = {
            "default": {"uri": between.mlflow_uri, "credentials": {"tokenFile": str(token)}, **limits},
            "direct": {"uri": mlflow_server.uri, **limits},
        }
        config = {
            **config_for(home, ""),
            "registries": registries,
            "namespaces": [*watched_namespaces.values()],
        }
        operator = OperatorProcess(between.kubeconfig, config, folder)
        with running(operator):
            yield Parts(operator, between, token)
    kube_api.send("DELETE", f"/api/v1/namespaces/{home}")


@pytest.fixture
def shared_operator(parts: Parts) -> Parts:
    """Tell the operator of the namespace of each test that asks for this."""
    return parts


def _every(sent: Sent) -> bool:
    return sent.to == "mlflow"


def _sets_alias(sent: Sent) -> bool:
    return sent.method == "POST" and sent.resource == "registered-models/alias"


def _sets(between: Recorder, seeded: Seeding) -> int:
    """Return how often the operator moved the alias of a model."""
    return sum(_sets_alias(sent) and seeded.model.encode() in sent.body for sent in between.calls)


def _lists(sent: Sent) -> bool:
    return sent.resource == "registered-models/search"


def _alias(stage: Stage, seeded: Seeding, name: str = NAME, **fields: Any) -> None:
    stage.apply("ModelAlias", name, {"model": seeded.model, "alias": "champion", **fields})


def _is_reachable(stage: Stage, status: str, reason: str = "") -> Object:
    def holds(it: Object) -> bool:
        found = condition(it.get("status", {}), "RegistryReachable")
        return found[0] == status and reason in {"", found[1]}

    return stage.until("modelalias", NAME, holds, f"RegistryReachable is {status} {reason}")


def _reachable(it: Object) -> Object:
    return next(each for each in it["status"]["conditions"] if each["type"] == "RegistryReachable")


def test_one_that_takes_calls_and_never_answers_keeps_no_other_waiting(
    shared_operator: Parts, stage: Stage, seeded: Seeding, mlflow_server: Server
) -> None:
    between = shared_operator.between
    seeded.version(val_auc=0.8)
    _alias(stage, seeded)
    _is_reachable(stage, "True")
    other = Seeding(mlflow_server.uri, f"{seeded.model}-other")
    other.version(val_auc=0.8)

    with between.fault(_every, faults.silent) as met:
        _is_reachable(stage, "False", "Unreachable")
        stage.request("late", NAME, source={"version": "1"})
        stage.apply("ModelAlias", "other", {"model": other.model, "alias": "champion", "registry": "direct"})
        stage.request("elsewhere", "other", source={"version": "1"})
        elsewhere = stage.complete("elsewhere", 30)
        scraped = shared_operator.operator.scrape()
        calls = met.met
    after = stage.complete("late", 60)
    other.remove()

    assert elsewhere["phase"] == after["phase"] == "Succeeded"
    assert seeded.aliases() == {"champion": "1"}
    assert calls < 20, "one probe every few seconds for all aliases"
    assert "modelalias_" in scraped, "the loop turns"


def test_what_is_no_answer_is_tried_again_and_what_was_written_is_not_written_twice(
    shared_operator: Parts, stage: Stage, seeded: Seeding
) -> None:
    between = shared_operator.between
    seeded.version(val_auc=0.8)
    _alias(stage, seeded)
    _is_reachable(stage, "True")
    garbled = (faults.dripping, faults.cut_off)
    broken = (
        faults.answered(500, "oops"),
        faults.answered(200, "<html>Please sign in</html>"),
        faults.dropped,
        faults.answered(503, {"something": "else"}),
    )
    concurrent = {
        "error_code": "BAD_REQUEST",
        "message": "(sqlite3.IntegrityError) UNIQUE constraint failed [SQL: INSERT INTO aliases]",
    }

    def reads(sent: Sent) -> bool:
        return sent.to == "mlflow" and sent.method == "GET" and not _lists(sent)

    in_turn = (*broken, faults.answered(400, concurrent), faults.unanswered)
    with (
        between.fault(reads, faults.in_turn(*garbled), times=len(garbled)) as read,
        between.fault(_sets_alias, faults.in_turn(*in_turn), times=len(in_turn)) as written,
    ):
        stage.request("through", NAME, source={"version": "1"})
        ended = stage.complete("through", 120)
    texts = str([stage.get("modelalias", NAME), stage.get("promotionrequest", "through")])
    told = stage.announces(NAME, "PromoteSucceeded")

    assert ended["phase"] == "Succeeded"
    assert (read.met, written.met) == (len(garbled), len(in_turn))
    assert _sets(between, seeded) == len(in_turn), (
        "the last was carried out: it is read back, and not made again"
    )
    assert seeded.aliases() == {"champion": "1"}
    assert [item["to"] for item in stage.status("modelalias", NAME)["history"]] == ["1"]
    assert "SQL" not in texts + str(told)
    assert "html" not in texts + str(told)


def test_one_that_asks_for_a_pause_gets_it(shared_operator: Parts, stage: Stage, seeded: Seeding) -> None:
    between = shared_operator.between
    seeded.version(val_auc=0.8)
    _alias(stage, seeded)
    _is_reachable(stage, "True")

    full = faults.answered(429, {"error_code": "RESOURCE_EXHAUSTED"}, {"Retry-After": str(PAUSE)})
    with between.fault(_sets_alias, full, times=1):
        stage.request("later", NAME, source={"version": "1"})
        _is_reachable(stage, "False")
        refused = len(between.calls)
        ended = stage.complete("later", 60)
    before = [sent.at for sent in between.calls[:refused] if _every(sent)][-1]
    after = next(sent.at for sent in between.calls[refused:] if _every(sent))

    assert ended["phase"] == "Succeeded"
    assert after - before > PAUSE - 1, "neither a probe nor anything else comes meanwhile"
    assert _sets(between, seeded) == 2


def test_one_that_asks_for_a_short_pause_is_not_called_unreachable(
    shared_operator: Parts, stage: Stage, seeded: Seeding
) -> None:
    between = shared_operator.between
    seeded.version(val_auc=0.8)
    _alias(stage, seeded)
    before = _reachable(_is_reachable(stage, "True"))

    full = faults.answered(429, {"error_code": "RESOURCE_EXHAUSTED"}, {"Retry-After": "2"})
    with between.fault(_sets_alias, full, times=1) as met:
        stage.request("soon", NAME, source={"version": "1"})
        ended = stage.complete("soon", 60)

    assert met.met == 1
    assert ended["phase"] == "Succeeded"
    assert _reachable(stage.get("modelalias", NAME)) == before, "it has not changed meanwhile either"
    assert _sets(between, seeded) == 2


def test_a_token_that_expired_is_tried_by_one_probe_until_there_is_another(
    shared_operator: Parts, stage: Stage, seeded: Seeding
) -> None:
    between, token = shared_operator.between, shared_operator.token
    seeded.version(val_auc=0.8)
    _alias(stage, seeded)
    _is_reachable(stage, "True")

    locked = faults.unless_authorized("second", faults.answered(401, "expired"))
    with between.fault(_every, locked):
        _is_reachable(stage, "False", "AuthFailed")
        since = len(between.calls)
        stage.request("locked", NAME, source={"version": "1"})
        stage.until(
            "promotionrequest", "locked", lambda it: "phase" in it.get("status", {}), "it is answered"
        )
        tried = [sent for sent in between.calls[since:] if sent.to == "mlflow"]
        token.write_text("second", encoding="utf-8")
        ended = stage.complete("locked", 60)

    assert len(tried) <= 4, "no storm"
    assert ended["phase"] == "Succeeded"
    assert "second" not in shared_operator.operator.tail()


@pytest.mark.parametrize("fault", ["a model is missing", "a later page fails", "no aliases"])
def test_a_listing_that_is_not_whole_is_no_drift(
    shared_operator: Parts, stage: Stage, seeded: Seeding, fault: str
) -> None:
    """Models come and go while pages are read; some servers have no aliases in their lists."""
    between = shared_operator.between
    for value in (0.8, 0.9):
        seeded.version(val_auc=value)
    _alias(stage, seeded, drift="Restore")
    stage.request("first", NAME, source={"version": "1"})
    stage.complete("first", 60)
    seen: list[int] = []

    def spoil(page: dict[str, Any]) -> None:
        models = page.get("registered_models", [])
        seen.append(len(models))
        if fault == "no aliases":
            for model in models:
                model.pop("aliases", None)
            return
        page["registered_models"] = [model for model in models if model["name"] != seeded.model]
        if fault == "a later page fails":
            page["next_page_token"] = "second"  # noqa: S105 - the token of a page

    def is_second(sent: Sent) -> bool:
        return _lists(sent) and "page_token=second" in sent.path

    with (
        between.fault(is_second, faults.answered(503, "oops")) as second,
        between.fault(_lists, faults.changed(spoil)) as spoilt,
    ):
        deadline = time.monotonic() + 60
        while spoilt.met < 2 and time.monotonic() < deadline:
            time.sleep(0.1)  # poll
        during = stage.status("modelalias", NAME)
        stage.request("next", NAME, source={"version": "2"})
        if fault != "a later page fails":
            stage.complete("next", 60)
    stage.complete("next", 60)

    assert min(seen) > 0
    assert condition(during, "InSync")[0] != "False"
    assert during["current"]["version"] == "1"
    assert (second.met > 0) == (fault == "a later page fails")
    assert seeded.aliases() == {"champion": "2"}
    assert _sets(between, seeded) == 2


def test_a_soak_goes_on_where_lists_have_no_aliases(
    shared_operator: Parts, stage: Stage, seeded: Seeding
) -> None:
    """What is managed is read model by model there."""
    seeded.version(val_auc=0.8)
    seeded.client.set_registered_model_alias(seeded.model, "staging", "1")

    def without_aliases(page: dict[str, Any]) -> None:
        for model in page.get("registered_models", []):
            model.pop("aliases", None)

    with shared_operator.between.fault(_lists, faults.changed(without_aliases)):
        soak = {"alias": "staging", "for": "1s"}
        _alias(stage, seeded, policy={"eligibility": {"soak": soak}})
        stage.request("soaked", NAME, source={"version": "1"})
        ended = stage.complete("soaked", 60)

    assert ended["phase"] == "Succeeded"
    assert seeded.aliases() == {"champion": "1", "staging": "1"}


def test_a_writer_that_insists_is_told_of_and_not_fought(
    shared_operator: Parts, stage: Stage, seeded: Seeding
) -> None:
    between = shared_operator.between
    for value in (0.8, 0.9):
        seeded.version(val_auc=value)
    _alias(stage, seeded, drift="Restore")
    stage.request("first", NAME, source={"version": "1"})
    stage.complete("first", 60)

    deadline = time.monotonic() + 90
    while condition(stage.status("modelalias", NAME), "InSync")[1] != "Contended":
        assert time.monotonic() < deadline, stage.status("modelalias", NAME)
        seeded.client.set_registered_model_alias(seeded.model, "champion", "2")
        time.sleep(1)  # the other side's pace

    assert _sets(between, seeded) == 1 + 3, "it was set back three times"
    assert seeded.aliases() == {"champion": "2"}
