"""What an evaluation Job is told, and what it refuses before anything heavy is loaded."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from training.assignment import Assignment, Side
from training.model_uri import ModelUri
from training.settings import Exit

EXAMPLES = Path(__file__).parents[3] / "manifests" / "examples"
TOLD = {"MLFLOW_RUN_ID": "0a1b", "MODEL_URI": "models:/churn/3", "MODELALIAS_SIDE": "Champion"}


def test_assignment_is_read() -> None:
    assert Assignment.read(TOLD) == Assignment(
        run_id="0a1b", uri=ModelUri(model="churn", version="3"), side=Side.CHAMPION
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"MLFLOW_RUN_ID": ""}, "MLFLOW_RUN_ID is not set"),
        ({"MODEL_URI": ""}, "MODEL_URI must look like"),
        ({"MODEL_URI": "models:/churn@champion"}, "MODEL_URI must name a version"),
        ({"MODELALIAS_SIDE": ""}, "MODELALIAS_SIDE must be Candidate or Champion"),
        ({"MODELALIAS_SIDE": "champion"}, "MODELALIAS_SIDE must be Candidate or Champion"),
    ],
    ids=["no run", "no model", "an alias", "no side", "another side"],
)
def test_assignment_without_sense_is_refused(changed: Mapping[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Assignment.read({**TOLD, **changed})


@pytest.mark.parametrize(
    ("environ", "says"), [({}, "MLFLOW_RUN_ID is not set"), (TOLD, "MLFLOW_TRACKING_URI is not set")]
)
def test_wrong_setting_ends_the_process_with_one_line(environ: Mapping[str, str], says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training.evaluate"],
        env=dict(environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == Exit.USAGE
    assert says in done.stderr
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)


@pytest.mark.parametrize("words", [("--rows", "many"), ("--population", "promotion"), ("models:/churn/3",)])
def test_unknown_words_are_refused(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training.evaluate", *words],
        env=TOLD,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == Exit.USAGE
    assert "usage: python -m training.evaluate" in done.stderr


def test_examples_of_alias_and_template_fit_together() -> None:
    alias, template = (
        yaml.safe_load((EXAMPLES / name).read_text("utf-8"))
        for name in ("churn-champion-holdout.yaml", "churn-holdout.yaml")
    )

    (container,) = template["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["python", "-m", "training.evaluate"]
    assert alias["spec"]["policy"]["evaluation"]["cronJob"] == template["metadata"]["name"]
    assert alias["metadata"]["namespace"] == template["metadata"]["namespace"]
    assert [gate["metric"] for gate in alias["spec"]["policy"]["gates"]] == ["val_auc", "holdout_auc"]
