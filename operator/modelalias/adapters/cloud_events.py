"""A program that takes CloudEvents over HTTP, as the port `Channel`: one POST of the structured form, signed.

The address is read from a file and reaches no message, log or trace. No redirect is followed, nothing comes from the
environment, and no answer is read beyond its status.
"""

import hashlib
import hmac
import json
from http import HTTPStatus
from typing import Final

import aiohttp
from yarl import URL

from modelalias.adapters.credential_files import CredentialTexts, authorization
from modelalias.adapters.retry_after import retry_after
from modelalias.adapters.server_trust import ServerTrust
from modelalias.channels import CloudEventsSettings
from modelalias.core.errors import Refused, Unavailable
from modelalias.core.notifications.letters import CONTENT_TYPE
from modelalias.ports import Letter
from modelalias.rest import FIELD_MANAGER

SIGNATURE: Final = "X-Signature"
"""As Flux' `generic-hmac` names it: `sha256=<hex>` of the body."""
_PASSING: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT})
_SUCCESS: Final = range(200, 300)


class CloudEvents:
    """One receiver; made in a running event loop."""

    is_for_people = False

    def __init__(self, name: str, settings: CloudEventsSettings) -> None:
        """Take the channel's configured name."""
        self._settings, self._owner = settings, f"the channel {name}'s"
        self._texts = CredentialTexts(self._owner)
        self._trust = ServerTrust(settings.credentials.ca_file, self._owner)
        self._client = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": FIELD_MANAGER, "Content-Type": CONTENT_TYPE},
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
        )

    async def send(self, letter: Letter) -> None:
        """Deliver the event; raise as the port says."""
        body = json.dumps(letter.event, separators=(",", ":")).encode()
        url, headers, trust = self._url(), self._headers(body), self._trust.context()
        try:
            async with self._client.post(
                url, data=body, headers=headers, ssl=trust, allow_redirects=False
            ) as response:
                status, told = response.status, dict(response.headers)
                response.close()  # what else it says may never end
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"{self._owner} receiver cannot be reached: {type(error).__name__}") from error
        if status in _SUCCESS:
            return
        if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable(f"{self._owner} receiver answered {status}", retry_after=retry_after(told))
        raise Refused(f"{self._owner} receiver refused it ({status})")

    async def close(self) -> None:
        """Give back connections."""
        await self._client.close()

    def _url(self) -> URL:
        try:
            url = URL(self._texts.text(self._settings.url_file) or "")
        except ValueError as error:
            raise self._no_address() from error
        if url.scheme not in {"http", "https"} or not url.host:
            raise self._no_address()
        return url

    def _no_address(self) -> Refused:
        return Refused(f"{self._owner} file {self._settings.url_file.name} holds no http or https address")

    def _headers(self, body: bytes) -> dict[str, str]:
        files, text = self._settings.credentials, self._texts.text
        headers = dict(
            authorization(
                self._owner,
                username=text(files.username_file),
                password=text(files.password_file),
                token=text(files.token_file),
            )
        )
        key = text(self._settings.hmac_key_file)
        if key is not None:
            headers[SIGNATURE] = f"sha256={hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}"
        return headers
