"""MLflow's own REST stores, with our way of sending: one attempt, a deadline, the registry's own credentials.

The stores know paths, messages and entities. What they would take from the process is taken from nowhere: a
request goes out on the registry's own connections, with the credentials of its settings.
"""

# ruff: noqa: D102 - the protocols repeat methods that MLflow documents

import json
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from google.protobuf import json_format
from google.protobuf.message import Message
from mlflow.entities import Experiment, LoggedModel, Metric, Run, RunInfo, RunTag
from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.protos.model_registry_pb2 import SearchRegisteredModels
from mlflow.protos.service_pb2 import FileInfo, GetRun, ListArtifacts, SearchRuns
from mlflow.protos.service_pb2 import Run as RunMessage
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry.rest_store import RestStore as RegistryRestStore
from mlflow.store.tracking.rest_store import RestStore as TrackingRestStore
from mlflow.utils.proto_json_utils import message_to_json, parse_dict
from mlflow.utils.rest_utils import MlflowHostCreds
from pydantic import BaseModel, ConfigDict, ValidationError

from modelalias.adapters.mlflow_call_names import call_name, call_outcome
from modelalias.adapters.mlflow_connections import Connections
from modelalias.adapters.mlflow_credentials import source_of
from modelalias.adapters.mlflow_errors import (
    REGISTRY,
    STRANGE,
    MissingResource,
    NoSuchEndpoint,
    Oversized,
    Unauthorized,
    Unreachable,
    failure,
)
from modelalias.core.errors import Unavailable
from modelalias.ports import CallOutcome
from modelalias.settings import RegistrySettings

LARGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes; a page of 1,000 models is below 1 MB."""
CHUNK: Final = 64 * 1024

LONGEST_RELEASE: Final = 64
BEFORE_LOGGED_MODELS: Final = re.compile(r"[12]\.[0-9]+(\.[0-9A-Za-z.]+)?")

WRITE_SECONDS: Final = 5.0
"""No longer than the time between the end of a Lease's validity here and its end for others, see
`adapters.leadership`."""

M = TypeVar("M", bound=Message)
Called = Callable[[str, CallOutcome, float], None]
"""Is told of each call: its name, how it ended, and its seconds; in the thread that made it."""


class Wire:
    """Sends one request at a time for whoever asks, in the thread that asks; threads may share it."""

    def __init__(
        self, settings: RegistrySettings, called: Called = lambda *_: None, *, server: str = REGISTRY
    ) -> None:
        """Take what the server is called in sentences."""
        self._called = called
        self._server = server
        self.credentials = source_of(settings)
        self._connections = Connections(settings)
        self._seconds = settings.timeout_seconds
        self._host = urlsplit(settings.uri).hostname or ""

    def call(self, endpoint: str, method: str, json_body: str | None, answer: M) -> M:
        """Send a request and fill MLflow's own message with the answer; raise as `send` does."""
        text = self.send(endpoint, method, json_body)
        try:
            parse_dict(json.loads(text) if text.strip() else {}, answer)  # type: ignore[no-untyped-call]  # MLflow's
        except (json_format.Error, ValueError, TypeError, AttributeError) as error:
            raise Unavailable(STRANGE) from error
        return answer

    def send(self, endpoint: str, method: str, json_body: str | None, *, most: int | None = None) -> str:
        """Send a request and return the answer's body.

        Raise the port's failures, or those of `mlflow_errors`. An answer of more than `most` bytes, or else of
        `LARGEST_ANSWER`, is `Oversized`. Credentials that are not accepted are read again, and tried once more only if they
        changed.
        """
        began, outcome = time.monotonic(), CallOutcome.OK
        try:
            return self._send(endpoint, method, json_body, LARGEST_ANSWER if most is None else most)
        except Exception as error:
            outcome = call_outcome(error)
            raise
        finally:
            self._called(call_name(endpoint, method), outcome, time.monotonic() - began)

    def _send(self, endpoint: str, method: str, json_body: str | None, most: int) -> str:
        deadline = time.monotonic() + self._limit(method)
        body = json.loads(json_body) if json_body else None
        creds = self.credentials.host_creds()
        try:
            return self._exchange(creds, endpoint, method, body, deadline, most)
        except Unauthorized:
            self.credentials.forget()
            renewed = self.credentials.host_creds()
            if renewed == creds:
                raise
            return self._exchange(renewed, endpoint, method, body, deadline, most)

    def _limit(self, method: str) -> float:
        return self._seconds if method == "GET" else min(self._seconds, WRITE_SECONDS)

    def _exchange(
        self, creds: MlflowHostCreds, endpoint: str, method: str, body: Any, deadline: float, most: int
    ) -> str:
        remaining = max(deadline - time.monotonic(), 0.001)
        try:
            response = self._connections.send(
                creds, endpoint, method, seconds=remaining, **{"params" if method == "GET" else "json": body}
            )
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            raise Unreachable(_why_not(error, self._limit(method), self._server)) from error
        with response:
            text = self._read(response, deadline, self._limit(method), most)
        if response.status_code == HTTPStatus.OK:
            return text
        raise failure(
            response.status_code,
            _error_code(text),
            response.headers,
            text=text,
            host=self._host,
            server=self._server,
        )

    def _read(self, response: requests.Response, deadline: float, limit: float, most: int) -> str:
        """Read the body by pieces: a timeout of the library begins anew with each piece."""
        body = bytearray()
        try:
            while piece := response.raw.read1(CHUNK, decode_content=True):
                body += piece
                if time.monotonic() > deadline:
                    raise Unavailable(f"{self._server}'s answer did not end within {limit:g} s")
                if len(body) > most:
                    raise Oversized(
                        f"{self._server}'s answer has more than {most / 2**20:g} MiB: are there large tags?"
                    )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable(f"{self._server}'s answer broke off") from error
        return body.decode("utf-8", errors="replace")


class _Listed(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)


class ListedAlias(_Listed):
    """An alias in a list of models."""

    alias: str
    version: str


class ListedModel(_Listed):
    """A model in a list, as far as we read it."""

    name: str
    aliases: tuple[ListedAlias, ...] = ()


class ListedVersion(_Listed):
    """The newest version of a model in one stage."""

    version: str
    current_stage: str = ""


class ListedModelWithStages(ListedModel):
    """A model in a list, with what its stages lead to."""

    latest_versions: tuple[ListedVersion, ...] = ()


ModelT = TypeVar("ModelT", bound=ListedModel)


class Page(_Listed, Generic[ModelT]):
    """A page of a list of models; an empty registry answers with nothing at all."""

    registered_models: tuple[ModelT, ...] = ()
    next_page_token: str = ""


class Models(Protocol):
    """The calls of MLflow's model registry store that we make, with the types that the library leaves out."""

    def page_of_models(
        self, model: type[ModelT], size: int, token: str | None, wanted: str | None = None
    ) -> Page[ModelT]: ...
    def get_registered_model(self, name: str) -> RegisteredModel: ...

    def get_model_version_download_uri(self, name: str, version: str) -> str: ...
    def get_model_version(self, name: str, version: str) -> ModelVersion: ...
    def search_model_versions(
        self, filter_string: str, max_results: int | None = None, order_by: Sequence[str] | None = None
    ) -> PagedList[ModelVersion]: ...
    def create_model_version(
        self, name: str, source: str, *, run_id: str, model_id: str | None
    ) -> ModelVersion: ...
    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None: ...
    def delete_registered_model_alias(self, name: str, alias: str) -> None: ...
    def set_model_version_tag(self, name: str, version: str, tag: ModelVersionTag) -> None: ...
    def delete_model_version_tag(self, name: str, version: str, key: str) -> None: ...


class Runs(Protocol):
    """The calls of MLflow's tracking store that we make."""

    def get_run(self, run_id: str) -> Run: ...
    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str,
        run_view_type: int,
        *,
        max_results: int,
        order_by: Sequence[str] | None = None,
    ) -> PagedList[Run]: ...
    def create_run(
        self, experiment_id: str, user_id: str, start_time: int, tags: Sequence[RunTag], run_name: str
    ) -> Run: ...
    def update_run_info(
        self, run_id: str, run_status: int, end_time: int, run_name: str | None
    ) -> RunInfo: ...
    def get_metric_history(
        self, run_id: str, metric_key: str, max_results: int, page_token: str | None
    ) -> PagedList[Metric]: ...
    def get_experiment_by_name(self, experiment_name: str) -> Experiment | None: ...
    def create_experiment(self, name: str) -> str: ...
    def get_logged_model(self, model_id: str) -> LoggedModel: ...
    def logged_models_of(self, experiment_id: str, run_id: str, most: int) -> Sequence[LoggedModel]: ...
    def list_artifacts(self, run_id: str, path: str) -> Sequence[FileInfo]: ...


def stores(registry: Wire, tracking: Wire) -> tuple[Models, Runs]:
    """Return MLflow's stores over the wires to the server of the models and to that of the runs."""
    return _RegistryStore(registry), _TrackingStore(tracking)


class _RegistryStore(RegistryRestStore):
    def __init__(self, wire: Wire) -> None:
        super().__init__(wire.credentials.host_creds)  # type: ignore[no-untyped-call]  # MLflow's
        self._wire = wire

    def page_of_models(
        self, model: type[ModelT], size: int, token: str | None, wanted: str | None = None
    ) -> Page[ModelT]:
        """Read one page of the models that a filter lets through, of each what `model` wants to know.

        Past MLflow's own messages, which take ten times the processor time of all the rest of a snapshot.
        """
        endpoint, method = self._get_endpoint_from_method(SearchRegisteredModels)  # type: ignore[no-untyped-call]  # MLflow's
        asked = message_to_json(SearchRegisteredModels(filter=wanted, max_results=size, page_token=token))
        try:
            text = self._wire.send(endpoint, method, asked).strip() or "{}"
            return Page[model].model_validate_json(text)  # type: ignore[valid-type]  # the class is a value here
        except ValidationError as error:
            raise Unavailable(STRANGE) from error

    def _call_endpoint(
        self,
        api: Any,
        json_body: str | None,
        call_all_endpoints: bool = False,
        extra_headers: object = None,
    ) -> Any:
        del call_all_endpoints, extra_headers  # no call of ours has either
        endpoint, method = self._get_endpoint_from_method(api)  # type: ignore[no-untyped-call]  # MLflow's
        return self._wire.call(endpoint, method, json_body, api.Response())


class _TrackingStore(TrackingRestStore):
    def __init__(self, wire: Wire) -> None:
        super().__init__(wire.credentials.host_creds)  # type: ignore[no-untyped-call]  # MLflow's
        self._wire = wire

    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> LoggedModel:
        """Read a logged model; its parts refuse what makes no sense, such as a dataset without a digest."""
        try:
            return super().get_logged_model(model_id, allow_deleted)
        except MlflowException as error:
            raise Unavailable(STRANGE) from error
        except NoSuchEndpoint as error:
            if self._has_logged_models():
                raise
            raise MissingResource("this release of MLflow has no logged models") from error

    def logged_models_of(self, experiment_id: str, run_id: str, most: int) -> Sequence[LoggedModel]:
        """Return the logged models that a run made; none on a server that does not know of any.

        The id cannot leave its quotes: it is the answer's own.
        """
        try:
            return self.search_logged_models(
                [experiment_id], filter_string=f"source_run_id = '{run_id}'", max_results=most
            )
        except NoSuchEndpoint:
            if self._has_logged_models():
                raise
            return ()

    def _has_logged_models(self) -> bool:
        """Return whether the release has them, which MLflow 3 brought: a 404 may be a proxy's own."""
        release = self._wire.send("/version", "GET", None, most=LONGEST_RELEASE)
        return not BEFORE_LOGGED_MODELS.fullmatch(release.strip())

    def list_artifacts(self, run_id: str, path: str) -> Sequence[FileInfo]:
        """Return the files and folders below a path of a run's artifacts; none there is an empty list."""
        answer = self._call_endpoint(ListArtifacts, message_to_json(ListArtifacts(run_id=run_id, path=path)))
        return tuple(answer.files)

    def _call_endpoint(
        self,
        api: Any,
        json_body: str | None = None,
        endpoint: str | None = None,
        retry_timeout_seconds: object = None,
        response_proto: Any = None,
    ) -> Any:
        del retry_timeout_seconds  # for Databricks alone
        path, method = self._METHOD_TO_INFO[api]
        answer = self._wire.call(endpoint or path, method, json_body, response_proto or api.Response())
        if not all(run.info.HasField("status") for run in _runs_in(answer)):
            raise Unavailable(STRANGE)
        return answer


def _runs_in(answer: Message) -> Sequence[RunMessage]:
    """Return the runs of an answer.

    Without a status that MLflow knows, its own reading of it would say that it is running.
    """
    if isinstance(answer, GetRun.Response):
        return (answer.run,)
    return tuple(answer.runs) if isinstance(answer, SearchRuns.Response) else ()


def _why_not(cause: Exception, seconds: float, server: str) -> str:
    """Return why a request was not answered; the library's own message contains the whole URL."""
    inner = cause.args[0] if isinstance(cause, requests.ConnectionError) and cause.args else None
    reason = getattr(inner, "reason", None)  # without retries, requests hides a timeout in a ConnectionError
    if isinstance(cause, requests.Timeout) or isinstance(reason, urllib3.exceptions.ReadTimeoutError):
        return f"{server} did not answer within {seconds:g} s"
    if isinstance(cause, requests.exceptions.SSLError):
        return f"{server}'s certificate is not trusted: it does not match caFile or the server's name"
    causes = tuple(_chain(cause))
    if any(isinstance(it, socket.gaierror) for it in causes):
        return f"{server} cannot be reached: the name of its host does not resolve"
    if any(isinstance(it, ConnectionRefusedError) for it in causes):
        return f"{server} cannot be reached: its host refuses the connection"
    return f"{server} cannot be reached"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _error_code(text: str) -> str:
    try:
        said = json.loads(text)
    except ValueError:
        return ""
    code = said.get("error_code") if isinstance(said, dict) else None
    return code if isinstance(code, str) else ""
