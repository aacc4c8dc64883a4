"""A few words to a real API server, as anybody: the answer is looked at, whatever it is."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubernetes import config
from urllib3 import HTTPHeaderDict

GROUP = "/apis/modelalias.dev/v1alpha1"
JSON: Mapping[str, str] = {"Content-Type": "application/json", "Accept": "application/json"}


@dataclass(frozen=True)
class Answer:
    """What the API server said."""

    code: int
    body: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        return self.code in {200, 201}

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))


@dataclass(frozen=True)
class Person:
    """Someone in whose name a request is sent."""

    name: str
    groups: tuple[str, ...] = ()


class KubeApi:
    """The API server behind a kubeconfig."""

    def __init__(self, kubeconfig: str) -> None:
        client = config.new_client_from_config(kubeconfig)  # type: ignore[no-untyped-call]  # published without types
        self._pool = client.rest_client.pool_manager
        self._server = client.configuration.host
        self._token = client.configuration.get_api_key_with_prefix("BearerToken")

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | Sequence[Any] | bytes | None = None,
        *,
        who: Person | None = None,
        headers: Mapping[str, str] = JSON,
    ) -> Answer:
        """Send one request; bytes go out as they are."""
        sent = HTTPHeaderDict({**JSON, **headers})
        if self._token:
            sent.add("Authorization", self._token)
        if who is not None:
            sent.add("Impersonate-User", who.name)
            for group in who.groups:
                sent.add("Impersonate-Group", group)
        text = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        answer = self._pool.request(method, self._server + path, body=text, headers=sent, timeout=30)
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        return Answer(
            answer.status, json.loads(answer.data) if is_json else {"message": answer.data.decode()}
        )

    def create(
        self, path: str, body: Mapping[str, Any] | bytes, *, who: Person | None = None, dry_run: bool = False
    ) -> Answer:
        """Create as kubectl does: unknown fields are errors."""
        return self.send(
            "POST", f"{path}?fieldValidation=Strict{'&dryRun=All' if dry_run else ''}", body, who=who
        )

    def replace(
        self, path: str, body: Mapping[str, Any], *, who: Person | None = None, dry_run: bool = False
    ) -> Answer:
        return self.send(
            "PUT", f"{path}?fieldValidation=Strict{'&dryRun=All' if dry_run else ''}", body, who=who
        )

    def merge(self, path: str, body: Mapping[str, Any], *, who: Person | None = None) -> Answer:
        return self.send(
            "PATCH",
            f"{path}?fieldValidation=Strict",
            body,
            who=who,
            headers={"Content-Type": "application/merge-patch+json"},
        )

    def apply(self, path: str, body: Mapping[str, Any], *, manager: str, who: Person | None = None) -> Answer:
        """Apply server-side under a field manager."""
        query = f"?fieldManager={manager}&fieldValidation=Strict&force=true"
        return self.send(
            "PATCH", path + query, body, who=who, headers={"Content-Type": "application/apply-patch+yaml"}
        )

    def table(self, path: str) -> Mapping[str, str]:
        """Return the first row of what `kubectl get -o wide` shows, by column."""
        shown = self.send(
            "GET", path, headers={"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
        ).body
        names = [column["name"] for column in shown["columnDefinitions"]]
        return dict(zip(names, shown["rows"][0]["cells"], strict=True))

    def who_am_i(self) -> str:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        review = self.send(
            "POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        )
        return str(review.body["status"]["userInfo"]["username"])
