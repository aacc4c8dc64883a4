"""Conditions: one of each type, whose time moves only with its status."""

from datetime import timedelta

import pytest

from modelalias.api.conditions import (
    AliasCondition,
    Condition,
    Reason,
    Status,
    condition,
    find,
    is_true,
    merged,
)
from tests.support.harness import START

LATER = START + timedelta(minutes=5)


def _ready(status: Status | bool, reason: Reason = Reason.IDLE, message: str = "") -> Condition:
    return condition(AliasCondition.READY, status, reason, message, now=START, generation=1)


@pytest.mark.parametrize(
    ("given", "status"),
    [(True, "True"), (False, "False"), (Status.UNKNOWN, "Unknown")],
    ids=["true", "false", "unknown"],
)
def test_a_status_is_one_of_three_words(given: Status | bool, status: str) -> None:
    assert _ready(given).status == status


def test_a_long_message_is_cut_to_what_the_api_server_takes() -> None:
    assert len(_ready(True, message="x" * 5_000).message) == 4_096


def test_the_time_moves_only_with_the_status() -> None:
    before = (_ready(False),)
    same = condition(AliasCondition.READY, False, Reason.DRIFTED, "other words", now=LATER, generation=2)
    turned = condition(AliasCondition.READY, True, Reason.SUCCEEDED, "", now=LATER, generation=2)

    kept, moved = merged(before, [same])[0], merged(before, [turned])[0]

    assert (kept.last_transition_time, kept.reason, kept.observed_generation) == (START, "Drifted", 2)
    assert moved.last_transition_time == LATER


def test_conditions_of_other_types_stay() -> None:
    other = condition(AliasCondition.HELD, True, Reason.HELD, "", now=START)

    found = merged((other, _ready(False)), [_ready(True)])

    assert [(item.type, item.status) for item in found] == [("Held", "True"), ("Ready", "True")]


def test_a_type_that_is_not_there_is_not_true() -> None:
    assert find((), AliasCondition.READY) is None
    assert not is_true((), AliasCondition.READY)
    assert is_true((_ready(True),), AliasCondition.READY)
    assert not is_true((_ready(Status.UNKNOWN),), AliasCondition.READY)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_is_one_word_with_a_sentence(reason: Reason) -> None:
    assert reason.isalpha()
    assert len(reason) <= 64
    assert reason.sentence.endswith(".")
