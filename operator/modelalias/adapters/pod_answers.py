"""Asking the pods of a workload, a few at a time, for no longer than the rules can wait."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from modelalias.adapters.pod_bodies import NoAddress, address_of, ref_of
from modelalias.adapters.served_version import Said
from modelalias.ports import PodAnswer

AT_ONCE: Final = 16
MOST: Final = 200
"""Pods of a workload that are asked."""
SECONDS: Final = 10.0
"""For all of them together."""

BEYOND: Final = f"it was not asked: of a workload the newest {MOST} pods are"
NO_TIME: Final = f"it did not come to an answer in the {SECONDS:g} s that all pods have together"

Body = Mapping[str, Any]
Asker = Callable[[str], Awaitable[Said]]
"""Asks the server at an IP address."""


async def ask_each(pods: Sequence[Body], ask: Asker) -> Sequence[PodAnswer]:
    """Return one answer for each of the pods, in their order."""
    turns = asyncio.Semaphore(AT_ONCE)
    said = [Said(message=NO_TIME if place < MOST else BEYOND) for place in range(len(pods))]

    async def one(place: int, pod: Body) -> None:
        try:
            address = address_of(pod)
        except NoAddress as error:
            said[place] = Said(message=str(error))
            return
        async with turns:
            said[place] = await ask(address)

    try:
        async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
            for place, pod in enumerate(pods[:MOST]):
                group.create_task(one(place, pod))
    except TimeoutError:
        pass  # those that have not answered keep the message
    return [PodAnswer(pod=ref_of(pod), **heard.model_dump()) for pod, heard in zip(pods, said, strict=True)]
