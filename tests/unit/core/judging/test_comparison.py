"""Which version is called the best, and when none is."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from modelalias.api.gates import Direction
from modelalias.core.judging.comparison import Criterion, Entry, Ranking, differing_parameters, rank
from modelalias.ports import Dataset, ModelVersion, RunDetails, RunStatus, VersionState

AUC = Criterion(metric="auc")
LOSS = Criterion(metric="auc", direction=Direction.LOWER)
HOLDOUT = Dataset(name="holdout", digest="9f3c", context="validation")
OTHER = Dataset(name="holdout", digest="77aa", context="validation")
TRAINING = Dataset(name="churn", digest="0001", context="training")


def run(value: str | None, *data: Dataset, **fields: object) -> RunDetails:
    metrics = {} if value is None else {"auc": Decimal(value)}
    return RunDetails.model_validate(
        {"run_id": "r", "metrics": metrics, "datasets": data or (HOLDOUT,), **fields}
    )


def entry(number: int, of: RunDetails | None, **fields: object) -> Entry:
    version = ModelVersion(
        model="churn",
        version=str(number),
        run_id="r",
        state=VersionState.READY,
        tags={},
        registered_at=datetime(2026, 1, number, tzinfo=UTC),
    )
    state = fields.pop("state", VersionState.READY)
    return Entry.model_validate({"version": version.changed(state=state), "run": of, **fields})


def ranked(*runs: RunDetails | None, by: Criterion = AUC, any_data: bool = False) -> Ranking:
    """Rank versions 1, 2, ... of these runs."""
    return rank([entry(number, of) for number, of in enumerate(runs, 1)], by, any_data=any_data)


@pytest.mark.parametrize(
    ("by", "values", "best"),
    [
        pytest.param(AUC, ["0.8", "0.9", "0.7"], ("2",), id="higher"),
        pytest.param(LOSS, ["0.8", "0.9", "0.7"], ("3",), id="lower"),
        pytest.param(AUC, ["0.9", "0.8", "0.90"], ("1", "3"), id="a tie, whatever the digits"),
        pytest.param(AUC, ["0.30000000000000004", "0.3"], ("1",), id="a difference in the last digit"),
        pytest.param(AUC, ["-1", "NaN", "Infinity", None], ("1",), id="what is no number never wins"),
        pytest.param(LOSS, ["5", "NaN", "-Infinity", None], ("1",), id="nor if lower is better"),
        pytest.param(AUC, ["0.5", "1.7976931348623157E+308"], ("1",), id="nor MLflow's infinity"),
        pytest.param(AUC, ["0.8"], ("1",), id="one alone"),
    ],
)
def test_the_best_is_the_best_number_that_counts(
    by: Criterion, values: list[str | None], best: tuple[str, ...]
) -> None:
    ranking = ranked(*map(run, values), by=by)

    assert ranking.best == best
    assert ranking.why_none == ""


def test_the_order_in_which_they_are_given_does_not_matter() -> None:
    entries = [entry(number, run("0.9")) for number in (10, 9, 11)]

    assert rank(entries, AUC).best == ("9", "10", "11")


@pytest.mark.parametrize(
    ("of", "fields", "note"),
    [
        (None, {}, "run r is gone"),
        (run("0.9", deleted=True), {}, "run r is deleted"),
        (run("0.9", status=RunStatus.RUNNING), {}, "run r has not finished"),
        (run("0.9"), {"foreign": "run r did not make it"}, "run r did not make it"),
        (run("0.9"), {"state": VersionState.FAILED}, "its registration is FAILED_REGISTRATION"),
        (run(None), {}, "its run has no auc"),
        (run("NaN"), {}, "auc is NaN, which cannot be compared"),
        (run("Infinity"), {}, "auc is Infinity, which cannot be compared"),
    ],
    ids=["gone", "deleted", "running", "of another run", "not ready", "missing", "NaN", "infinite"],
)
def test_a_number_that_does_not_count_says_why_and_does_not_win(
    of: RunDetails | None, fields: dict[str, object], note: str
) -> None:
    ranking = rank([entry(1, run("0.1")), entry(2, of, **fields)], AUC)

    assert ranking.best == ("1",)
    assert ranking.readings["2"].note == note
    assert rank([entry(2, of, **fields)], AUC).why_none == "no version has one that counts"


def test_no_version_is_best_across_different_data() -> None:
    ranking = ranked(run("0.8"), run("0.9", OTHER), run("0.7"))

    assert ranking.best == ()
    assert [(group.versions, group.best) for group in ranking.groups] == [
        (("1", "3"), ("1",)),
        (("2",), ("2",)),
    ]
    assert ranking.why_none == (
        "they were not measured on the same data: versions 1, 3 on holdout@9f3c (best: 1); "
        "version 2 on holdout@77aa"
    )
    assert ranked(run("0.8"), run("0.9", OTHER), any_data=True).best == ("2",)


def test_a_number_that_does_not_count_makes_no_data_differ() -> None:
    assert ranked(run("0.8"), run("NaN", OTHER), run("0.9")).best == ("3",)


def test_what_a_run_trained_on_does_not_matter() -> None:
    ranking = ranked(run("0.8", TRAINING, HOLDOUT), run("0.9", HOLDOUT))

    assert ranking.best == ("2",)


def test_data_that_is_not_known_is_not_the_same_data() -> None:
    nameless = Dataset(name="holdout", digest="")
    unknown = ranked(run("0.8", nameless), run("0.9", nameless))
    mixed = ranked(run("0.8"), run("0.9"), run("0.95", nameless))

    assert (unknown.best, unknown.why_none) == ((), "the data of versions 1, 2 is not known")
    assert mixed.why_none == (
        "they were not measured on the same data: versions 1, 2 on holdout@9f3c (best: 2); "
        "version 3 on data that is not known"
    )


def test_rows_tell_data_apart_that_has_one_digest() -> None:
    ten, twenty = HOLDOUT.changed(rows=10), HOLDOUT.changed(rows=20)
    ranking = ranked(run("0.7", HOLDOUT), run("0.8", ten), run("0.9", twenty))

    assert ranking.best == ()
    assert [group.versions for group in ranking.groups] == [("1", "2"), ("3",)]


def test_a_value_has_the_digits_that_tell_it_from_the_others() -> None:
    ranking = ranked(run("0.85693371155"), run("0.85693371999"), run("NaN"), run(None))

    assert [ranking.shown(number) for number in "1234"] == ["0.85693371", "0.85693372", "NaN", ""]


def test_parameters_differ_where_one_run_lacks_them_too() -> None:
    runs = (
        run("1", parameters={"degree": "1", "noise": "0", "seed": "7"}),
        run("1", parameters={"degree": "2", "noise": "0"}),
        None,
    )

    assert differing_parameters([entry(number, of) for number, of in enumerate(runs, 1)]) == (
        "degree",
        "seed",
    )
