"""What a watch of the API server tells, line by line."""

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

from modelalias.adapters.kubernetes_client import Call, Expired, Lines
from modelalias.cli.changes import Event, Happened
from modelalias.core.errors import Unavailable

SILENCE: Final = 150.0
"""Seconds; the API server sends a bookmark about once a minute."""
LASTS: Final = 1_800
"""Seconds until the API server ends a watch."""


_KNOWN: Final = frozenset(Happened)


class ApiWatch:
    """Implements `Watch` with the API server."""

    def __init__(self, call: Call, lines: Lines) -> None:
        self._call, self._lines = call, lines

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yield event after event."""
        async for line in self._lines:
            yield event(self._call, line)

    def close(self) -> None:
        """Close the connection."""
        self._lines.close()


def query(since: str) -> tuple[tuple[str, str], ...]:
    """Return what a watch that goes on from a list, or from another watch, asks for."""
    return (
        ("watch", "1"),
        ("resourceVersion", since),
        ("allowWatchBookmarks", "true"),
        ("timeoutSeconds", str(LASTS)),
    )


def event(call: Call, line: bytes) -> Event:
    """Read a line; raise `Expired` where the list has to be read again, `Unavailable` for any other failure."""
    try:
        body = json.loads(line)
        kind, told = str(body["type"]), dict(body["object"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"the API server's answer is not an event: {call}") from error
    if kind in _KNOWN:
        return Event(happened=Happened(kind), body=told)
    message = str(told.get("message") or kind)
    if told.get("code") == HTTPStatus.GONE:
        raise Expired(message)
    raise Unavailable(f"the API server ended it: {call}: {message}")
