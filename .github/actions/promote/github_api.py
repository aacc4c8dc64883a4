"""GitHub's API with the token of the job, for what an action reads and writes there."""

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from email.message import Message
from http.client import HTTPResponse
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

PER_PAGE: Final = 100
MOST_PAGES: Final = 100
TRIES: Final = 3
LONGEST_PAUSE: Final = 60.0
SECONDS: Final = 30.0
_NEXT: Final = re.compile(r'<([^>]+)>;\s*rel="next"')


class ApiError(Exception):
    """GitHub did not do what was asked."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP status, 0 without an answer."""
        super().__init__(f"{status} {message}" if status else message)
        self.status = status


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow none: the token would go along."""


class Api:
    """One repository, as the job may read and write it."""

    def __init__(self) -> None:
        """Take the address from the runner, the token from the step."""
        self._root = os.environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
        self._repository = os.environ["GITHUB_REPOSITORY"]
        self._token = os.environ.get("GITHUB_TOKEN", "")
        self._opener = build_opener(_NoRedirects)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the answer to one request about the repository."""
        data = None if body is None else json.dumps(body).encode()
        return self._send(method, self._address(path), data, "application/json")[0]

    def upload(self, address: str, name: str, content: bytes) -> Any:
        """Upload a file to the address that GitHub named for it."""
        return self._send("POST", f"{address.partition('{')[0]}?name={name}", content, "application/json")[0]

    def every(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Return every item of a list, page by page."""
        address = f"{self._address(path)}?per_page={PER_PAGE}"
        for _ in range(MOST_PAGES):
            items, headers = self._send("GET", address, None, "application/json")
            yield from items
            following = _NEXT.search(headers.get("Link", ""))
            if following is None:
                return
            address = following.group(1)
            if not address.startswith(f"{self._root}/"):
                raise ApiError(0, "the next page is at another address than GitHub's API")

    def _address(self, path: str) -> str:
        return f"{self._root}/repos/{self._repository}/{path}"

    def _send(self, method: str, address: str, data: bytes | None, kind: str) -> tuple[Any, Message]:
        """Send, and again where GitHub says when: it then has done nothing."""
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token}",
            "Content-Type": kind,
            "X-GitHub-Api-Version": "2022-11-28",
        }
        for tries_left in range(TRIES - 1, -1, -1):
            asked = Request(address, data, headers, method=method)  # noqa: S310 - GitHub's API
            try:
                with self._opener.open(asked, timeout=SECONDS) as answer:
                    return _content(answer), answer.headers
            except HTTPError as error:
                pause = _pause(error)
                if pause is None or not tries_left:
                    raise ApiError(error.code, _message(error)) from error
            except (URLError, TimeoutError) as error:
                raise ApiError(0, f"GitHub's API does not answer: {type(error).__name__}") from error
            time.sleep(pause)
        raise AssertionError


def _pause(error: HTTPError) -> float | None:
    """Return for how long GitHub wants us to wait, None if it refuses for good."""
    wanted = error.headers.get("Retry-After", "")
    return min(float(wanted), LONGEST_PAUSE) if error.code in {403, 429} and wanted.isdigit() else None


def _message(error: HTTPError) -> str:
    try:
        body = json.loads(error.read())
        return str(body["message"])[:200]
    except (ValueError, KeyError, TypeError, OSError):
        return error.reason


def _content(answer: HTTPResponse) -> Any:
    try:
        return json.loads(answer.read() or b"null")
    except ValueError as error:
        raise ApiError(answer.status, "GitHub's answer is not JSON") from error
