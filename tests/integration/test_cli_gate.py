"""`modelalias gate` as a pipeline runs it, against a real MLflow: status, table, JSON, and that nothing is
written."""

import json
import os
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.mlflow_server import free_port
from tests.support.seeding import Seeding
from tests.support.stage import Stage
from tests.support.typed import Done, typed

ALIAS = "churn-champion"
GATES: list[dict[str, Any]] = [
    {"name": "auc-floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.7},
    {
        "name": "beats-champion",
        "metric": "val_auc",
        "direction": "HigherIsBetter",
        "champion": {"minImprovement": 0.002},
    },
]
PASSED = "version 2 passed: 2/2 gates passed; it would replace version 1 as champion"
BAR = ">= 0.802 (champion 0.8 + 0.002)"
HOLDOUT = {**GATES[1], "name": "holdout", "metricFrom": "Evaluation"}


@pytest.fixture
def judged(seeded: Seeding, mlflow_uri: str) -> "Pipeline":
    """A champion, a better and a worse version, and a version without the metric."""
    for auc in (0.80, 0.85, 0.79):
        seeded.version(val_auc=auc)
    seeded.version()
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    return Pipeline(seeded, mlflow_uri)


@pytest.fixture
def mlflow_uri(seeded: Seeding) -> str:
    return str(seeded.client.tracking_uri)


class Pipeline:
    """The CI of a training repository: an alias file on standard input, the registry's address in the
    environment."""

    def __init__(self, seeded: Seeding, uri: str) -> None:
        self.seeded, self.uri = seeded, uri

    def spec(self, **policy: Any) -> Mapping[str, Any]:
        return {"model": self.seeded.model, "alias": "champion", "policy": {"gates": GATES, **policy}}

    def gate(self, version: str, *arguments: str, uri: str | None = None, **policy: Any) -> Done:
        body = {"apiVersion": "modelalias.dev/v1alpha1", "kind": "ModelAlias", "metadata": {"name": ALIAS}}
        environ = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
        return typed(
            *("gate", "-f", "-", "--version", version, *arguments),
            stdin=json.dumps({**body, "spec": self.spec(**policy)}),  # JSON is YAML
            environ={**environ, "MLFLOW_TRACKING_URI": uri or self.uri},
        )

    def seen(self) -> tuple[object, ...]:
        """Return what a promotion would change."""
        model = self.seeded.client.get_registered_model(self.seeded.model)
        return (self.seeded.aliases(), dict(model.tags), *(self.seeded.tags(version) for version in "1234"))


@pytest.mark.parametrize(
    ("version", "policy", "status", "lines"),
    [
        pytest.param(
            "2",
            {},
            0,
            ["auc-floor Passed 0.85 - >= 0.7 - -", f"beats-champion Passed 0.85 0.8 {BAR} - -", PASSED],
            id="passed",
        ),
        pytest.param("1", {}, 0, ["champion already names version 1: nothing to do"], id="nothing-to-do"),
        pytest.param(
            "3",
            {},
            1,
            [
                f"beats-champion Failed 0.79 0.8 {BAR} - short by 0.012",
                f"version 3 refused: gate beats-champion: val_auc 0.79 is not {BAR}, short by 0.012",
            ],
            id="refused",
        ),
        pytest.param(
            "4",
            {},
            1,
            ["auc-floor Failed - - >= 0.7 - the metric of the candidate was not logged"],
            id="missing",
        ),
        pytest.param(
            "2",
            {"gates": [*GATES, HOLDOUT], "evaluation": {"cronJob": "holdout"}},
            2,
            ["holdout Inconclusive - - >= champion + 0.002 - only the operator starts evaluation Jobs"],
            id="evaluation",
        ),
        pytest.param(
            "3",
            {"gates": [*GATES, HOLDOUT], "evaluation": {"cronJob": "holdout"}},
            1,
            [f"beats-champion Failed 0.79 0.8 {BAR} - short by 0.012"],
            id="refused-before-evaluation",
        ),
        pytest.param(
            "2",
            {"eligibility": {"requireTags": {"validated_by": "*"}}},
            1,
            ["eligibility Failed - - requireTags validated_by=* - version 2 has no tag validated_by"],
            id="not-eligible",
        ),
        pytest.param(
            "2",
            {"eligibility": {"tagSchema": {"required": ["owner"]}}},
            1,
            ["eligibility Failed - - tagSchema owner - version 2 has no tag owner: set it in MLflow"],
            id="not-as-the-schema-wants",
        ),
        pytest.param(
            "2",
            {"approval": {"required": "Always", "minimum": 2, "users": ["ana"]}},
            0,
            [f"{PASSED}; a request then waits for 2 approvals from user ana"],
            id="approval",
        ),
    ],
)
def test_status_and_table_are_the_verdict(
    judged: Pipeline, version: str, policy: Mapping[str, Any], status: int, lines: list[str]
) -> None:
    before = judged.seen()

    done = judged.gate(version, **policy)

    assert (done.returncode, done.stderr) == (status, ""), done
    told = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert told[0] == f"model {judged.seeded.model}, alias champion, version {version}, champion 1"
    assert not set(lines) - set(told), done.stdout
    assert judged.seen() == before


def test_a_first_version_meets_no_champion(judged: Pipeline) -> None:
    judged.seeded.client.delete_registered_model_alias(judged.seeded.model, "champion")

    done = judged.gate("3")

    assert done.returncode == 0
    assert "no version was accepted yet, so there is no champion" in done.stdout
    assert "it would replace nothing as champion" in done.stdout


def test_a_run_that_goes_on_is_not_judged(judged: Pipeline) -> None:
    client, model = judged.seeded.client, judged.seeded.model
    run = client.create_run("0").info.run_id
    client.log_metric(run, "val_auc", 0.9)
    version = str(
        client.create_model_version(
            model, source=f"runs:/{run}/model", run_id=run, await_creation_for=0
        ).version
    )

    done = judged.gate(version)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"modelalias: version {version} cannot be judged yet: waits until run {run} has finished; if its training "
        f"is dead, end it: python -c \"import mlflow; mlflow.MlflowClient().set_terminated('{run}', 'KILLED')\"\n"
    )


@pytest.mark.parametrize("run_id", ["a-b", "a' OR '1' = '1"])
def test_a_version_of_a_run_with_an_odd_id_is_judged(judged: Pipeline, run_id: str) -> None:
    client, model = judged.seeded.client, judged.seeded.model
    version = str(client.create_model_version(model, "s3://bucket/elsewhere", run_id).version)

    done = judged.gate(version)

    assert (done.returncode, done.stderr) == (2, "")
    assert f"run {run_id} of version {version} is not there" in done.stdout


@pytest.mark.parametrize(
    ("version", "policy", "said"),
    [
        ("9", {}, "modelalias: model {model} has no version 9\n"),
        (
            "2",
            {"gates": [{"name": "x"}]},
            "modelalias: standard input: ModelAlias churn-champion is not valid: spec.policy.gates.",
        ),
    ],
)
def test_what_cannot_be_judged_is_status_2(
    judged: Pipeline, version: str, policy: Mapping[str, Any], said: str
) -> None:
    done = judged.gate(version, **policy)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said.format(model=judged.seeded.model)), done.stderr


def test_a_server_that_is_down_is_status_2(judged: Pipeline) -> None:
    done = judged.gate("2", uri=f"http://127.0.0.1:{free_port()}")

    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "modelalias: the registry cannot be reached: its host refuses the connection\n",
    )


@pytest.mark.usefixtures("operator")
def test_the_json_is_what_a_request_says(judged: Pipeline, stage: Stage) -> None:
    policy: dict[str, Any] = {"eligibility": {"requireAlias": "smoke"}}
    for name, version in (("smoke", "2"), ("challenger", "3")):
        judged.seeded.client.set_registered_model_alias(judged.seeded.model, name, version)
    stage.apply("ModelAlias", ALIAS, judged.spec(**policy))

    for version, status in (("1", 0), ("2", 0), ("3", 1)):
        stage.request(f"dry-{version}", ALIAS, source={"version": version}, dryRun=True)
        expected = json.loads(stage.complete(f"dry-{version}")["result"])
        done = judged.gate(version, "-o", "json", **policy)
        told = json.loads(done.stdout)

        assert done.returncode == status
        assert told.pop("result") == ("Refused" if status else "Passed")
        assert {*expected} - {*told} == {"request", "namespace", "phase"}
        words = {"reason", "explanation"}  # a dry run says of itself that it is one
        assert {key: told[key] for key in told if key not in words} == {
            key: expected[key] for key in told if key not in words
        }
