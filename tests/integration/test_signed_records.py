"""A record from the promotion to somebody who checks it, on a real API server and a real MLflow."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.operator_account import HOME
from tests.support.operator_process import OperatorProcess
from tests.support.seeding import Seeding
from tests.support.stage import Stage
from tests.support.typed import typed

ALIAS = "churn-champion"
KEY = "modelalias.champion"
PUBLIC_KEYS = "modelalias-public-keys"


class Auditor:
    """Somebody with a public key and read access to MLflow, and no cluster."""

    def __init__(self, seeded: Seeding, keys: Path) -> None:
        self.seeded, self.keys = seeded, keys

    def ask(self, command: str, record: str) -> tuple[int, dict[str, Any]]:
        done = typed(
            *(command, record, "--public-keys", str(self.keys), "-o", "json"),
            environ={**os.environ, "MLFLOW_TRACKING_URI": str(self.seeded.client.tracking_uri)},
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def auditor(seeded: Seeding, tmp_path: Path) -> Auditor:
    return Auditor(seeded, tmp_path / "keys.json")


def _public_keys(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stage.kubectl("get", "configmap", PUBLIC_KEYS, "-o", "json"))
    return found


def test_a_promotion_can_be_checked_without_the_cluster_and_a_copy_of_its_record_proves_nothing(
    operator: OperatorProcess, stage: Stage, seeded: Seeding, auditor: Auditor
) -> None:
    for auc in (0.80, 0.85, 0.10):
        seeded.version(val_auc=auc)
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion"})
    for version in ("1", "2"):
        stage.request(f"churn-v{version}", ALIAS, source={"version": version}, reason="better")
        assert stage.complete(f"churn-v{version}")["phase"] == "Succeeded"
    auditor.keys.write_text(json.dumps(_public_keys(stage)))
    seeded.client.set_model_version_tag(seeded.model, "3", KEY, seeded.tags("2")[KEY])

    status, told = auditor.ask("verify", f"{seeded.model}@champion")
    copied, _ = auditor.ask("verify", f"models:/{seeded.model}/3")
    _, lineage = auditor.ask("lineage", f"{seeded.model}@champion")
    stage.request("back", ALIAS, operation="Rollback", source={"version": "3"}, reason="complaints")

    assert (status, told["result"], told["version"]) == (0, "Valid", "2")
    assert (told["record"]["from"], told["record"]["reason"], told["record"]["outcome"]) == (
        "1",
        "better",
        "Succeeded",
    )
    assert copied == 1
    (record,) = lineage["records"]
    assert (record["proved"], record["replaced"], record["record"]["reason"]) == (True, "1", "better")
    assert stage.complete("back")["phase"] == "Rejected"
    assert seeded.aliases() == {"champion": "2"}
    log = operator.log.read_text()
    assert "a record is not believed" in log
    assert "PRIVATE KEY" not in log


def test_two_operators_of_a_namespace_have_one_key_and_the_second_reads_it_after_a_restart(
    operator: OperatorProcess, stage: Stage, seeded: Seeding
) -> None:
    seeded.version(val_auc=0.8)
    seeded.version(val_auc=0.9)
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion"})
    stage.request("first", ALIAS, source={"version": "1"})
    stage.complete("first")

    operator.kill()
    operator.start()
    stage.request("second", ALIAS, source={"version": "2"})
    stage.complete("second", seconds=90)

    keys = {json.loads(seeded.tags(version)[KEY])["signed"]["key"] for version in ("1", "2")}
    assert len(keys) == 1
    assert {f"{key}.pem" for key in keys} == _public_keys(stage)["data"].keys()


def test_whoever_can_sign_in_may_read_the_public_keys_and_nobody_the_key(stage: Stage) -> None:
    may = {
        what: stage.kubectl(
            "auth", "can-i", *what.split(), f"--namespace={HOME}", "--as=somebody", check=False
        ).strip()
        for what in (
            f"get configmap/{PUBLIC_KEYS}",
            f"patch configmap/{PUBLIC_KEYS}",
            "list configmaps",
            "get secret/modelalias-signing-key",
        )
    }

    assert list(may.values()) == ["yes", "no", "no", "no"]
