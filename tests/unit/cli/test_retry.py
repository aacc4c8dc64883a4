"""`modelalias retry` asks for the same again, under another name and in the name of who asks."""

from typing import Any

import pytest

from modelalias.api.request import PromotionRequest
from modelalias.cli import retry
from modelalias.core.errors import InvalidRequest
from tests.support.cli_cluster import approval, body, ended, request

ASKED = {
    "source": {"alias": "challenger"},
    "reason": "retrained on Q3",
    "expectedCurrent": "3",
    "additionalGates": [
        {"name": "extra", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.5}
    ],
    "onSuccess": {"tags": {"team": "risk"}},
    "expiresAfter": "2d",
}


def _first(name: str = "churn-v4", spec: dict[str, Any] | None = None, **status: Any) -> PromotionRequest:
    found = body(spec, **status)
    return PromotionRequest.model_validate({**found, "metadata": {**found["metadata"], "name": name}})


def test_all_that_was_asked_is_asked_again_but_for_whose_it_was() -> None:
    asked = {**ASKED, "approvals": [approval("bo")], "abort": True}
    filed = retry.draft(_first(spec=asked, **ended()), "cy").body

    assert filed["spec"] == {
        "aliasRef": {"name": "churn-champion"},
        **ASKED,
        "reason": "retrained on Q3; retry of churn-v4",
        "requestedBy": "cy",
    }
    assert filed["metadata"] == {
        "generateName": "churn-v4-retry-",
        "namespace": "ml",
        "labels": {"modelalias.dev/alias": "churn-champion"},
    }


@pytest.mark.parametrize("phase", ["Rejected", "Failed", "RolledBack", "Errored", "Aborted", "Expired"])
def test_whatever_ended_without_success_can_be_asked_again(phase: str) -> None:
    assert retry.draft(_first(**ended(phase)), "cy").body["spec"]["source"] == {"version": "4"}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, "request go goes on: AwaitingApproval, waits"),
        (ended("Succeeded", "moved"), "has ended: Succeeded"),
    ],
    ids=["open", "succeeded"],
)
def test_what_goes_on_or_has_succeeded_cannot(status: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        retry.draft(request(**status), "cy")


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("churn-v4", "churn-v4-retry-"),
        ("churn-v4-retry-x7k2p", "churn-v4-retry-"),
        ("churn-retry-soon", "churn-retry-soon-retry-"),
        ("a" * 63, f"{'a' * 51}-retry-"),
    ],
)
def test_the_new_name_begins_with_the_first(name: str, prefix: str) -> None:
    assert retry.prefix(name) == prefix
    assert len(prefix) <= 58


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "retry of churn-v4"),
        ("", "retry of churn-v4"),
        ("retrained", "retrained; retry of churn-v4"),
        ("retrained; retry of churn-v3", "retrained; retry of churn-v4"),
        ("retry of churn-v3", "retry of churn-v4"),
    ],
)
def test_the_reason_names_the_one_that_failed(before: str | None, after: str) -> None:
    assert retry.reason(_first(spec={"reason": before})) == after


def test_a_long_reason_still_fits() -> None:
    told = retry.reason(_first(spec={"reason": "x" * 1024}))

    assert len(told) == 1024
    assert told.endswith("…; retry of churn-v4")
