"""What an alias waits for is told with it, as far as it may be read."""

from collections.abc import Sequence
from typing import Any

import pytest

from modelalias.cli import open_requests
from modelalias.cli.cluster import Kind, Page
from modelalias.core.errors import InvalidRequest, OperatorError, Refused
from tests.support.cli_cluster import FakeCluster, body, ended


def _named(name: str, **status: Any) -> dict[str, Any]:
    made = body(**status)
    at = {"ahead": "2026-01-01T00:00:00Z"}.get(name, "2026-01-02T00:00:00Z")
    return {**made, "metadata": {**made["metadata"], "name": name, "creationTimestamp": at}}


async def _told(*bodies: dict[str, Any]) -> Sequence[str]:
    cluster = FakeCluster()
    cluster.pages = [Page(items=bodies, after="", left=0)]
    told = [*open_requests.sentences(await open_requests.read(cluster, "churn-champion"))]
    kind, selector, _ = cluster.listed[0]
    assert kind is Kind.REQUESTS
    assert selector.startswith("spec.aliasRef.name=churn-champion,status.phase!=Succeeded,")
    return told


async def test_the_oldest_request_is_told_first_and_what_has_ended_is_not() -> None:
    behind = _named("behind", phase="Queued", explanation="number 1 in the queue, behind ahead")
    unseen = _named("unseen", phase=None, explanation="", conditions=[])

    told = await _told(behind, _named("ahead"), unseen, _named("over", **ended()))

    assert told == [
        "Request ahead (AwaitingApproval): waits for 1 approval from group ml-leads.",
        "Request behind (Queued): number 1 in the queue, behind ahead.",
        "Request unseen: the operator has not looked at it yet.",
    ]


async def test_of_many_requests_the_first_are_told_and_how_many_more_there_are() -> None:
    told = await _told(*(_named(f"go-{number}") for number in range(8)))

    assert len(told) == 6
    assert told[-1] == "3 more are open."


async def test_a_request_of_a_newer_release_is_passed_over() -> None:
    assert await _told({"metadata": {"name": "new"}, "spec": {"aliasRef": 7}}) == []


@pytest.mark.parametrize("error", [Refused("may not list"), InvalidRequest("field label not supported")])
async def test_requests_that_cannot_be_read_are_not_said_to_be_none(error: OperatorError) -> None:
    cluster = FakeCluster()
    cluster.pages = [error]

    found = await open_requests.read(cluster, "churn-champion")

    assert [*open_requests.sentences(found)] == ["Which requests are open cannot be read."]
