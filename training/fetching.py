"""Fetch the weights of a version over MLflow's REST API, without its client, whose import takes seconds.

It knows the usual case alone: a server at http or https, files that the server itself hands out, a password or a
token. Everything else raises `LeftToMlflowError`: another store, a setting that is not known here, an answer that was
not expected, no answer. MLflow's own client does it then, and says what is wrong.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, Self
from urllib.parse import urlsplit

import requests

from training.model_uri import ModelUri
from training.served_version import ServedVersion
from training.weights import UnreadableWeightsError, Weights
from training.weights_file import weights_file

_LEFT_TO_MLFLOW: Final = (
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_AWS_SIGV4",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_WORKSPACE",
    "MLFLOW_ALLOW_HTTP_REDIRECTS",
)
"""Settings that change where or how MLflow's client asks."""
_CREDENTIALS_FILE: Final = Path("~/.mlflow/credentials")
_API: Final = "api/2.0/mlflow"
_FILES: Final = "api/2.0/mlflow-artifacts/artifacts"
_PROXIED: Final = re.compile(r"mlflow-artifacts:/(?P<path>[^/].*)")
_OK: Final = 200
_THERE_IS_NONE: Final = frozenset({400, 404})
"""What MLflow answers where there is no such model, version or alias."""


class LeftToMlflowError(Exception):
    """This is not the usual case."""


class NoSuchVersionError(LookupError):
    """The server says that there is no such model, version or alias (yet), in MLflow's words."""


def fetch(uri: ModelUri, environ: Mapping[str, str]) -> tuple[ServedVersion, Weights]:
    """Return the version that an address means now, and its weights.

    Raises:
        NoSuchVersionError: there is none.
        LeftToMlflowError: it has no weights, or this is not the usual case.
    """
    with requests.Session() as session:
        server = _Server.of(environ, session)
        served = _resolved(server, uri)
        # asked by number: the alias may have moved since
        place = server.ask("model-versions/get-download-uri", name=served.model, version=served.version)
        proxied = _PROXIED.fullmatch(str(place.get("artifact_uri"))) or _leave(
            "files that it does not hand out"
        )
        folder = proxied["path"].rstrip("/")
        name = weights_file(server.file(f"{folder}/MLmodel")) or _leave("a model without weights")
        try:
            return served, Weights.read(server.file(f"{folder}/{name}"))
        except UnreadableWeightsError as error:
            raise LeftToMlflowError(str(error)) from error


def _resolved(server: "_Server", uri: ModelUri) -> ServedVersion:
    if uri.alias is not None:
        answer = server.ask("registered-models/alias", name=uri.model, alias=uri.alias)
    else:
        answer = server.ask("model-versions/get", name=uri.model, version=str(uri.version))
    found = answer.get("model_version")
    if not isinstance(found, dict) or not {"name", "version"} <= found.keys():
        _leave("an answer without a version")
    return ServedVersion(
        model=str(found["name"]), version=str(found["version"]), run=found.get("run_id") or None
    )


@dataclass(frozen=True)
class _Server:
    """An MLflow server, asked as MLflow's client asks it with the same settings."""

    address: str
    headers: Mapping[str, str]
    certificates: str | bool
    seconds: float
    session: requests.Session

    @classmethod
    def of(cls, environ: Mapping[str, str], session: requests.Session) -> Self:
        """Read the settings."""
        address = environ.get("MLFLOW_TRACKING_URI", "").rstrip("/")
        if urlsplit(address).scheme not in {"http", "https"}:
            _leave("no server")
        if any(map(environ.get, _LEFT_TO_MLFLOW)) or _CREDENTIALS_FILE.expanduser().exists():
            _leave("settings that are not known here")
        try:
            seconds = float(environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT", "20"))
        except ValueError as error:
            raise LeftToMlflowError(str(error)) from error
        certificates = environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True
        return cls(address, _authorization(environ), certificates, seconds, session)

    def ask(self, endpoint: str, **parameters: str) -> Mapping[str, Any]:
        """Return what the registry answers."""
        answer = self._get(f"{_API}/{endpoint}", parameters)
        content = _object(answer)
        if answer.status_code in _THERE_IS_NONE and {"error_code", "message"} <= content.keys():
            raise NoSuchVersionError(f"{content['error_code']}: {content['message']}")
        if answer.status_code != _OK or not content:
            _leave(f"status {answer.status_code} of {endpoint}")
        return content

    def file(self, path: str) -> bytes:
        """Return the content of a file."""
        answer = self._get(f"{_FILES}/{path}", {})
        if answer.status_code != _OK:
            _leave(f"status {answer.status_code} of {path}")
        content: bytes = answer.content
        return content

    def _get(self, path: str, parameters: Mapping[str, str]) -> requests.Response:
        try:
            return self.session.get(
                f"{self.address}/{path}",
                params=parameters,
                headers=self.headers,
                timeout=self.seconds,
                verify=self.certificates,
            )
        except (requests.RequestException, OSError) as error:
            raise LeftToMlflowError(type(error).__name__) from error


def _authorization(environ: Mapping[str, str]) -> Mapping[str, str]:
    user, password = environ.get("MLFLOW_TRACKING_USERNAME"), environ.get("MLFLOW_TRACKING_PASSWORD")
    if user and password:
        return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
    token = environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _object(answer: requests.Response) -> Mapping[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _leave(why: str) -> NoReturn:
    raise LeftToMlflowError(why)
