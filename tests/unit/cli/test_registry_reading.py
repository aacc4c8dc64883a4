"""A list of all models that a command tells: what was read while models came and went is read again."""

import asyncio

import pytest

from modelalias.cli.registry_reading import MOST_LOOKS, settled


@pytest.mark.parametrize(
    ("answers", "told", "read"),
    [
        ("aa", "a", 2),
        ("baa", "a", 3),
        ("abaa", "a", 4),
        ("abcde", "d", MOST_LOOKS),
    ],
)
def test_a_list_counts_once_it_says_the_same_twice(answers: str, told: str, read: int) -> None:
    given = iter(answers)
    asked: list[str] = []

    async def answer() -> str:
        asked.append(next(given))
        return asked[-1]

    assert asyncio.run(settled(answer)) == told
    assert len(asked) == read
