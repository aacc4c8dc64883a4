"""A guard in front of a real MLflow server that lets some accounts in, as an authenticating proxy does."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import requests

from tests.support.http_stub import Answer, Seen, http_stub

SECONDS: Final = 30.0


class Guard:
    """Who is let in, and who came."""

    def __init__(self, inside: str, prefix: str, words: tuple[str, ...]) -> None:
        self.uri = ""
        """Address to come to."""
        self.let_in: list[str] = []
        """The `Authorization` of each call that got through, in their order."""
        self.turned_away: list[str] = []
        """That of each call that did not."""
        self._inside, self._prefix = inside, prefix
        self._accepted = words

    def accept(self, *words: str) -> None:
        """Let in who brings one of these as `Authorization`, and nobody else."""
        self._accepted = words

    def answer(self, seen: Seen) -> Answer:
        """Pass a call on, or refuse it; a refusal repeats what was brought, as careless servers do."""
        word = seen.headers.get("Authorization", "")
        if word not in self._accepted or not seen.path.startswith(self._prefix):
            self.turned_away.append(word)
            return Answer(
                {"error_code": "UNAUTHENTICATED", "message": f"{word} is refused at {seen.path}"}, 401
            )
        self.let_in.append(word)
        uri, values = self._inside + seen.path.removeprefix(self._prefix), dict(seen.values)
        if seen.method == "GET":
            answer = requests.get(uri, params=values, timeout=SECONDS)
        else:
            answer = requests.request(seen.method, uri, json=values, timeout=SECONDS)
        return Answer(answer.content, HTTPStatus(answer.status_code))


@contextmanager
def guarded(inside: str, *words: str, prefix: str = "") -> Iterator[Guard]:
    """Stand before the server at an address until the block ends; what is accepted is a whole
    `Authorization`."""
    guard = Guard(inside, prefix, words)
    with http_stub(guard.answer) as stub:
        guard.uri = stub.uri + prefix
        yield guard
