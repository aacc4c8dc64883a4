"""What kstatus, `kubectl wait` and the tools that go by them see of a request and of an alias through their lives."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from modelalias.api.request import PromotionRequest
from modelalias.core.errors import Refused, StaleObject
from tests.support.harness import NAMESPACE, Cluster
from tests.support.kstatus import KStatus, kstatus, kubectl_wait_is_over
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import NAME

_APPROVAL = {"user": "grace", "decision": "Approve", "evidence": "sha256:" + "0" * 64}


def _abort(it: Cluster) -> None:
    it.edit_request("go", abort=True)


def _approve_late(it: Cluster) -> None:
    it.edit_request("go", approvals=[_APPROVAL])


def _abort_and_approve(it: Cluster) -> None:
    _abort(it)
    _approve_late(it)


def _delete_slowly(it: Cluster) -> None:
    it.objects.delete_request_slowly(NAMESPACE, "go")


_EDITS = pytest.mark.parametrize("edit", [_abort, _approve_late, _abort_and_approve, _delete_slowly])


async def _ended(it: Cluster, **fields: Any) -> PromotionRequest:
    await it.model(0.7, 0.8, aliases={"champion": "1"})
    it.add_alias()
    it.ask("go", "2", **fields)
    await it.settle()
    request = it.request("go")
    assert kstatus(request) is KStatus.CURRENT
    return request


@_EDITS
@in_virtual_time
async def test_an_edit_of_a_request_that_has_ended_is_observed_by_one_write(
    edit: Callable[[Cluster], None],
) -> None:
    async with Cluster() as it:
        before = await _ended(it)
        it.objects.writes.clear()
        edit(it)

        await it.settle()

        after = it.request("go")
        assert after.metadata.generation > before.metadata.generation
        assert after.status.observed_generation == after.metadata.generation
        assert kubectl_wait_is_over(after, "Complete")
        assert kubectl_wait_is_over(after, "Succeeded")
        assert after.status == before.status.as_of(after.metadata.generation)
        assert [item.name for item in it.objects.writes] == ["go"]


@in_virtual_time
async def test_a_label_on_a_request_that_has_ended_costs_no_write() -> None:
    async with Cluster() as it:
        await _ended(it)
        it.objects.writes.clear()
        it.objects.label_request(NAMESPACE, "go", team="churn")

        await it.settle()

        assert it.objects.writes == []


@in_virtual_time
async def test_an_edit_is_observed_that_came_while_the_operator_was_away() -> None:
    async with Cluster() as it:
        await _ended(it)
        await it.stop()
        _abort(it)
        it.start()

        await it.settle()

        assert kstatus(it.request("go")) is KStatus.CURRENT


@in_virtual_time
async def test_an_edit_is_observed_also_where_the_model_alias_is_gone() -> None:
    async with Cluster() as it:
        await _ended(it)
        it.objects.delete_alias(NAMESPACE, NAME)
        await it.settle()
        _abort(it)

        await it.settle()

        assert kstatus(it.request("go")) is KStatus.CURRENT


@in_virtual_time
async def test_a_request_with_a_time_to_live_is_observed_and_goes_in_its_time() -> None:
    async with Cluster() as it:
        await _ended(it, ttlSecondsAfterFinished=100)
        _abort(it)
        await it.settle()
        assert kstatus(it.request("go")) is KStatus.CURRENT

        await it.settle(120)

        assert (NAMESPACE, "go") not in it.objects.requests


@in_virtual_time
async def test_a_request_that_ended_because_it_was_carried_out_before_is_observed_too() -> None:
    async with Cluster() as it:
        await _ended(it)
        it.objects.remove_request(NAMESPACE, "go")
        it.ask("go", "2")
        await it.settle()
        assert it.end("go")[1] == "AlreadyProcessed"
        _abort(it)

        await it.settle()

        assert kstatus(it.request("go")) is KStatus.CURRENT


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Refused("promotionrequests/status: patch"), timedelta(seconds=61)),
        (StaleObject("it changed"), timedelta(seconds=3)),
    ],
    ids=["refused", "changed meanwhile"],
)
@in_virtual_time
async def test_what_could_not_be_written_is_tried_again(error: Exception, seconds: timedelta) -> None:
    async with Cluster() as it:
        await _ended(it)
        it.objects.fail_next(error, call="write_request_status")
        _abort(it)

        await it.settle(seconds.total_seconds() + 1)

        assert kstatus(it.request("go")) is KStatus.CURRENT


@in_virtual_time
async def test_a_request_is_in_progress_until_it_ends_and_current_then() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(policy={"approval": {"required": "Always"}})
        it.ask("go", "2")
        await it.settle()
        waits = it.request("go")
        it.edit_request("go", abort=True)
        unseen = it.request("go")

        await it.settle()

        assert waits.status.phase == "AwaitingApproval"
        assert not kubectl_wait_is_over(waits, "Complete")
        assert kstatus(unseen) is KStatus.IN_PROGRESS
        assert kstatus(it.request("go")) is KStatus.CURRENT
        assert kubectl_wait_is_over(it.request("go"), "Complete")
        assert kubectl_wait_is_over(it.request("go"), "Succeeded", "False")


@in_virtual_time
async def test_an_alias_is_current_once_promoted_and_says_what_a_person_has_to_edit() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        assert kstatus(it.alias()) is KStatus.CURRENT

        it.edit_alias(registry="nobody-configured-this")
        unseen = it.alias()
        await it.settle()
        assert kstatus(unseen) is KStatus.IN_PROGRESS
        assert kstatus(it.alias()) is KStatus.FAILED

        it.edit_alias(registry="default", suspend=True)
        await it.settle()
        assert kstatus(it.alias()) is KStatus.CURRENT
