"""Connections of people: bounded, ended when nobody uses them, and never somebody else's."""

import asyncio
from collections.abc import Mapping

import pytest

from modelalias.cli.kubeconfig import Access
from modelalias.core.errors import Unavailable
from modelalias.web.identity import Person
from modelalias.web.reading import Readers
from tests.support.web_site import Cluster


class Opened:
    """What has been opened, by the token."""

    def __init__(self) -> None:
        self.by: dict[str, list[Cluster]] = {}

    def __call__(self, person: Person) -> Cluster:
        cluster = Cluster()
        self.by.setdefault(_token(person.access.user), []).append(cluster)
        return cluster


async def test_a_person_has_one_connection_and_another_token_another() -> None:
    opened = Opened()
    readers = Readers(opened)

    async with (
        readers.of(person("a")) as one,
        readers.of(person("b")) as other,
        readers.of(person("a")) as same,
    ):
        assert one is same
        assert one is not other
    assert {token: len(clusters) for token, clusters in opened.by.items()} == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    "other",
    [
        Person(Access("ml", {"server": "x"}, {"token": "a"}, acts_as="ana")),
        Person(Access("ml", {"server": "x"}, {"token": "a"}, groups=("g",))),
        Person(Access("ml", {"server": "x"}, {"token": "A"})),
        Person(Access("ml", {"server": "x"}, {"token": "a"}), may_write=False),
    ],
)
async def test_whoever_differs_in_anything_is_another(other: Person) -> None:
    readers = Readers(Opened())

    async with readers.of(person("a")) as one, readers.of(other) as two:
        assert one is not two


async def test_a_connection_ends_some_time_after_its_last_use() -> None:
    opened = Opened()
    readers = Readers(opened, idle_seconds=0.05)

    async with readers.of(person("a")):
        async with readers.of(person("a")):
            pass
        await asyncio.sleep(0.15)
        assert not opened.by["a"][0].is_closed
    await asyncio.sleep(0.15)

    assert opened.by["a"][0].is_closed
    async with readers.of(person("a")):
        assert len(opened.by["a"]) == 2


async def test_the_one_that_was_unused_longest_makes_place() -> None:
    opened = Opened()
    readers = Readers(opened, most=2)

    for token in ("a", "b", "a", "c"):
        async with readers.of(person(token)):
            pass
    await asyncio.sleep(0)

    assert {token: clusters[0].is_closed for token, clusters in opened.by.items()} == {
        "a": False,
        "b": True,
        "c": False,
    }


async def test_nobody_loses_a_connection_that_is_used() -> None:
    opened = Opened()
    readers = Readers(opened, most=1)

    async with readers.of(person("a")):
        with pytest.raises(Unavailable, match="1 people use this dashboard"):
            async with readers.of(person("b")):
                pass
        assert not opened.by["a"][0].is_closed


async def test_all_are_closed_at_the_end() -> None:
    opened = Opened()
    readers = Readers(opened)
    for token in ("a", "b"):
        async with readers.of(person(token)):
            pass

    await readers.close()

    assert all(clusters[0].is_closed for clusters in opened.by.values())


def person(token: str) -> Person:
    return Person(Access("ml", {"server": "x"}, {"token": token}))


def _token(user: Mapping[str, str] | None) -> str:
    return (user or {})["token"]
