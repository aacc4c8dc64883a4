"""What goes wrong between the operator and a server: each is met by calls that a test names (`Recorder.fault`).

What networks and servers do to a call: refuse it, lose it, delay it, answer slowly, in part or wrongly, or carry it
out and never say so.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from tests.support.proxy import Exchange, Fault

CHUNK_SECONDS = 0.2
WATCH_GONE = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410}
"""What the API server says of a version that it does not remember."""


async def dropped(exchange: Exchange) -> web.StreamResponse:
    """Lose the connection before the server hears of the call."""
    return await exchange.break_off()


async def silent(exchange: Exchange) -> web.StreamResponse:
    """Take the call and never answer; the server hears of nothing."""
    await asyncio.Event().wait()
    return await exchange.break_off()


async def unanswered(exchange: Exchange) -> web.StreamResponse:
    """Let the server carry it out, and never tell."""
    async with exchange.carried_out() as answer:
        await answer.read()
    return await silent(exchange)


async def dripping(exchange: Exchange) -> web.StreamResponse:
    """Answer a few bytes now and then, for longer than anybody waits."""
    async with exchange.carried_out() as answer:
        body = await answer.read()
        response = await exchange.begin(answer.status, {**answer.headers, "Content-Length": str(len(body))})
        for byte in body:
            await response.write(bytes([byte]))
            await asyncio.sleep(CHUNK_SECONDS)
        return response


async def cut_off(exchange: Exchange) -> web.StreamResponse:
    """Answer the first half and lose the connection."""
    async with exchange.carried_out() as answer:
        body = await answer.read()
        response = await exchange.begin(answer.status, {**answer.headers, "Content-Length": str(len(body))})
        await response.write(body[: len(body) // 2])
    return await exchange.break_off()


def answered(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Fault:
    """Answer that in the server's place, text as it is, anything else as JSON."""

    async def answer(exchange: Exchange) -> web.StreamResponse:
        is_text = isinstance(body, str)
        kind = {"Content-Type": "text/html" if is_text else "application/json"}
        response = await exchange.begin(status, {**kind, **(headers or {})})
        await response.write((body if isinstance(body, str) else json.dumps(body or {})).encode())
        return response

    return answer


def refused_by_kubernetes(code: int, reason: str, headers: Mapping[str, str] | None = None) -> Fault:
    """Answer as the API server does when it does not carry something out."""
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}
    return answered(code, {**status, "message": f"{reason}: so the test wants it"}, headers)


async def gone(exchange: Exchange) -> web.StreamResponse:
    """Answer a watch that what it asks for is forgotten."""
    return await answered(200, {"type": "ERROR", "object": WATCH_GONE})(exchange)


def changed(change: Callable[[Any], None]) -> Fault:
    """Let the server answer, and change what it says."""

    async def answer(exchange: Exchange) -> web.StreamResponse:
        async with exchange.carried_out() as answer:
            body = json.loads(await answer.read())
        change(body)
        return await answered(answer.status, body)(exchange)

    return answer


def then(call: Callable[[], object]) -> Fault:
    """Let the server carry it out, and let something happen before anybody hears of that."""

    async def answer(exchange: Exchange) -> web.StreamResponse:
        async with exchange.carried_out() as answer:
            body = await answer.read()
        await asyncio.to_thread(call)
        response = await exchange.begin(answer.status, answer.headers)
        await response.write(body)
        return response

    return answer


def after(call: Callable[[], object], fault: Fault) -> Fault:
    """Let something happen first."""

    async def answer(exchange: Exchange) -> web.StreamResponse:
        await asyncio.to_thread(call)
        return await fault(exchange)

    return answer


def unless_authorized(word: str, otherwise: Fault) -> Fault:
    """Let only calls through that carry this credential."""

    async def answer(exchange: Exchange) -> web.StreamResponse:
        if word not in exchange.authorization:
            return await otherwise(exchange)
        async with exchange.carried_out() as answer:
            response = await exchange.begin(answer.status, answer.headers)
            await response.write(await answer.read())
            return response

    return answer


def in_turn(*each: Fault) -> Fault:
    """Let each call meet the next of these; as many calls as there are (`times`)."""
    left = list(each)

    async def answer(exchange: Exchange) -> web.StreamResponse:
        return await left.pop(0)(exchange)

    return answer
