"""The page of figures: a goal beside each figure, whether it is reached or not, and bars that show them."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from hack.bench import __main__ as bench
from hack.bench import goals
from hack.bench.bars import Bar, drawn
from hack.bench.goals import Figure, Goal, Sense, of_number, of_quotient, of_spread

DRIFT: dict[str, Any] = {
    "aliases": 10_000,
    "calls": {"operator": 5, "bare": 5, "naive": 10_000},
    "operator": {"min": 1.5, "median": 1.6, "max": 1.7},
    "bare": {"min": 1.4, "median": 1.5, "max": 1.6},
    "naive": {"min": 90.0, "median": 100.0, "max": 120.0},
    "ratio_to_bare": {"pair_min": 1.0, "pair_median": 1.4, "pair_max": 1.6},
    "ratio_of_naive": {"pair_min": 55.0, "pair_median": 62.5, "pair_max": 80.0},
    "mlflow": "one worker",
}
MACHINE: dict[str, Any] = {
    "cpus": 2,
    "memory_gib": 24.0,
    "system": "Linux",
    "python": "3.11",
    "mlflow": "3",
    "kopf": "1",
    "kubernetes": "37",
    "load_at_start": [0.1, 0, 0],
    "load_at_end": [2.5, 0, 0],
}
PAGE = f"before\n{bench.BEGIN}\nfigures of the run before\n{bench.END}\nafter\n"


@pytest.mark.parametrize(
    ("sense", "figure", "reached"),
    [
        (Sense.AT_MOST, 10, "yes"),
        (Sense.AT_MOST, 10.1, "**no**"),
        (Sense.AT_LEAST, 10, "yes"),
        (Sense.AT_LEAST, 9.9, "**no**"),
        (Sense.ABOVE, 10, "**no**"),
        (Sense.ABOVE, 10.1, "yes"),
    ],
)
def test_a_figure_stands_beside_its_goal_also_where_it_is_missed(
    sense: Sense, figure: float, reached: str
) -> None:
    goal = Goal("calls", "drift", sense, 10, of_number("calls"), "pages")

    row = goal.row({"drift": {"calls": figure, "aliases": 2000}})

    assert row == ("calls", f"{sense} 10", f"{figure:g}", reached, "2,000 aliases", "pages")


@pytest.mark.parametrize(
    ("report", "told"), [({}, "not measured"), ({"drift": {"left_out": "no Go here"}}, "no Go here")]
)
def test_what_was_not_measured_is_told(report: dict[str, Any], told: str) -> None:
    goal = Goal("calls", "drift", Sense.AT_MOST, 10, of_number("calls"), "pages")

    assert goal.row(report)[2:5] == (told, "", "")


@pytest.mark.parametrize(
    ("figure", "unit", "text"),
    [
        (Figure(1.0, 1.234567, 2.0), "", "1.23 (1 to 2)"),
        (Figure(5.0, 5.0, 5.0), " ms", "5 ms"),
        (Figure(1234.5, 12345.6, 23456.7), " s", "12,346 s (1,234 to 23,457)"),
        (Figure(float("inf"), float("inf"), float("inf")), "", "∞"),
    ],
)
def test_figures_are_written_with_three_digits(figure: Figure, unit: str, text: str) -> None:
    assert figure.text(unit) == text


def test_a_quotient_by_nothing_is_infinite() -> None:
    report = {"a": {"median": 3.0}, "b": {"median": 0.0}}

    assert of_quotient("a", "b")(report).text("") == "∞"


def test_the_page_gets_all_goals_pictures_and_the_machine_between_its_marks() -> None:
    text = bench.page(PAGE, {"drift": {"machine": MACHINE, "drift": DRIFT}})

    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "the run before" not in text
    assert all(f"| {goal.measure} |" in text for goal in goals.GOALS)
    assert "| time of a drift pass / bare paging | ≤ 1.3 | 1.4 (1 to 1.6) | **no** | 10,000 aliases |" in text
    assert "![One look at 10,000 aliases, s](pictures/bench-drift.svg)" in text
    assert "2 cores, 24 GiB, Linux; python 3.11, mlflow 3, kopf 1, kubernetes 37." in text
    assert "| [drift](benchmarks/drift.json) | one worker | 0.1, 2.5 |" in text
    assert bench.page(text, {"drift": {"machine": MACHINE, "drift": DRIFT}}) == text


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no marks"):
        bench.page("before", {})


def test_mlflows_time_for_a_call_is_told_beside_the_operators() -> None:
    one = {"same": {"median": 240.0}, "share_of_same": {"pair_median": 0.8}}

    text = goals.registry_time({"requests": 1000, "each": {"registry_calls": 12.0}, "workers": {"1": one}})

    assert "a call takes 20.0 ms" in text
    assert "the 12 calls of a promotion 240 ms" in text
    assert "The operator takes 300 ms" in text


def test_bars_are_as_long_as_their_medians_and_well_formed() -> None:
    bars = [
        Bar("a & b", Figure(0.5, 1.0, 4.0), is_ours=True),
        Bar("c", of_spread("c")({"c": {"min": 2, "median": 2, "max": 2}})),
    ]

    picture = ET.fromstring(drawn("Times, s", " s", bars))  # noqa: S314 - our own text

    widths = [
        float(item.attrib["width"]) for item in picture.iter() if item.attrib.get("class") in {"ours", "bar"}
    ]
    texts = [item.text for item in picture.iter() if item.tag.endswith("text")]
    assert widths == [105.0, 210.0]
    assert texts == ["Times, s", "a & b", "1 s (0.5 to 4)", "c", "2 s"]


def test_what_a_registry_call_costs_is_a_table() -> None:
    text = goals.call_costs({"each": {"set the alias": {"min": 10.0, "median": 12.34, "max": 20.0}}})

    assert text.splitlines()[-1] == "| set the alias | 12.3 (10 to 20) |"


def test_a_soak_is_drawn_with_a_break_where_another_process_began() -> None:
    samples = [(0, 10.0, 1), (60, 20.0, 1), (120, 10.0, 2), (600, 20.0, 2)]
    report = {
        "seconds": 600.0,
        "faults": {"mlflow: 500": 3, "kubernetes: 409": 2},
        "kills": 1,
        "samples": [
            {"at": at, "mib": size, "descriptors": 9.0, "threads": 5.0, "pid": pid}
            for at, size, pid in samples
        ],
    }

    title, picture = bench.pictures({"soak": report})["bench-soak.svg"]

    assert title == "A soak of 10 min with 5 faults and 1 kills"
    root = ET.fromstring(picture)  # noqa: S314 - our own text
    curves = [item for item in root.iter() if item.get("class") == "curve"]
    assert [item.get("d", "").count("M") for item in curves] == [2, 2, 2]
    assert curves[0].get("d") == "M250.0 95.0L292.0 40.0M334.0 95.0L670.0 40.0"
