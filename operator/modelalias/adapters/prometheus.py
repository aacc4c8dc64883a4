"""A Prometheus, or what answers like it, as the port `MetricsSource`: instant queries over its HTTP API.

The address and the credentials are the operator's configuration; nothing comes from the environment, and no
redirect is followed, so that credentials reach the configured host alone.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import aiohttp

from modelalias.adapters.credential_files import CredentialTexts, authorization
from modelalias.adapters.prometheus_answers import LARGEST, Unauthorized, failure, number_in, too_large
from modelalias.adapters.server_trust import ServerTrust
from modelalias.core.errors import InvalidRequest, Unavailable
from modelalias.rest import FIELD_MANAGER
from modelalias.servers import PrometheusSettings

OWNER: Final = "Prometheus'"
CLOSED: Final = "the client of Prometheus is closed"


class Prometheus:
    """One Prometheus; made in a running event loop.

    A query's time begins when its turn comes, so that a burst of queries is slow and not wrong. When one gets
    no answer, those that wait fail with it: a Prometheus that is away costs one deadline, and not one for each.
    """

    def __init__(self, settings: PrometheusSettings) -> None:
        self._url = f"{settings.uri.rstrip('/')}/api/v1/query"
        self._files, self._seconds = settings.credentials, settings.timeout_seconds
        self._texts = CredentialTexts(OWNER)
        self._trust = ServerTrust(settings.credentials.ca_file, OWNER)
        self._turns = asyncio.Semaphore(settings.concurrency)
        self._silences = 0
        self._silence = ""
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": FIELD_MANAGER,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
        )

    async def query(self, query: str) -> float | None:
        """Return the one number that the query yields now; raise as the port says."""
        silences = self._silences
        async with self._turns:
            if silences != self._silences:
                raise Unavailable(self._silence)
            if self._client.closed:
                raise Unavailable(CLOSED)
            try:
                async with asyncio.timeout(self._seconds):
                    body = await self._answer(query)
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                self._silences, self._silence = self._silences + 1, self._why_not(error)
                raise Unavailable(self._silence) from error
        return number_in(body)

    async def close(self) -> None:
        """Give back connections; queries under way find no answer."""
        await self._client.close()

    async def _answer(self, query: str) -> bytes:
        """Ask, and once more with other credentials when these are not accepted and were renewed."""
        headers = self._authorization()
        try:
            return await self._ask(query, headers)
        except Unauthorized:
            self._texts.forget()
            renewed = self._authorization()
            if renewed == headers:
                raise
            return await self._ask(query, renewed)

    async def _ask(self, query: str, headers: Mapping[str, str]) -> bytes:
        """Ask, and once more when the other side had closed the connection, which was idle, meanwhile."""
        try:
            return await self._exchange(query, headers)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            return await self._exchange(query, headers)

    async def _exchange(self, query: str, headers: Mapping[str, str]) -> bytes:
        form = {
            "query": query,
            "timeout": f"{self._seconds:g}s",
            "partial_response": "false",  # of Thanos: a part of the series may say anything
        }
        try:
            async with self._client.post(
                self._url, data=form, headers=headers, ssl=self._trust.context(), allow_redirects=False
            ) as response:
                body = await _bounded(response)
                if response.status != HTTPStatus.OK:
                    raise failure(response.status, response.headers, body or b"")
        except UnicodeEncodeError as error:
            raise InvalidRequest("the query holds half a character: write it anew") from error
        if body is None:
            raise too_large()
        return body

    def _authorization(self) -> Mapping[str, str]:
        files, text = self._files, self._texts.text
        return authorization(
            OWNER,
            username=text(files.username_file),
            password=text(files.password_file),
            token=text(files.token_file),
        )

    def _why_not(self, error: Exception) -> str:
        """Return why a query was not answered; the library's own message holds the address."""
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
            return "Prometheus' certificate is not trusted: it does not match caFile or the server's name"
        if isinstance(error, TimeoutError):
            return f"Prometheus did not answer within {self._seconds:g} s"
        if isinstance(error, aiohttp.ClientConnectorError):
            return "Prometheus cannot be reached"
        return "Prometheus' answer broke off"


async def _bounded(response: aiohttp.ClientResponse) -> bytes | None:
    """Read an answer, None when it is too long."""
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > LARGEST:
            return None
    return bytes(body)
