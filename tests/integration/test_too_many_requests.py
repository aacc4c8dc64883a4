"""A namespace with more open requests than it has room for, on a real API server.

The names are in the order of the requests: several may be created in one second.
"""

from pathlib import Path

from tests.support.mlflow_server import Server
from tests.support.operator_process import config_for, running_operator
from tests.support.seeding import Seeding
from tests.support.stage import Stage

ALIAS = "churn-champion"


def test_what_has_no_room_is_refused_and_a_rollback_goes_on(
    kubeconfig: str, stage: Stage, mlflow_server: Server, seeded: Seeding, tmp_path: Path
) -> None:
    for value in (0.8, 0.9, 0.95):
        seeded.version(val_auc=value)
    config = {**config_for(stage.namespace, mlflow_server.uri), "requestsPerNamespace": 1}
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
        refused = stage.complete("b-second")

        stage.request("c-back", ALIAS, operation="Rollback", source={"previous": True}, reason="it is worse")
        ended = stage.ended("c-back", "a-first")

    assert refused["phase"] == "Rejected"
    assert f"namespace {stage.namespace} has 1 older request that has not ended" in refused["explanation"]
    assert {name: status["phase"] for name, status in ended.items()} == {
        "c-back": "Succeeded",
        "a-first": "Superseded",
    }
    assert seeded.client.get_registered_model(seeded.model).aliases["champion"] == "1"
