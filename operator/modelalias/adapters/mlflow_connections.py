"""Connections to one registry, shared with no other.

What one account was answered with never is sent with another's requests. MLflow's client sends everything of
a process through one session, by which cookies of an authenticating proxy would reach any other registry on
the same host, whatever its port. Its headers also take the workspace from the environment.
"""

import threading
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final

import requests
import urllib3
from mlflow.utils.request_utils import TCPKeepAliveHTTPAdapter
from mlflow.utils.rest_utils import MlflowHostCreds
from mlflow.utils.workspace_utils import WORKSPACE_HEADER_NAME

from modelalias.adapters.credential_files import Stamp, authorization, stamp_of
from modelalias.adapters.mlflow_credentials import OWNER
from modelalias.settings import RegistrySettings

USER_AGENT: Final = "modelalias"


class Connections:
    """Kept-alive connections to one registry; threads may share them.

    A connection is trusted as long as it lives, so when the CA file changes all are given up.
    """

    def __init__(self, settings: RegistrySettings) -> None:
        self._uri = settings.uri.rstrip("/")
        self._size = settings.concurrency
        self._headers = {"User-Agent": USER_AGENT}
        if settings.workspace is not None:
            self._headers[WORKSPACE_HEADER_NAME] = settings.workspace
        self._lock = threading.Lock()
        self._session: requests.Session | None = None
        self._trusted: Stamp | None = None

    def send(
        self, creds: MlflowHostCreds, endpoint: str, method: str, *, seconds: float, **content: Any
    ) -> requests.Response:
        """Send one request and return the answer, its body unread; raise what `requests` does.

        Raise `Refused` when the CA file cannot be read, or the credentials cannot stand in a header. A server
        closes a connection that was idle for some seconds, perhaps while a request is on its way: a read is then
        sent once more on a new one, within the same time. A write is not, because it may have been carried out.
        """
        until = time.monotonic() + seconds
        session = self._current(creds.server_cert_path)
        try:
            return self._request(session, creds, endpoint, method, seconds, content)
        except requests.ConnectionError as error:
            left = until - time.monotonic()
            if method != "GET" or left <= 0 or not _was_closed(error):
                raise
        self._give_up(session)
        session = self._current(creds.server_cert_path)
        return self._request(session, creds, endpoint, method, left, content)

    def _request(
        self,
        session: requests.Session,
        creds: MlflowHostCreds,
        endpoint: str,
        method: str,
        seconds: float,
        content: Mapping[str, Any],
    ) -> requests.Response:
        return session.request(
            method,
            f"{self._uri}{endpoint}",
            headers={
                **self._headers,
                **authorization(OWNER, username=creds.username, password=creds.password, token=creds.token),
            },
            auth=_as_it_is,
            verify=creds.verify,
            timeout=seconds,
            allow_redirects=False,
            stream=True,
            **content,
        )

    def _give_up(self, session: requests.Session) -> None:
        """Send no more over a session: what one connection of it met, its other idle ones would meet too."""
        with self._lock:
            if self._session is session:
                self._session = None

    def _current(self, ca_file: str | None) -> requests.Session:
        """Return the session; a former one ends with the last thread that still sends over it."""
        trusted = None if ca_file is None else stamp_of(Path(ca_file), OWNER)
        with self._lock:
            if self._session is None or trusted != self._trusted:
                self._session, self._trusted = _session(self._size), trusted
            return self._session


def _session(size: int) -> requests.Session:
    """Make a session that tries once and keeps no cookies."""
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    adapter = TCPKeepAliveHTTPAdapter(pool_maxsize=size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _was_closed(error: requests.ConnectionError) -> bool:
    """Return whether the other side closed the connection before it answered anything."""
    inner = error.args[0] if error.args else None
    causes = inner.args if isinstance(inner, urllib3.exceptions.ProtocolError) else ()
    return any(
        isinstance(cause, ConnectionResetError | ConnectionAbortedError | BrokenPipeError) for cause in causes
    )


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep the request's own Authorization: without an `auth`, requests would overwrite it from a `.netrc`."""
    return request
