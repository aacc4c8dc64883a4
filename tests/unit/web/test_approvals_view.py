"""Approvals on a page: what counts, what does not and why, and when the wait is over."""

from datetime import UTC, datetime
from typing import Any

import pytest

from modelalias.api.policy import Approval
from modelalias.api.request import PromotionRequest
from modelalias.web.approvals import Given, approvals
from tests.support.cli_cluster import OTHER_EVIDENCE, approval, body, ended, request


def _given(words: list[Any], **status: Any) -> tuple[Given, ...]:
    shown = approvals(request({"approvals": words}, **status), None)
    assert shown is not None
    return shown.given


def test_each_word_has_its_standing_and_why() -> None:
    words = [
        approval("bo", evidence=OTHER_EVIDENCE),
        approval("bo", group="ml-leads", message="seen", checklist=["read it"]),
        approval("a: b", decision="Reject"),
        approval("cy"),
    ]
    void = ["Approve by bo: it is old", "Reject by a: b: not one of users bo", "of a newer release"]

    shown = approvals(
        request({"approvals": words}, approvals={"required": 2, "valid": 1, "by": ["bo"], "void": void}), None
    )

    assert shown is not None
    given = shown.given
    assert [(item.user, item.decision, item.standing.word, item.why) for item in given] == [
        ("bo", "Approved", "Void", "it is old"),
        ("bo", "Approved", "Counts", ""),
        ("a: b", "Rejected", "Void", "not one of users bo"),
        ("cy", "Approved", "Not counted yet", ""),
    ]
    assert shown.other_voids == ("of a newer release",)
    assert (given[1].group, given[1].message, given[1].confirmed) == ("ml-leads", "seen", ("read it",))


def test_a_void_of_which_only_the_reason_is_known_is_not_lost() -> None:
    shown = approvals(request(approvals={"required": 1, "void": ["Approve by bo: it is old"]}), None)

    assert shown is not None
    assert shown.other_voids == ("Approve by bo: it is old",)


def test_a_rejection_that_counts_ended_the_request() -> None:
    given = _given(
        [approval("bo", decision="Reject"), approval("cy")], **ended(approvals={"required": 1, "valid": 0})
    )

    assert [item.standing.word for item in given] == ["Ends the request", "Not counted"]


def test_nobody_was_asked() -> None:
    assert approvals(request(approvals=None), None) is None


@pytest.mark.parametrize(
    ("wait_for", "created", "lapses"),
    [
        ("24h", "2026-01-01T00:00:00Z", datetime(2026, 1, 2, 12, tzinfo=UTC)),
        ("30d", "2026-01-01T00:00:00Z", datetime(2026, 1, 8, tzinfo=UTC)),
        (None, "2026-01-01T00:00:00Z", datetime(2026, 1, 8, tzinfo=UTC)),
        ("24h", None, datetime(2026, 1, 2, 12, tzinfo=UTC)),
        (None, None, None),
    ],
)
def test_the_wait_is_over_when_the_first_limit_is_reached(
    wait_for: str | None, created: str | None, lapses: datetime | None
) -> None:
    asks = body(approvals={"required": 1, "since": "2026-01-01T12:00:00Z"})
    asks["metadata"]["creationTimestamp"] = created
    rules = None if wait_for is None else Approval(wait_for=wait_for)

    shown = approvals(PromotionRequest.model_validate(asks), rules)

    assert shown is not None
    assert shown.lapses == lapses


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ({}, ("anyone with the verb approve",)),
        ({"users": ["bo"], "groups": ["ml-leads"]}, ("bo", "group ml-leads")),
    ],
)
def test_who_is_asked(named: dict[str, Any], asked: tuple[str, ...]) -> None:
    shown = approvals(request(approvals={"required": 1, **named}), None)

    assert shown is not None
    assert shown.asked == asked
