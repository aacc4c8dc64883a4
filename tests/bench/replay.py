"""The bare side of the latency benchmark: one promotion's calls, as recorded from the operator, sent again by
a script.

The script knows no rule: it sends the recorded bodies one after another with other names, versions and
resourceVersions. So it always makes the calls that the operator of this commit makes, and nothing else.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from mlflow.utils.rest_utils import MlflowHostCreds, http_request
from requests import Response

from tests.bench.site import Object
from tests.support.proxy import Sent
from tests.support.raw_api import RawApi

MLFLOW_SECONDS: Final = 30.0
_RUN: Final = re.compile(r"\b[0-9a-f]{32}\b")
_VERSION_WITH_MARK: Final = re.compile(r"([1-9][0-9]*)((?:\.[0-9]+)?)")


@dataclass(frozen=True)
class Rename:
    """How a recorded promotion becomes another one."""

    texts: Mapping[str, str]
    """Names, uids and run ids, replaced wherever they stand."""
    versions: Mapping[str, str]
    """Versions, replaced where they are a whole value, also with a mark's epoch behind them."""
    runs: Mapping[str, str] = field(default_factory=dict)
    """Run ids as MLflow makes them, for when there are too many to look for each."""

    def text(self, value: str) -> str:
        for old, new in self.texts.items():
            value = value.replace(old, new)
        return _RUN.sub(lambda found: self.runs.get(found[0], found[0]), value) if self.runs else value

    def value(self, value: Any) -> Any:
        """Rename in every string of a JSON value."""
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if not isinstance(value, str):
            return value
        whole = _VERSION_WITH_MARK.fullmatch(value)
        if whole and whole[1] in self.versions:
            return self.versions[whole[1]] + whole[2]
        return self.text(value)


def one_promotion(calls: Sequence[Sent], after: float) -> tuple[Sent, ...]:
    """Cut what belongs to a promotion out of a recording: from its request to the patch of the Deployment, in
    order."""
    kept: list[Sent] = []
    for call in calls:
        if call.at < after or call.is_follow_up:
            continue
        kept.append(call)
        if call.method == "PATCH" and call.resource == "deployments":
            return tuple(kept)
    raise ValueError("the recording has no patch of a Deployment")


def send(creds: MlflowHostCreds, call: Sent, rename: Rename) -> Response:
    """Send a recorded call to MLflow with its own client, once, and return what it answered."""
    parts = urlsplit(call.path)
    where = "params" if call.method == "GET" else "json"
    told = parse_qs(parts.query) if call.method == "GET" else json.loads(call.body)
    response: Response = http_request(  # type: ignore[no-untyped-call]  # MLflow's
        creds,
        parts.path,
        call.method,
        max_retries=0,
        retry_codes=frozenset(),
        raise_on_status=False,
        respect_retry_after_header=False,
        timeout=MLFLOW_SECONDS,
        **{where: rename.value(told)},
    )
    return response


class Bare:
    """Sends recorded promotions with the clients that the operator uses: kept-alive connections, one call at
    a time."""

    def __init__(self, api: RawApi, mlflow_uri: str) -> None:
        self._api = api
        self._creds = MlflowHostCreds(mlflow_uri)  # type: ignore[no-untyped-call]  # MLflow's
        self._resource_versions: dict[str, str] = {}

    def saw(self, path: str, body: Object) -> None:
        """Remember the resourceVersion that the next patch of the object has to name."""
        self._resource_versions[path] = body["metadata"]["resourceVersion"]

    async def play(self, calls: Sequence[Sent], rename: Rename) -> None:
        """Send the calls one after another."""
        for call in calls:
            if call.to == "mlflow":
                self._to_mlflow(call, rename)
            else:
                await self._to_kubernetes(call, rename)

    def _to_mlflow(self, call: Sent, rename: Rename) -> None:
        response = send(self._creds, call, rename)
        assert response.status_code == 200, f"{call}: {response.status_code} {response.text}"
        response.json()

    async def _to_kubernetes(self, call: Sent, rename: Rename) -> None:
        path = rename.text(call.path)
        named = urlsplit(path).path.removesuffix("/status")
        body = rename.value(json.loads(call.body)) if call.body else None
        if isinstance(body, list):
            body = [
                {**step, "value": self._resource_versions[named]}
                if step["path"] == "/metadata/resourceVersion"
                else step
                for step in body
            ]
        elif body is not None and body.get("kind") == "Event":
            body["metadata"]["name"] += "." + "-".join(sorted(rename.versions.values()))
        answer = await self._api.do(
            call.method, path, body, content_type=call.content_type or "application/json"
        )
        self.saw(named, answer)


def anonymous(call: Sent) -> Mapping[str, str | float]:
    """Return a call for the report, with the milliseconds that its `at` says."""
    return {
        "to": call.to,
        "method": call.method,
        "resource": call.resource,
        "at_ms": round(call.at * 1000, 1),
    }
