"""How the pods of a workload are asked: each once, few at a time, within a bounded time."""

import asyncio
from collections.abc import Mapping
from typing import Any

from modelalias.adapters.pod_answers import AT_ONCE, BEYOND, MOST, NO_TIME, SECONDS, ask_each
from modelalias.adapters.served_version import Said
from modelalias.ports import PodRef
from tests.support.virtual_loop import in_virtual_time

Body = Mapping[str, Any]


def pod(number: int, **spec: Any) -> Body:
    return {
        "metadata": {"namespace": "ml", "name": f"api-{number}", "uid": f"u-{number}"},
        "spec": spec,
        "status": {"podIP": f"10.244.{number // 250}.{1 + number % 250}"},
    }


class Servers:
    """What stands behind the addresses: each answers after a while, and is counted."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.asked = seconds, list[str]()
        self.now = self.most = 0

    async def ask(self, address: str) -> Said:
        self.asked.append(address)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now -= 1
        return Said(version=str(len(self.asked)) if not self.seconds else "4")


@in_virtual_time
async def test_each_pod_has_its_own_answer_in_their_order() -> None:
    async def ask(address: str) -> Said:
        return Said(version=address.rpartition(".")[2])

    answers = await ask_each([pod(6), pod(3)], ask)

    assert [(answer.pod, answer.version, answer.message) for answer in answers] == [
        (PodRef(namespace="ml", name="api-6", uid="u-6"), "7", ""),
        (PodRef(namespace="ml", name="api-3", uid="u-3"), "4", ""),
    ]


@in_virtual_time
async def test_the_name_of_the_model_is_passed_on() -> None:
    async def ask(_: str) -> Said:
        return Said(version="4", model="churn")

    (answer,) = await ask_each([pod(0)], ask)

    assert answer.model == "churn"


@in_virtual_time
async def test_a_pod_that_must_not_be_asked_has_a_message_and_is_left_alone() -> None:
    servers = Servers()

    answers = await ask_each([pod(0, hostNetwork=True), pod(1)], servers.ask)

    assert servers.asked == ["10.244.0.2"]
    assert [bool(answer.version) for answer in answers] == [False, True]
    assert "hostNetwork" in answers[0].message


@in_virtual_time
async def test_no_more_are_asked_at_once_than_allowed() -> None:
    servers = Servers(seconds=0.5)

    answers = await ask_each([pod(number) for number in range(100)], servers.ask)

    assert servers.most == AT_ONCE
    assert {answer.version for answer in answers} == {"4"}


@in_virtual_time
async def test_what_does_not_come_to_its_turn_in_time_says_so_and_nothing_goes_on() -> None:
    servers, loop = Servers(seconds=1.5), asyncio.get_running_loop()
    began = loop.time()

    answers = await ask_each([pod(number) for number in range(150)], servers.ask)

    rounds = int(SECONDS / 1.5)
    assert loop.time() - began == SECONDS
    assert [answer.version for answer in answers[: rounds * AT_ONCE]] == rounds * AT_ONCE * ["4"]
    assert {answer.message for answer in answers[rounds * AT_ONCE :]} == {NO_TIME}
    assert servers.now == 0


@in_virtual_time
async def test_beyond_the_bound_pods_are_not_asked_and_it_is_told() -> None:
    servers = Servers()

    answers = await ask_each([pod(number) for number in range(MOST + 2)], servers.ask)

    assert len(servers.asked) == MOST
    assert [answer.message for answer in answers[MOST:]] == [BEYOND, BEYOND]


@in_virtual_time
async def test_a_workload_without_ready_pods_has_no_answers() -> None:
    assert await ask_each([], Servers().ask) == []
