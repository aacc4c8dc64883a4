"""What a person is told while a step goes on, and that it is remembered for the next time."""

from pathlib import Path

import pytest

from hack.progress import Step, Times, duration, times

COMPILING = Step("compiling Kubernetes", 330)


@pytest.fixture
def memory(tmp_path: Path) -> Times:
    return Times(tmp_path / "cache" / "times.json")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (318, "5 min 18 s")]
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_first_time_tells_what_a_step_takes_as_a_rule(memory: Times) -> None:
    assert memory.started(COMPILING, ["the name server", "act 0"]) == (
        "compiling Kubernetes (takes about 5 min 30 s as a rule; next: the name server, act 0)"
    )


def test_nothing_is_said_of_a_step_that_nothing_is_known_of(memory: Times) -> None:
    assert memory.so_far(Step("packing"), 12, []) == "packing: 12 s so far"


def test_next_time_tells_what_it_took_last_time(memory: Times) -> None:
    memory.remember(COMPILING, 301.2)
    memory.remember(Step("another", 1), 7)

    assert (
        memory.so_far(COMPILING, 75, [])
        == "compiling Kubernetes: 1 min 15 s so far (took 5 min 1 s last time)"
    )


def test_a_step_with_nothing_to_do_is_not_remembered(memory: Times) -> None:
    memory.remember(COMPILING, 301)
    memory.remember(COMPILING, 2)

    assert memory.expected(COMPILING) == "took 5 min 1 s last time"


@pytest.mark.parametrize("content", ["", "[1]", '{"compiling Kubernetes": "long"}', "\x00"])
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, content: str) -> None:
    file = tmp_path / "times.json"
    file.write_text(content)
    memory = Times(file)

    before = memory.expected(COMPILING)
    memory.remember(COMPILING, 50)

    assert before == "takes about 5 min 30 s as a rule"
    assert memory.expected(COMPILING) == "took 50 s last time"


def test_a_memory_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    Times(tmp_path / "file" / "times.json").remember(COMPILING, 50)


def test_the_memory_stands_in_the_cache(tmp_path: Path) -> None:
    times({"MODELALIAS_CACHE": str(tmp_path)}).remember(COMPILING, 50)

    assert (tmp_path / "times.json").is_file()
