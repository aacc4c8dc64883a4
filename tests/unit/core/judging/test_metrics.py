"""Which readings a run and a logged model give, and which two of them may be compared."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from modelalias.api.gates import DatasetRule
from modelalias.core.judging import metrics
from modelalias.core.judging.metrics import Pair, Reading, Readings
from modelalias.ports import Dataset, Measurement, Run

VAL, TEST = Dataset(name="val", digest="1"), Dataset(name="test", digest="2")
UNNAMED = Dataset(name="val", digest="")

values = st.sampled_from([None, Decimal("0.8"), Decimal("0.9"), Decimal("NaN")])
datasets = st.lists(
    st.sampled_from([VAL, TEST, UNNAMED, Dataset(name="holdout", digest="1")]), max_size=2
).map(tuple)
readings = st.lists(st.builds(Reading, value=values, datasets=datasets), min_size=1, max_size=4).map(tuple)
notes = st.text(min_size=1, max_size=20)


def _dataset(context: str) -> Dataset:
    return Dataset(name=context.lower() or "unsaid", digest=context, context=context)


def _run(*contexts: str) -> Run:
    return Run(run_id="r", metrics={"auc": Decimal("0.9")}, datasets=tuple(map(_dataset, contexts)))


def _reading(value: str, *data: Dataset) -> Reading:
    return Reading(value=Decimal(value), datasets=data)


def _same(candidate: Readings, champion: Readings) -> Pair:
    return metrics.pair(candidate, champion, DatasetRule.SAME)


# What is read


@pytest.mark.parametrize(
    ("contexts", "kept"),
    [
        pytest.param((), (), id="no input"),
        pytest.param(("validation",), ("validation",), id="one input"),
        pytest.param(("train", "validation"), ("validation",), id="what it trained on is left out"),
        pytest.param(("training", "eval"), ("eval",), id="by its longer word too"),
        pytest.param(("Train", "TRAINING", "Eval"), ("Eval",), id="whatever the case"),
        pytest.param(("train", "validation", "test"), ("validation", "test"), id="all the others stay"),
        pytest.param(("train", ""), ("",), id="an input of which nothing was said"),
        pytest.param(("train_test",), ("train_test",), id="another word with train in it"),
        pytest.param(("train",), ("train",), id="only what it trained on"),
        pytest.param(("train", "training"), ("train", "training"), id="only what it trained on, twice"),
    ],
)
def test_a_metric_of_a_run_is_about_its_inputs_apart_from_what_it_trained_on(
    contexts: tuple[str, ...], kept: tuple[str, ...]
) -> None:
    found = metrics.of_run(_run(*contexts), "auc")

    assert found == (Reading(value=Decimal("0.9"), datasets=tuple(map(_dataset, kept))),)


def test_a_metric_that_a_run_does_not_have_is_a_reading_without_a_value() -> None:
    (found,) = metrics.of_run(_run("validation"), "loss")

    assert (found.value, found.note, found.unclear) == (None, "", False)
    assert found.datasets == (_dataset("validation"),)


def test_a_logged_model_gives_one_reading_of_the_metric_for_each_dataset() -> None:
    given_ = [("auc", "0.9", VAL), ("auc", "0.8", None), ("auc", "NaN", TEST), ("loss", "0.1", VAL)]
    found = metrics.of_logged_model(
        [Measurement(key=key, value=Decimal(value), dataset=dataset) for key, value, dataset in given_], "auc"
    )

    assert [(str(item.value), item.datasets) for item in found] == [
        ("0.9", (VAL,)),
        ("0.8", ()),
        ("NaN", (TEST,)),
    ]


def test_a_logged_model_without_the_metric_gives_one_reading_without_a_value() -> None:
    assert metrics.of_logged_model([], "auc") == (Reading(),)
    assert metrics.of_logged_model([Measurement(key="loss", value=Decimal(1), dataset=None)], "auc") == (
        Reading(),
    )


@pytest.mark.parametrize("unclear", [True, False])
def test_what_is_missing_says_why(unclear: bool) -> None:
    assert metrics.missing("gone", unclear=unclear) == (Reading(note="gone", unclear=unclear),)
    assert not metrics.missing("gone")[0].unclear


@pytest.mark.parametrize(
    ("data", "known"),
    [((), False), ((VAL,), True), ((VAL, TEST), True), ((UNNAMED,), False), ((VAL, UNNAMED), False)],
    ids=["no data", "one", "two", "no digest", "one of two without a digest"],
)
def test_data_is_known_only_all_together(data: tuple[Dataset, ...], known: bool) -> None:
    assert Reading(datasets=data).is_known is known


@pytest.mark.parametrize(
    ("candidate", "champion", "words"),
    [
        pytest.param((VAL.changed(rows=10_001),), (VAL.changed(rows=10_001),), "", id="as many rows"),
        pytest.param((VAL.changed(rows=10_001),), (VAL,), "", id="rows of one side not known"),
        pytest.param(
            (VAL.changed(rows=10_001),),
            (VAL.changed(rows=20_000),),
            "the candidate on val@1 (10001 rows), the champion on val@1 (20000 rows)",
            id="more rows than the digest covers",
        ),
        pytest.param(
            (VAL, TEST.changed(rows=1)),
            (VAL, TEST.changed(rows=2)),
            "the candidate on test@2 (1 rows), val@1, the champion on test@2 (2 rows), val@1",
            id="of one of two",
        ),
        pytest.param(
            (VAL,), (VAL.changed(name="other"),), "the candidate on val@1, the champion on other@1", id="name"
        ),
    ],
)
def test_a_digest_covers_the_first_rows_so_that_name_and_rows_count_too(
    candidate: tuple[Dataset, ...], champion: tuple[Dataset, ...], words: str
) -> None:
    found = _same((_reading("0.9", *candidate),), (_reading("0.8", *champion),))

    assert found.problem == (f"not measured on the same data: {words}" if words else "")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((), ""),
        ((VAL,), "val@1"),
        ((VAL, TEST), "test@2, val@1"),
        ((TEST, VAL, TEST), "test@2, val@1"),
        ((UNNAMED,), "val"),
        ((Dataset(name="", digest="9f3c"),), "@9f3c"),
    ],
    ids=["none", "one", "sorted", "each once", "without a digest", "without a name"],
)
def test_datasets_are_named_with_their_digests(data: tuple[Dataset, ...], words: str) -> None:
    assert metrics.named(data) == words


# What may be compared


@given(readings, readings, st.sampled_from(DatasetRule), st.data())
def test_the_order_of_the_readings_does_not_matter(
    candidate: Readings, champion: Readings, rule: DatasetRule, data: st.DataObject
) -> None:
    one, other = (tuple(data.draw(st.permutations(side))) for side in (candidate, champion))

    shuffled = metrics.pair(one, other, rule)

    assert _shown(shuffled) == _shown(metrics.pair(candidate, champion, rule))


def _shown(pair: Pair) -> list[object]:
    """Return what is told of a pair; of data with equal digests, one name is as good as another."""
    told: list[object] = [pair.problem]
    for side in (pair.candidate, pair.champion):
        assert side is not None
        told.append((str(side.value), metrics.named(side.datasets), side.note, side.unclear))
    return told


def _alike(reading: Reading) -> set[tuple[str, str]]:
    return {(item.name, item.digest) for item in reading.datasets}


@given(readings, readings)
def test_on_the_same_data_a_pair_without_a_problem_has_equal_and_known_digests(
    candidate: Readings, champion: Readings
) -> None:
    found = _same(candidate, champion)
    alike = [
        (one, other)
        for one in candidate
        for other in champion
        if one.is_known and other.is_known and _alike(one) == _alike(other)
    ]

    assert (found.problem == "") == (len(alike) == 1)
    if not found.problem:
        assert (found.candidate, found.champion) == alike[0]


@given(readings, readings)
def test_on_any_data_a_pair_without_a_problem_is_of_one_reading_each(
    candidate: Readings, champion: Readings
) -> None:
    found = metrics.pair(candidate, champion, DatasetRule.ANY)

    assert (found.problem == "") == (len(candidate) == len(champion) == 1)
    if not found.problem:
        assert (found.candidate, found.champion) == (candidate[0], champion[0])


@given(readings, readings, st.sampled_from(DatasetRule))
def test_a_side_of_which_none_can_be_chosen_is_unclear_and_says_why(
    candidate: Readings, champion: Readings, rule: DatasetRule
) -> None:
    found = metrics.pair(candidate, champion, rule)
    assume(found.problem)

    for side, told in ((candidate, found.candidate), (champion, found.champion)):
        assert told is not None
        if len(side) == 1:
            assert told == side[0]
        else:
            assert (told.unclear, told.note) == (True, found.problem)
            assert any(told.datasets == item.datasets for item in side)


@given(readings, st.sampled_from(DatasetRule))
def test_without_a_champion_only_the_candidate_matters(candidate: Readings, rule: DatasetRule) -> None:
    found = metrics.pair(candidate, None, rule)

    assert found.champion is None
    assert (found.problem == "") == (len(candidate) == 1)


@given(notes, notes, st.lists(st.sampled_from([VAL, TEST]), max_size=1).map(tuple))
def test_why_a_side_has_no_reading_is_said_before_anything_of_its_data(
    note: str, other: str, data: tuple[Dataset, ...]
) -> None:
    there = (_reading("0.9", *data),)

    assert _same(metrics.missing(note), there).problem == note
    assert _same(there, metrics.missing(other)).problem == other
    assert _same(metrics.missing(note), metrics.missing(other)).problem == note
    assert _same(metrics.missing(note), (*there, *there)).problem == note
    assert _same((*there, Reading(note=other), Reading(note=note)), (Reading(),)).problem == min(note, other)


@pytest.mark.parametrize(
    ("candidate", "champion", "problem"),
    [
        pytest.param(
            [()], [()], "the dataset of the candidate and of the champion is not known", id="both unknown"
        ),
        pytest.param([(VAL,)], [()], "the dataset of the champion is not known", id="the champion's unknown"),
        pytest.param([(UNNAMED,)], [(VAL,)], "the dataset of the candidate is not known", id="no digest"),
        pytest.param(
            [(VAL,)],
            [(TEST,)],
            "not measured on the same data: the candidate on val@1, the champion on test@2",
            id="other data",
        ),
        pytest.param(
            [(VAL,), ()],
            [(TEST,)],
            "not measured on the same data: the candidate on an unknown one, val@1, the champion on test@2",
            id="one of the candidate's unknown",
        ),
        pytest.param(
            [(VAL,), (TEST,)],
            [(VAL,), (TEST,)],
            "both were measured on several datasets (test@2, val@1)",
            id="two shared",
        ),
        pytest.param(
            [(VAL,)],
            [(VAL,), (Dataset(name="holdout", digest="1"),)],
            "",
            id="one digest under two names",
        ),
    ],
)
def test_why_two_sides_are_not_on_the_same_data(
    candidate: list[tuple[Dataset, ...]], champion: list[tuple[Dataset, ...]], problem: str
) -> None:
    one, other = (tuple(_reading("1", *data) for data in side) for side in (candidate, champion))

    assert _same(one, other).problem == problem


@pytest.mark.parametrize(
    ("candidate", "champion", "problem"),
    [
        ([VAL], [TEST], ""),
        ([VAL, TEST], [VAL], "the candidate was measured on several datasets (test@2, val@1)"),
        ([VAL], [VAL, TEST], "the champion was measured on several datasets (test@2, val@1)"),
        ([TEST, VAL], [VAL, TEST], "the candidate was measured on several datasets (test@2, val@1)"),
    ],
    ids=["one each", "the candidate's", "the champion's", "both"],
)
def test_why_one_of_several_readings_cannot_be_chosen(
    candidate: list[Dataset], champion: list[Dataset], problem: str
) -> None:
    one, other = (tuple(_reading("1", data) for data in side) for side in (candidate, champion))

    assert metrics.pair(one, other, DatasetRule.ANY).problem == problem


def test_of_several_readings_the_first_by_name_and_value_is_told() -> None:
    side = (_reading("0.9", VAL), _reading("0.8", TEST), _reading("0.7", VAL), _reading("0.9", TEST))

    found = metrics.pair(side, side[::-1], DatasetRule.ANY)

    assert found.champion is not None
    assert (found.candidate.value, found.candidate.datasets) == (Decimal("0.8"), (TEST,))
    assert (found.champion.value, found.champion.datasets) == (Decimal("0.8"), (TEST,))
