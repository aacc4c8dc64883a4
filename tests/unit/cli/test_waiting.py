"""Waiting: each step told once, every end its status, and a connection that is lost no end."""

import re
from typing import Any

import pytest

from modelalias.api.request import PromotionRequest
from modelalias.cli.cluster import ObjectMissing
from modelalias.cli.waiting import Clock, Ending, until_ended
from modelalias.core.errors import Refused, Unavailable
from tests.support.cli_cluster import FakeCluster, body, ended

QUEUED = body(phase="Queued", explanation="number 2 in the queue", conditions=[])
ROLLING = body(phase="RollingOut", explanation="1 of 3 pods", conditions=[])
GONE = Unavailable("the API server cannot be reached")
NO = Refused("the API server does not accept your credentials")


class Time:
    """A clock that passes while one waits, and remembers how long each time."""

    def __init__(self) -> None:
        self.now, self.pauses = 0.0, list[float]()

    async def pause(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, self.pause)


async def wait(
    cluster: FakeCluster, seconds: float = 60.0
) -> tuple[PromotionRequest, Ending, list[str], Time]:
    told, time = list[str](), Time()
    found, ending = await until_ended(cluster, await cluster.request("go"), seconds, told.append, time.clock)
    return found, ending, told, time


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("Succeeded", 0),
        ("Rejected", 1),
        ("Failed", 1),
        ("RolledBack", 1),
        ("Errored", 1),
        ("Aborted", 1),
        ("Superseded", 1),
        ("Expired", 1),
    ],
)
async def test_each_end_has_its_status(phase: str, expected: int) -> None:
    _, ending, told, time = await wait(FakeCluster(body(**ended(phase, "so it was"))))

    assert ending == expected
    assert told == [f"{phase}: so it was"]
    assert time.pauses == []


async def test_each_new_explanation_is_told_once_on_the_way() -> None:
    cluster = FakeCluster(QUEUED)
    cluster.said = [QUEUED, QUEUED, QUEUED, ROLLING, ROLLING, body(**ended("Succeeded", "done"))]

    found, ending, told, _ = await wait(cluster)

    assert told == ["Queued: number 2 in the queue", "RollingOut: 1 of 3 pods", "Succeeded: done"]
    assert (found.status.phase, ending) == ("Succeeded", Ending.SUCCEEDED)


async def test_a_lost_connection_is_told_once_and_survived() -> None:
    cluster = FakeCluster(QUEUED)
    cluster.said = [QUEUED, GONE, GONE, GONE, QUEUED, GONE, body(**ended("Succeeded", "done"))]

    _, ending, told, _ = await wait(cluster)

    assert ending is Ending.SUCCEEDED
    lost = "the API server cannot be reached; trying again"
    assert told == ["Queued: number 2 in the queue", lost, lost, "Succeeded: done"]


async def test_the_time_is_over_also_while_nothing_answers() -> None:
    cluster = FakeCluster(QUEUED)
    cluster.said = [QUEUED, *100 * [GONE]]

    found, ending, told, time = await wait(cluster, 10)

    assert ending is Ending.TIMED_OUT
    assert told[-1] == "timed out after 10 s: request go has not ended"
    assert time.now == 10
    assert found.status.phase == "Queued"


async def test_it_is_asked_less_and_less_often() -> None:
    _, _, _, time = await wait(FakeCluster(QUEUED), 60)

    assert time.pauses[0] == 0.5
    assert max(time.pauses) == 4
    assert time.pauses[:-1] == sorted(time.pauses[:-1])


@pytest.mark.parametrize(
    ("after", "words"),
    [
        pytest.param(
            ObjectMissing("there is no PromotionRequest go in namespace ml"),
            "request go was deleted",
            id="deleted",
        ),
        pytest.param(
            {**QUEUED, "metadata": {"name": "go", "namespace": "ml", "uid": "u-9"}},
            "request go was deleted, and another one was created with its name",
            id="replaced",
        ),
    ],
)
async def test_a_request_that_is_gone_is_an_end(after: Any, words: str) -> None:
    cluster = FakeCluster(QUEUED)
    cluster.said = [QUEUED, after]

    _, ending, told, _ = await wait(cluster)

    assert ending is Ending.NOT_SUCCEEDED
    assert told[-1] == words


async def test_credentials_that_ran_out_are_renewed() -> None:
    cluster = FakeCluster(QUEUED)
    cluster.said = [QUEUED, NO, QUEUED, NO, body(**ended("Succeeded", "done"))]

    _, ending, told, _ = await wait(cluster)

    assert (ending, cluster.renewals) == (Ending.SUCCEEDED, 2)
    assert told == ["Queued: number 2 in the queue", "Succeeded: done"]


async def test_credentials_that_are_refused_again_are_a_failure() -> None:
    cluster = FakeCluster(QUEUED)
    cluster.said = [QUEUED, NO, NO]

    with pytest.raises(Refused, match=re.escape(str(NO))):
        await wait(cluster)
    assert cluster.renewals == 1
