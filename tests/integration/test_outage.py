"""A registry that goes away in the middle of a promotion: nothing moves, nothing is lost, and it goes on by
itself."""

from pathlib import Path

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.door import door_to
from tests.support.mlflow_server import Server, free_port
from tests.support.operator_process import config_for, running_operator
from tests.support.seeding import Seeding
from tests.support.stage import Stage, condition

ALIAS = "churn-champion"


def test_a_promotion_outlives_its_registry(
    kubeconfig: str, namespace: str, stage: Stage, seeded: Seeding, mlflow_server: Server, tmp_path: Path
) -> None:
    seeded.version(val_auc=0.8)
    stage.deployment("churn-api", IMAGE)
    stage.apply(
        "ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "serving": [{"name": "churn-api"}]}
    )
    stage.fill_quota(1)
    with door_to(mlflow_server.port, free_port()) as door:
        config = config_for(namespace, f"http://127.0.0.1:{door.port}", timeoutSeconds=3)
        with running_operator(kubeconfig, config, tmp_path):
            stage.request("churn-v1", ALIAS, source={"version": "1"})
            stage.reaches("churn-v1", "RollingOut")

            door.shut()
            away = stage.until(
                "modelalias",
                ALIAS,
                lambda it: condition(it["status"], "RegistryReachable")[0] == "False",
                "the outage is told",
            )
            stage.free_quota()
            stage.request("late", ALIAS, source={"version": "1"})
            late = stage.until(
                "promotionrequest",
                "late",
                lambda it: "phase" in it.get("status", {}),
                "the late one is answered",
            )
            meanwhile = stage.status("promotionrequest", "churn-v1")
            door.open()
            ended = stage.complete("churn-v1", 90)
            after = stage.complete("late", 60)

    assert away["status"]["phase"] == "Unreachable"
    assert meanwhile["phase"] == "RollingOut", "an outage changes no phase"
    assert late["status"]["phase"] == "Pending"
    assert ended["phase"] == "Succeeded"
    assert condition(after, "Complete") == ("True", "NoOp")
    assert seeded.aliases() == {"champion": "1"}
