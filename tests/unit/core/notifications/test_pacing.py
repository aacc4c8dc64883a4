"""What is not told again, and what is told together."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.core.notifications import pacing
from modelalias.core.status.occasions import Occasion
from tests.support.noticed import notice

STEPS: Final = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 400)), max_size=30)


@given(STEPS)
def test_the_same_is_told_at_most_once_in_five_minutes_and_something_new_always(
    steps: list[tuple[str, float]],
) -> None:
    recent, now, told = pacing.Recent(), 0.0, dict[str, float]()

    for sentence, pause in steps:
        now += pause
        is_new = recent.is_new(notice(sentence=sentence), now)
        assert is_new == (sentence not in told or told[sentence] <= now - pacing.REMEMBERED_SECONDS)
        if is_new:
            told[sentence] = now


@pytest.mark.parametrize(
    "other",
    [
        {"sentence": "other"},
        {"reason": "Other"},
        {"occasion": Occasion.HELD},
        {"namespace": "other"},
        {"alias_name": "other"},
        {"request": "go"},
    ],
    ids=str,
)
def test_what_differs_in_object_reason_or_text_is_not_the_same(other: dict[str, Any]) -> None:
    recent = pacing.Recent()

    assert recent.is_new(notice(), 0)
    assert recent.is_new(notice(**other), 0)
    assert not recent.is_new(notice(id="u-1/8/0"), 1)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "MOST_REMEMBERED", 2)
    recent = pacing.Recent()

    assert all(recent.is_new(notice(sentence=text), 0) for text in "abc")
    assert recent.is_new(notice(sentence="a"), 0), "the oldest is forgotten"
    assert not recent.is_new(notice(sentence="c"), 0)


@pytest.mark.parametrize(
    ("waiting", "people", "programs"), [(0, 0, 0), (1, 1, 1), (20, 1, 1), (21, 21, 1), (1_000, 1_000, 1)]
)
def test_people_get_what_waits_for_long_in_one_letter_and_programs_never_do(
    waiting: int, people: int, programs: int
) -> None:
    assert pacing.how_many(waiting, for_people=True) == people
    assert pacing.how_many(waiting, for_people=False) == programs
