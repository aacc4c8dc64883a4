"""The few requests that bringing a cluster up makes of its API server."""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from hack.cluster.errors import ClusterError


@dataclass(frozen=True)
class Api:
    """Reach one API server as its administrator."""

    url: str
    certificate: str
    token: str

    def get(self, path: str) -> Any:
        """Return the JSON at a path, or None while the server or the object is not there."""
        try:
            return self._request("GET", path, None)
        except (OSError, ValueError):
            return None

    def create(self, path: str, body: Any) -> None:
        """Create an object.

        Raises:
            ClusterError: the server refused it or does not answer.
        """
        try:
            self._request("POST", path, body)
        except urllib.error.HTTPError as error:
            raise ClusterError(f"POST {path}: {error.read().decode(errors='replace')}") from error
        except OSError as error:
            raise ClusterError(f"POST {path}: {error}") from error

    def ready(self) -> bool:
        """Tell whether the server answers and has finished its own start."""
        return bool(self.get("/readyz") == "ok")

    def _request(self, method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310  # our own server, https
        context = ssl.create_default_context(cadata=self.certificate)
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with direct.open(request, timeout=5) as answer:
            text = answer.read().decode()
        return json.loads(text) if text.startswith("{") else text
