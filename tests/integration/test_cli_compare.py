"""`modelalias compare` as a script runs it, against a real MLflow."""

import json
import os
from typing import Final

import pytest

from tests.support.seeding import Data, Seeding
from tests.support.typed import Done, typed

HOLDOUT: Final = Data("holdout", "9f3c")
OTHER: Final = Data("holdout", "77aa")


@pytest.fixture
def measured(seeded: Seeding) -> Seeding:
    """Four versions on one holdout, one of them NaN, and one on another."""
    for auc, data in (
        (0.80, HOLDOUT),
        (0.85, HOLDOUT),
        (float("nan"), HOLDOUT),
        (0.82, HOLDOUT),
        (0.95, OTHER),
    ):
        seeded.logged_version(data=data, val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    return seeded


def compare(seeded: Seeding, *arguments: str) -> Done:
    return typed(
        *("compare", seeded.model, "--metric", "val_auc", *arguments),
        environ={**os.environ, "MLFLOW_TRACKING_URI": str(seeded.client.tracking_uri)},
    )


def test_the_best_is_a_number_for_a_script_and_nan_never_wins(measured: Seeding) -> None:
    before = measured.aliases()

    highest = compare(measured, "--best", "--versions", "1,2,3,4")
    lowest = compare(measured, "--best", "--versions", "1,2,3,4", "--lower-is-better")

    assert (highest.returncode, highest.stdout, highest.stderr) == (0, "2\n", "")
    assert (lowest.returncode, lowest.stdout, lowest.stderr) == (0, "1\n", "")
    assert measured.aliases() == before


def test_no_version_is_best_across_different_data_unless_that_is_wanted(measured: Seeding) -> None:
    none, any_data = compare(measured, "--best"), compare(measured, "--best", "--any-data")

    assert (none.returncode, none.stdout) == (2, "")
    assert none.stderr == (
        "modelalias: no version is the best by val_auc (higher is better): they were not measured on the same data: "
        "versions 1, 2, 4 on holdout@9f3c (best: 2); version 5 on holdout@77aa; "
        "--any-data compares them all the same\n"
    )
    assert (any_data.returncode, any_data.stdout) == (0, "5\n")


def test_the_table_says_who_has_which_alias_and_what_does_not_count(measured: Seeding) -> None:
    client = measured.client
    run = str(client.get_model_version(measured.model, "4").run_id)
    client.delete_run(run)

    done = compare(measured, "--versions", "1,3,4")
    told = [" ".join(line.split()) for line in done.stdout.splitlines()]

    assert (done.returncode, done.stderr) == (0, "")
    assert told[1] == "VERSION val_auc DATA RUN CREATED ALIASES"
    assert told[2].startswith(f"4 (0.82) holdout@9f3c {run[:8]} ")
    assert told[3].startswith("3 NaN holdout@9f3c ")
    assert told[4].startswith("1 0.8 holdout@9f3c ")
    assert told[4].endswith(" champion")
    assert told[5:] == [
        "best by val_auc (higher is better): version 1 with 0.8, of 1 on holdout@9f3c",
        "version 3: val_auc is NaN, which cannot be compared",
        f"version 4: run {run} is deleted",
    ]


def test_the_newest_are_compared_and_those_that_an_alias_names(measured: Seeding) -> None:
    done = compare(measured, "--last", "2", "-o", "json")
    told = json.loads(done.stdout)

    assert [item["version"] for item in told["versions"]] == ["5", "4", "1"]
    assert told["leftOut"] == "versions before 4 are left out, save 1 that an alias names"
    assert told["versions"][2]["aliases"] == ["champion"]
    assert told["versions"][0]["datasets"] == [
        {"name": "holdout", "digest": "77aa", "context": "validation", "rows": None}
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--versions", "1,9"], "has no version 9"), (["--versions", "one"], "takes numbers")],
)
def test_what_cannot_be_compared_is_status_2(measured: Seeding, arguments: list[str], said: str) -> None:
    done = compare(measured, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
