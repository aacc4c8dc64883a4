"""Changing a frozen value: each field is held to its own type, and what stays costs nothing."""

from datetime import datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from modelalias.api.alias import ModelAliasStatus
from modelalias.api.fields import timestamp_text
from modelalias.api.policy import Approval
from tests.support.harness import START

STATUS = ModelAliasStatus(served="1")


@pytest.mark.parametrize("fields", [{"served": "1"}, {"monitors": ()}, {"hold": None, "served": "1"}])
def test_a_status_in_which_nothing_changes_is_not_checked_again(fields: dict[str, object]) -> None:
    assert STATUS.changed(**fields) is STATUS


def test_what_changes_is_another_value() -> None:
    other = STATUS.changed(served="2", monitors=())

    assert (other.served, STATUS.served) == ("2", "1")


def test_a_rule_that_is_said_differs_from_one_that_is_left_out() -> None:
    """Policies are merged by what each of them says."""
    rule = Approval()

    said = rule.changed(allow_self=rule.allow_self)

    assert said.model_fields_set == {"allow_self"}
    assert said.changed(allow_self=rule.allow_self) is said


def test_a_name_that_is_no_field_and_a_value_that_does_not_fit_are_refused() -> None:
    with pytest.raises(TypeError, match="ModelAliasStatus has no field serves"):
        STATUS.changed(serves="1")
    with pytest.raises(ValidationError, match="served"):
        STATUS.changed(served=1)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (START, "2026-01-01T12:00:00Z"),
        (START.replace(microsecond=999_999), "2026-01-01T12:00:00Z"),
        (datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2025-12-31T23:00:00Z"),
    ],
    ids=["in UTC", "within a second", "of another zone"],
)
def test_a_time_is_written_in_utc_to_the_second(time: datetime, text: str) -> None:
    assert timestamp_text(time) == text
