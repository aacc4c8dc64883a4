"""A channel that keeps what it gets, and fails or hangs as a test says."""

import asyncio

from modelalias.ports import Letter


class FakeChannel:
    """The port `Channel`."""

    def __init__(self, *, is_for_people: bool = True) -> None:
        self.is_for_people = is_for_people
        self.letters: list[Letter] = []
        self.tries = 0
        self.failures: list[Exception] = []
        """Raised one after another; then it takes everything."""
        self.hangs = False
        self.closed = False

    async def send(self, letter: Letter) -> None:
        self.tries += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.failures:
            raise self.failures.pop(0)
        self.letters.append(letter)

    async def close(self) -> None:
        self.closed = True

    @property
    def titles(self) -> list[str]:
        return [letter.title for letter in self.letters]

    def occasions(self) -> list[str]:
        """Return what single letters are about."""
        return [title.partition(":")[0] for title in self.titles]
