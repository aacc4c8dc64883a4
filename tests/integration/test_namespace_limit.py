"""A namespace with more open requests than are in work at a time, on a real API server.

The names are in the order of the requests: several may be created in one second.
"""

from pathlib import Path

from tests.support.mlflow_server import Server
from tests.support.operator_process import config_for, running_operator
from tests.support.seeding import Seeding
from tests.support.stage import Stage

ALIAS = "churn-champion"


def test_newer_requests_wait_and_say_so_and_a_rollback_does_not(
    kubeconfig: str, stage: Stage, mlflow_server: Server, seeded: Seeding, tmp_path: Path
) -> None:
    for value in (0.8, 0.9, 0.95):
        seeded.version(val_auc=value)
    config = {**config_for(stage.namespace, mlflow_server.uri), "requestsInWork": 1}
    spec = {"model": seeded.model, "alias": "champion"}
    with running_operator(kubeconfig, config, tmp_path):
        stage.apply("ModelAlias", ALIAS, spec)
        for version in ("1", "2"):
            stage.request(f"to-{version}", ALIAS, source={"version": version})
            assert stage.complete(f"to-{version}")["phase"] == "Succeeded"
        stage.apply("ModelAlias", ALIAS, {**spec, "policy": {"approval": {"required": "Always"}}})
        stage.until(
            "modelalias",
            ALIAS,
            lambda it: it["status"]["observedGeneration"] == it["metadata"]["generation"],
            "the operator has seen that people are asked",
        )
        stage.request("a-first", ALIAS, source={"version": "3"})
        stage.reaches("a-first", "AwaitingApproval")
        stage.request("b-second", ALIAS, source={"version": "3"})

        told = stage.until(
            "promotionrequest",
            "b-second",
            lambda it: any(
                item["reason"] == "NamespaceLimit" for item in it.get("status", {}).get("conditions", [])
            ),
            "it says that there is no room",
        )["status"]
        assert told["phase"] == "Pending"
        assert f"namespace {stage.namespace} has 1 older request in work" in told["explanation"]

        stage.request("c-back", ALIAS, operation="Rollback", source={"previous": True}, reason="it is worse")
        ended = stage.ended("c-back", "a-first", "b-second")

    assert {name: status["phase"] for name, status in ended.items()} == {
        "c-back": "Succeeded",
        "a-first": "Superseded",
        "b-second": "Superseded",
    }
    assert seeded.client.get_registered_model(seeded.model).aliases["champion"] == "1"
