"""A table is the same bytes for the same seed, and a hash that a model carries is the hash of its data."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.data import main as write_table
from training.pipeline import ORDINARY
from training.pipelines import NAMES, pipeline
from training.pipelines.churn import FEATURES, PIPELINE, PROMOTION, TARGET
from training.tables import DataError, Table, choose, read_dvc_pointer, read_tracked, split_at_random

OTHER = "0123456789abcdef" * 2
generate = PIPELINE.generate
POINTER = "outs:\n- md5: {md5}\n  size: 7\n  hash: md5\n  path: churn.csv\n"


def test_same_seed_gives_same_bytes() -> None:
    assert generate(rows=300, seed=1).csv == generate(rows=300, seed=1).csv


@pytest.mark.parametrize(("rows", "seed"), [(300, 2), (301, 1)], ids=["another seed", "one row more"])
def test_other_data_has_another_hash(rows: int, seed: int) -> None:
    assert generate(rows=rows, seed=seed).md5 != generate(rows=300, seed=1).md5


def test_hash_is_that_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "churn.csv"

    write_table([str(file)])

    assert (
        capsys.readouterr().out.strip() == hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    )
    assert generate().md5 == hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def test_one_changed_cell_changes_the_hash() -> None:
    table = generate(rows=300)

    changed = Table(csv=table.csv.replace(b"1", b"2", 1), source="changed")

    assert changed.md5 != table.md5


@pytest.mark.parametrize(
    ("population", "md5"),
    [
        (ORDINARY, "2a952c1e36c964b85cd909f244486145"),
        (PROMOTION, "2d56c38673d4b176fadd555688c8755d"),
    ],
)
def test_table_is_the_same_on_every_machine(population: str, md5: str) -> None:
    assert generate(population=population).md5 == md5


def test_default_population_is_the_ordinary_one() -> None:
    assert generate().md5 == generate(population=ORDINARY).md5


def test_promotion_changes_who_leaves_and_not_who_is_there() -> None:
    ordinary, promotion = (
        PIPELINE.frame(generate(rows=300, population=population)) for population in PIPELINE.populations
    )

    pd.testing.assert_frame_equal(ordinary[[*FEATURES]], promotion[[*FEATURES]])
    assert (ordinary[TARGET] != promotion[TARGET]).mean() > 0.1


@pytest.mark.parametrize(
    ("rows", "seed"), [(0, 1), (-5, 1), (300, -1)], ids=["no rows", "fewer", "negative seed"]
)
def test_table_of_senseless_numbers_is_refused(rows: int, seed: int) -> None:
    with pytest.raises(DataError, match=f"{rows} rows from seed {seed}"):
        generate(rows=rows, seed=seed)


def test_population_that_the_pipeline_does_not_know_is_refused() -> None:
    with pytest.raises(DataError, match="churn knows the population ordinary or promotion only"):
        generate(rows=300, population="summer")


def test_written_pointer_names_the_written_table(tmp_path: Path) -> None:
    write_table([str(tmp_path / "churn.csv"), "--rows", "300", "--dvc"])

    table = read_tracked(tmp_path / "churn.csv.dvc", otherwise=generate(rows=301))
    assert table.csv == generate(rows=300).csv


@pytest.mark.parametrize("name", NAMES)
def test_every_pipeline_makes_the_same_bytes_again_and_other_bytes_for_the_fresh_holdout(name: str) -> None:
    chosen = pipeline(name)

    table = chosen.generate(rows=400)

    assert table.csv == chosen.generate(rows=400).csv
    assert table.md5 != chosen.generate(rows=400, seed=chosen.holdout_seed).md5
    assert list(chosen.frame(table).columns) == [*chosen.features, chosen.target]


def test_written_table_can_be_of_the_promotion(tmp_path: Path) -> None:
    write_table([str(tmp_path / "churn.csv"), "--rows", "300", "--population", "promotion"])

    assert (tmp_path / "churn.csv").read_bytes() == generate(rows=300, population=PROMOTION).csv


def test_table_is_finite_and_has_both_outcomes() -> None:
    frame = PIPELINE.frame(generate(rows=300))

    assert list(frame.columns) == [*FEATURES, TARGET]
    assert np.isfinite(frame.to_numpy()).all()
    assert set(frame[TARGET]) == {0.0, 1.0}


def test_split_shares_no_row_and_loses_none() -> None:
    frame = PIPELINE.frame(generate(rows=400))

    known, held_out = split_at_random(frame)

    assert len(held_out) == 100
    assert sorted([*known.index, *held_out.index]) == list(range(400))


def test_split_is_the_same_each_time() -> None:
    frame = PIPELINE.frame(generate(rows=400))

    pd.testing.assert_frame_equal(split_at_random(frame)[1], split_at_random(frame)[1])


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (b"support_calls", b"calls", "support_calls"),
        (b"\n12,", b"\nmany,", "not a table of numbers"),
        (b"\n12,", b"\n,", "missing or not finite"),
        (b"\n12,", b"\ninf,", "missing or not finite"),
        (b",0\n", b",2\n", "must be 0 or 1"),
    ],
    ids=["column missing", "a word", "an empty cell", "infinity", "a third outcome"],
)
def test_unusable_table_is_refused(before: bytes, after: bytes, says: str) -> None:
    csv = generate(rows=300).csv
    assert before in csv

    with pytest.raises(DataError, match=says):
        PIPELINE.frame(Table(csv=csv.replace(before, after, 1), source="churn.csv"))


def test_pointer_is_read() -> None:
    pointer = read_dvc_pointer(POINTER.format(md5=OTHER))

    assert (pointer.md5, pointer.path) == (OTHER, "churn.csv")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "outs: []",
        "outs: [{path: churn.csv}]",
        "outs: [{md5: xyz, path: churn.csv}]",
        f"outs: [{{md5: {'a' * 32}.dir, path: data}}]",
        f"outs: [{{md5: {'a' * 32}, path: a}}, {{md5: {'b' * 32}, path: b}}]",
        "outs: [",
    ],
    ids=["empty", "no output", "no md5", "not an md5", "a folder", "two outputs", "not YAML"],
)
def test_bad_pointer_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="not a DVC pointer"):
        read_dvc_pointer(text)


def test_tracked_file_beside_the_pointer_is_used(tmp_path: Path) -> None:
    table = generate(rows=300, seed=5)
    (tmp_path / "churn.csv").write_bytes(table.csv)
    (tmp_path / "churn.csv.dvc").write_text(POINTER.format(md5=table.md5))

    assert read_tracked(tmp_path / "churn.csv.dvc", otherwise=generate(rows=300)).csv == table.csv


def test_file_is_chosen_before_the_generated_table(tmp_path: Path) -> None:
    table = generate(rows=300, seed=5)
    (tmp_path / "fresh.csv").write_bytes(table.csv)

    assert choose(tmp_path / "fresh.csv", None, otherwise=generate(rows=300)).csv == table.csv
    assert choose(None, None, otherwise=table) == table


def test_chosen_file_must_be_what_the_pointer_names(tmp_path: Path) -> None:
    (tmp_path / "fresh.csv").write_bytes(generate(rows=300, seed=5).csv)
    (tmp_path / "churn.csv.dvc").write_text(POINTER.format(md5=OTHER))

    with pytest.raises(DataError, match=f"md5 {OTHER}, but fresh.csv has"):
        choose(tmp_path / "fresh.csv", tmp_path / "churn.csv.dvc", otherwise=generate(rows=300))


def test_pointer_to_other_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "churn.csv").write_bytes(generate(rows=300, seed=5).csv)
    (tmp_path / "churn.csv.dvc").write_text(POINTER.format(md5=OTHER))

    with pytest.raises(DataError, match=f"md5 {OTHER}, but churn.csv has"):
        read_tracked(tmp_path / "churn.csv.dvc", otherwise=generate(rows=300))


def test_pointer_without_its_file_must_name_the_generated_table(tmp_path: Path) -> None:
    table = generate(rows=300)
    (tmp_path / "churn.csv.dvc").write_text(POINTER.format(md5=table.md5))

    assert read_tracked(tmp_path / "churn.csv.dvc", otherwise=table) == table
