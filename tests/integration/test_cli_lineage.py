"""`modelalias lineage` against a real MLflow, with a record signed as the operator signs it."""

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from modelalias.adapters.ed25519 import public_pem
from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.api.alias import AliasMove, Operation, Plan
from modelalias.core.ledger.signed_record import read, write
from modelalias.core.ledger.statement import Place
from modelalias.settings import RegistrySettings
from tests.support.fake_keys import NOTARY, private_key
from tests.support.harness import START
from tests.support.seeding import Data, Seeding
from tests.support.typed import Done, typed

MD5: Final = "2a952c1e36c964b85cd909f244486145"


@pytest.fixture
async def promoted(seeded: Seeding) -> Seeding:
    """Version 2 of a model, logged with its data's pointer, and promoted over version 1."""
    client, model = seeded.client, seeded.model
    seeded.version(val_auc=0.8)
    number = seeded.logged_version(data=Data("holdout", "9f3c"), tags={"training_data": MD5}, val_auc=0.9)
    run = str(client.get_model_version(model, number).run_id)
    client.log_param(run, "data_md5", MD5)
    client.set_tag(run, "mlflow.source.git.commit", "5c1e943")
    client.log_text(run, f"outs:\n- md5: {MD5}\n  path: churn.csv\n", "churn.csv.dvc")
    client.set_registered_model_alias(model, "champion", number)
    registry = MlflowRegistry(RegistrySettings(uri=str(client.tracking_uri)))
    version = await registry.version(model, number)
    place = Place(
        registry="default",
        model=model,
        alias="champion",
        version=number,
        registered_at=version.registered_at,
    )
    plan = Plan(
        operation=Operation.PROMOTE,
        aliases=(AliasMove(name="champion", from_="1", to=number),),
        started_at=START,
        actor="ana",
        approvers=("bo",),
        run_id=run,
        reason="retrained",
    )
    await registry.tag_version(
        model,
        number,
        {
            "modelalias.champion": write(
                NOTARY, place, read(NOTARY, place, None).with_promotion(plan, "champion")
            )
        },
    )
    await registry.close()
    return seeded


@pytest.fixture
def key(tmp_path: Path) -> str:
    file = tmp_path / "key.pem"
    file.write_text(public_pem(private_key(1).public_key()))
    return str(file)


def lineage(seeded: Seeding, reference: str, *arguments: str) -> Done:
    return typed(
        *("lineage", f"{seeded.model}{reference}", *arguments),
        environ={**os.environ, "MLFLOW_TRACKING_URI": str(seeded.client.tracking_uri)},
    )


def test_the_way_from_the_data_to_who_approved_is_shown(promoted: Seeding, key: str) -> None:
    done = lineage(promoted, "@champion", "--public-key", key, "-o", "json")
    told: dict[str, Any] = json.loads(done.stdout)
    said = told["registry"]

    assert (done.returncode, done.stderr, told["version"]) == (0, "", "2")
    assert said["data"]["md5"] == MD5
    assert [item["source"] for item in said["data"]["sources"]] == [
        "parameter data_md5 of the run",
        "DVC pointer of the run: churn.csv.dvc (churn.csv)",
        "tag training_data of the version",
    ]
    assert (said["gitCommit"], said["run"]["metrics"], said["madeByRun"]) == (
        "5c1e943",
        {"val_auc": "0.9"},
        True,
    )
    (record,) = told["records"]
    assert (record["result"], record["replaced"], record["record"]["by"]) == ("Valid", "1", "ana")


def test_without_a_key_the_record_is_not_checked_and_a_deleted_run_is_said(promoted: Seeding) -> None:
    run = str(promoted.client.get_model_version(promoted.model, "2").run_id)
    promoted.client.delete_run(run)

    done = lineage(promoted, "/2")

    assert (done.returncode, done.stderr) == (0, "")
    assert "the run is deleted" in done.stdout
    assert "The record as champion is NOT CHECKED" in done.stdout
    assert "DVC pointer of the run: churn.csv.dvc" in done.stdout


def test_the_picture_is_one_document(promoted: Seeding, key: str) -> None:
    mermaid = lineage(promoted, "@champion", "--public-key", key, "-o", "mermaid").stdout
    dot = lineage(promoted, "@champion", "--public-key", key, "-o", "dot").stdout

    assert mermaid.startswith("flowchart LR\n")
    assert "approved by bo<br/>replaced version 1" in mermaid
    assert dot.startswith("digraph lineage {\n")
    assert dot.endswith("}\n")


@pytest.mark.parametrize("reference", ["@nobody", "/9", ""])
def test_what_is_not_there_is_status_2(promoted: Seeding, reference: str) -> None:
    done = lineage(promoted, reference)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("modelalias: ")
    assert done.stderr.count("\n") == 1
