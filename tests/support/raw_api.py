"""Plain calls to a real API server, for what tests arrange and look at beside the adapters."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from kubernetes.aio.client import ApiClient

from modelalias.adapters.kubernetes_client import Connection, open_client

CALL_SECONDS: Final = 20.0
DEADLINE_SECONDS: Final = 60.0
TRIES: Final = 10
"""A server that has too much to do, or has only just got a kind, answers 429 and says when to come again."""


class RawApi:
    """One client of an API server, without any of the adapters' rules."""

    def __init__(self, client: ApiClient) -> None:
        self.client = client

    async def do(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        ok: bool = True,
    ) -> Mapping[str, Any]:
        """Do one call and return what was answered; fail unless it was a success (`ok=False`: return it all
        the same)."""
        headers = {"Content-Type": content_type}
        await self.client.update_params_for_auth(headers, None, ["BearerToken"], "", method, body)
        timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
        url = self.client.configuration.host + path
        for _ in range(TRIES):
            response = await self.client.call_api(
                method, url, header_params=headers, body=body, _request_timeout=timeout
            )
            data = await response.read()  # type: ignore[no-untyped-call]  # its library has no types here
            if response.status != HTTPStatus.TOO_MANY_REQUESTS:
                break
            await asyncio.sleep(float(response.headers.get("Retry-After", 1)))
        assert not ok or response.status < 300, f"{method} {path}: {response.status} {data.decode()}"
        answer = json.loads(data)
        assert isinstance(answer, dict)
        return answer

    async def create(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self.do("POST", path, body)

    async def get(self, path: str) -> Mapping[str, Any]:
        return await self.do("GET", path)

    async def merge(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self.do("PATCH", path, body, content_type="application/merge-patch+json")

    async def whoami(self) -> str:
        """Return the name that the API server knows us by; an admission policy may want it in what we create."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = await self.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
        return str(answer["status"]["userInfo"]["username"])

    async def delete(self, path: str) -> None:
        """Delete an object and wait until it is gone."""
        await self.do("DELETE", path, {"propagationPolicy": "Background"})

        async def gone() -> bool:
            return (await self.do("GET", path, ok=False)).get("reason") == "NotFound"

        await until(gone, f"{path} is gone")


@asynccontextmanager
async def raw_api(kubeconfig: str) -> AsyncIterator[RawApi]:
    client = await open_client(kubeconfig)
    try:
        yield RawApi(client)
    finally:
        await client.close()  # type: ignore[no-untyped-call]  # as above


@asynccontextmanager
async def connection_as(kubeconfig: str, user: str | None = None) -> AsyncIterator[Connection]:
    """Open a connection of the adapters, in the name of another user if one is given."""
    client = await open_client(kubeconfig)
    if user is not None:
        client.set_default_header("Impersonate-User", user)  # type: ignore[no-untyped-call]  # as above
    connection = Connection(client)
    try:
        yield connection
    finally:
        await connection.close()


async def until(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Ask until it holds; fail after a deadline."""
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.1)
