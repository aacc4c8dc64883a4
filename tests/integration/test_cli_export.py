"""The export of the ledger from a real API server and a real MLflow."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.kube_api import Person
from tests.support.mlflow_server import Server
from tests.support.seeding import Seeding
from tests.support.stage import Stage
from tests.support.terminal import Terminal

ALIAS = "churn-champion"
EVE = Person("eve")


@pytest.mark.usefixtures("shared_operator")
def test_whoever_may_look_exports_moves_requests_and_records(
    stage: Stage, seeded: Seeding, mlflow_server: Server, tmp_path: Path
) -> None:
    stage.bind({EVE: "view"})
    for auc in (0.8, 0.9):
        seeded.version(val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    policy = {"requestTags": ["ticket"]}
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "policy": policy})
    stage.request("go", ALIAS, source={"version": "2"}, onSuccess={"tags": {"ticket": "ML-12"}})
    done = stage.complete("go")
    place = tmp_path / "ledger.jsonl"

    exported = Terminal(stage).type(
        *("export", "--all", "--output", str(place), "--records-from", mlflow_server.uri), who=EVE
    )

    assert (exported.returncode, exported.stdout) == (0, ""), exported
    lines: list[dict[str, Any]] = [json.loads(line) for line in place.read_text().splitlines()]
    assert [item["type"] for item in lines] == [
        "Export",
        "ModelAlias",
        "Move",
        "Move",
        "Request",
        "Record",
        "Record",
        "End",
    ]
    assert [item["move"]["to"] for item in lines if item["type"] == "Move"] == ["1", "2"]
    (request,) = (item for item in lines if item["type"] == "Request")
    assert request["status"] == done
    assert request["status"]["tags"] == {"ticket": "ML-12"}
    records = {item["version"]: item["record"] for item in lines if item["type"] == "Record"}
    assert records == {number: seeded.tags(number)["modelalias.champion"] for number in ("1", "2")}
