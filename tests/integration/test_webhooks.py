"""A real MLflow server tells the operator by webhook that an alias moved, long before the next snapshot."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.mlflow_server import Server, free_port, running_mlflow
from tests.support.operator_process import config_for, running_operator
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition

ALIAS: Final = "churn-champion"
LONG: Final = "1h"


@pytest.fixture
def lax_mlflow(tmp_path: Path) -> Iterator[Server]:
    """A server that may deliver to loopback without TLS."""
    allowed = {
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    }
    with running_mlflow(tmp_path / "mlflow", variables=allowed) as server:
        yield server


def _webhook(model: Seeding, name: str, url: str, key: str) -> str:
    """Make a webhook in MLflow and return its id."""
    made = model.client.create_webhook(
        name, url, ["model_version_alias.created", "model_version_alias.deleted"], secret=key
    )
    return str(made.webhook_id)


def _drifted(alias: Object) -> bool:
    return condition(alias["status"], "InSync") == ("False", "Drifted")


def _in_sync(alias: Object) -> bool:
    return condition(alias["status"], "InSync")[0] == "True"


def test_a_move_by_hand_is_seen_at_once(
    kubeconfig: str, namespace: str, stage: Stage, lax_mlflow: Server, tmp_path: Path
) -> None:
    model = Seeding(lax_mlflow.uri, f"churn-{secrets.token_hex(4)}")
    file, port, key = tmp_path / "secret", free_port(), secrets.token_urlsafe()
    file.write_text(key)
    hooks = {"port": port, "secretFile": str(file)}
    config = {**config_for(namespace, lax_mlflow.uri, snapshotInterval=LONG), "webhooks": hooks}
    url = f"http://127.0.0.1:{port}/webhooks"
    # before the first alias: MLflow looks for webhooks once a minute
    forged = _webhook(model, "forged", f"{url}/default", "wrong")
    elsewhere = _webhook(model, "elsewhere", f"{url}/other", key)
    hint = _webhook(model, "hint", f"{url}/default", key)
    for auc in (0.8, 0.9):
        model.version(val_auc=auc)
    model.client.set_registered_model_alias(model.model, "champion", "1")

    with running_operator(kubeconfig, config, tmp_path):
        stage.apply("ModelAlias", ALIAS, {"model": model.model, "alias": "champion"})
        stage.until("modelalias", ALIAS, lambda it: "status" in it and _in_sync(it), "it was looked at")
        answers = [model.client.test_webhook(item).response_status for item in (forged, elsewhere, hint)]
        model.client.set_registered_model_alias(model.model, "champion", "2")
        moved = stage.until("modelalias", ALIAS, _drifted, "the drift is told", seconds=20)
        model.client.set_registered_model_alias(model.model, "champion", "1")
        stage.until("modelalias", ALIAS, _in_sync, "the way back is told", seconds=20)
        model.client.delete_registered_model_alias(model.model, "champion")
        gone = stage.until("modelalias", ALIAS, _drifted, "the removal is told", seconds=20)

    assert answers == [401, 404, 200]
    assert moved["status"]["observed"]["version"] == "2"
    assert "version" not in gone["status"]["observed"]
