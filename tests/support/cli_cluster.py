"""A cluster in memory for the commands of people: it keeps requests and takes JSON patches as the API server
does."""

import copy
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest
from modelalias.cli.changes import Event, Watch
from modelalias.cli.cluster import Heartbeat, Installation, Kind, ObjectMissing, Page, Who
from modelalias.cli.object_events import ObjectEvent
from modelalias.cli.rights import Right
from modelalias.core.errors import InvalidRequest, OperatorError
from modelalias.ports import Pod, Workload, WorkloadRef
from modelalias.rest import Resource
from tests.support.fake_watch import FakeWatch

NOW: Final = "2026-01-01T00:00:00Z"
EVIDENCE: Final = f"sha256:{'1' * 64}"
OTHER_EVIDENCE: Final = f"sha256:{'2' * 64}"
GATE: Final[Mapping[str, Any]] = {
    "name": "auc",
    "result": "Passed",
    "metric": "val_auc",
    "candidate": "0.9",
    "champion": "0.8",
    "rule": ">= 0.81 (champion 0.8 + 0.01)",
    "evaluatedAt": NOW,
}


def body(spec: Mapping[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    """Return a request that waits for people; a status of None takes the field away."""
    told = {
        "phase": "AwaitingApproval",
        "explanation": "waits for 1 approval from group ml-leads",
        "resolved": {"version": "4", "champion": "3", "from": "version 4", "evidence": EVIDENCE},
        "gates": [GATE],
        "approvals": {"required": 1, "valid": 0},
        "conditions": [condition("Complete", "False", "AwaitingApproval")],
        **status,
    }
    return {
        "metadata": {"name": "go", "namespace": "ml", "uid": "u-1"},
        "spec": {
            "aliasRef": {"name": "churn-champion"},
            "source": {"version": "4"},
            "requestedBy": "ana",
            **(spec or {}),
        },
        "status": {key: value for key, value in told.items() if value is not None},
    }


def request(spec: Mapping[str, Any] | None = None, **status: Any) -> PromotionRequest:
    return PromotionRequest.model_validate(body(spec, **status))


def ended(phase: str = "Rejected", explanation: str = "version 4 refused", **status: Any) -> dict[str, Any]:
    """Return the status of a request that has ended."""
    good = "True" if phase == "Succeeded" else "False"
    conditions = [condition("Complete", "True", phase), condition("Succeeded", good, phase)]
    return {"phase": phase, "explanation": explanation, "conditions": conditions, **status}


def condition(kind: str, status: str, reason: str, message: str = "") -> Mapping[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": NOW}


def approval(user: str, **fields: Any) -> Mapping[str, Any]:
    return {"user": user, "evidence": EVIDENCE, "decision": "Approve", **fields}


class FakeCluster:
    """Implements `Cluster` with one request and one ModelAlias, or none of them."""

    def __init__(self, found: dict[str, Any] | None = None, alias: dict[str, Any] | None = None) -> None:
        self.found, self.patches, self.renewals = found, 0, 0
        self.said: list[OperatorError | dict[str, Any] | None] = []
        """What the next reads answer: a failure, or the request as it is from then on."""
        self.before_patch: Callable[[dict[str, Any]], None] = lambda _: None
        self.me = Who(user="bo", groups=("ml-leads", "system:authenticated"))
        self.alias_body = alias
        self.said_of_alias: list[OperatorError | dict[str, Any] | None] = []
        """What the next reads of the ModelAlias answer, in the same way."""

        self.lacks: set[str] = set()
        """Verbs that the user does not have."""
        self.told: Sequence[ObjectEvent] | OperatorError = ()
        self.logs: dict[str, str | OperatorError] = {}

        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.operators = "modelalias-system"
        """The namespace that has the operator."""
        self.lease: Heartbeat | OperatorError | None = Heartbeat(holder="pod", renewed=self.time)
        self.others: Sequence[Installation] | OperatorError = ()
        self.workloads: dict[str, Workload] = {}
        self.pods_of: dict[str, Sequence[Pod]] = {}
        self.pods_error: OperatorError | None = None

        self.pages: list[Page | OperatorError] = []
        """What the next lists answer; without any they have the request or the ModelAlias."""
        self.listed: list[tuple[Kind, str, str]] = []
        """What was listed: kind, selectors, and from where."""
        self.watches: list[FakeWatch] = []
        """Those that were begun, each told by the test what happens."""
        self.told_at_once: list[Event | OperatorError | None] = []
        """What the next watch tells before anything else; None ends it."""
        self.objects: dict[tuple[str, str, str], Mapping[str, Any] | OperatorError] = {}
        """Any objects, by plural, namespace and name."""
        self.described: Mapping[str, Any] | None = None

    @property
    def namespace(self) -> str:
        return "ml"

    def now(self) -> datetime:
        return self.time

    async def heartbeat(self, namespace: str) -> Heartbeat | None:
        if isinstance(self.lease, OperatorError):
            raise self.lease
        return self.lease if namespace == self.operators else None

    async def other_installations(self, namespace: str) -> Sequence[Installation]:
        if isinstance(self.others, OperatorError):
            raise self.others
        return [it for it in self.others if it.place.partition("/")[0] != namespace]

    async def workload(self, ref: WorkloadRef) -> Workload | None:
        return self.workloads.get(ref.name)

    async def pods(self, workload: Workload) -> Sequence[Pod]:
        if self.pods_error is not None:
            raise self.pods_error
        return self.pods_of[workload.ref.name]

    async def who(self) -> Who:
        return self.me

    async def request(self, name: str) -> PromotionRequest:
        if self.said:
            answer = self.said.pop(0)
            if isinstance(answer, OperatorError):
                raise answer
            self.found = answer
        if self.found is None:
            raise ObjectMissing(f"there is no PromotionRequest {name} in namespace ml")
        return PromotionRequest.model_validate(self.found)

    async def alias(self, name: str) -> ModelAlias:
        if self.said_of_alias:
            answer = self.said_of_alias.pop(0)
            if isinstance(answer, OperatorError):
                raise answer
            self.alias_body = answer
        if self.alias_body is None:
            raise ObjectMissing(f"no ModelAlias {name} in namespace ml")
        return ModelAlias.model_validate(self.alias_body)

    async def patch_alias(self, name: str, operations: Sequence[Mapping[str, Any]]) -> ModelAlias:
        self.patches += 1
        if self.alias_body is None:
            raise ObjectMissing(f"no ModelAlias {name} in namespace ml")
        self.before_patch(self.alias_body)
        patched = copy.deepcopy(self.alias_body)
        for operation in operations:
            _carry_out(patched, operation)
        self.alias_body = patched
        return ModelAlias.model_validate(patched)

    async def every(
        self, kind: Kind, namespace: str, *, selector: str = "", labels: str = ""
    ) -> AsyncIterator[Mapping[str, Any]]:
        page = await self.page(kind, namespace, selector=selector, labels=labels)
        for item in page.items:
            yield item

    async def page(
        self, kind: Kind, namespace: str, *, selector: str = "", labels: str = "", after: str = ""
    ) -> Page:
        self.listed.append((kind, ",".join(item for item in (selector, labels) if item), after))
        if self.pages:
            answer = self.pages.pop(0)
            if isinstance(answer, OperatorError):
                raise answer
            return answer
        one = {Kind.REQUESTS: self.found, Kind.ALIASES: self.alias_body}.get(kind)
        there = one is not None and namespace in {"", self.namespace}
        return Page(items=(one,) if one is not None and there else (), after="", left=0, version="1")

    async def names(self, kind: Kind, namespace: str) -> Sequence[tuple[str, str]]:
        items = [item["metadata"] async for item in self.every(kind, namespace)]
        return [(item["namespace"], item["name"]) for item in items]

    async def watch(
        self, kind: Kind, namespace: str, *, selector: str = "", labels: str = "", since: str
    ) -> Watch:
        watch = FakeWatch(kind, namespace, ",".join(item for item in (selector, labels) if item), since)
        for item in self.told_at_once:
            watch.told.put_nowait(item)
        self.told_at_once = []
        self.watches.append(watch)
        return watch

    async def body(self, resource: Resource, name: str, namespace: str = "") -> Mapping[str, Any] | None:
        found = self.objects.get((resource.plural, namespace, name))
        if isinstance(found, OperatorError):
            raise found
        return found

    async def schemas(self) -> Mapping[str, Any] | None:
        return self.described

    async def create(self, body: Mapping[str, Any]) -> PromotionRequest:
        metadata = {
            "name": f"{body['metadata'].get('generateName', '')}abcde",
            "uid": "u-2",
            **body["metadata"],
        }
        self.found = {
            **body,
            "metadata": {key: value for key, value in metadata.items() if key != "generateName"},
        }
        return PromotionRequest.model_validate(self.found)

    async def patch(self, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        self.patches += 1
        if self.found is None:
            raise ObjectMissing(f"there is no PromotionRequest {name} in namespace ml")
        self.before_patch(self.found)
        patched = copy.deepcopy(self.found)
        for operation in operations:
            _carry_out(patched, operation)
        before, after = (item["spec"].get("approvals", []) for item in (self.found, patched))
        if [item for item in before if item not in after]:
            raise InvalidRequest("an approval or a rejection cannot be changed or removed")
        self.found = patched

    async def may(self, right: Right) -> bool:
        return right.verb not in self.lacks

    async def events(self, uid: str) -> Sequence[ObjectEvent]:
        assert uid
        if isinstance(self.told, OperatorError):
            raise self.told
        return self.told

    async def last_lines(self, job: str) -> str:
        found = self.logs.get(job, "")
        if isinstance(found, OperatorError):
            raise found
        return found

    async def renew(self) -> None:
        self.renewals += 1


def _carry_out(body: Any, operation: Mapping[str, Any]) -> None:
    keys = [key.replace("~1", "/").replace("~0", "~") for key in operation["path"].strip("/").split("/")]
    *path, last = keys
    for key in path:
        body = body.get(key, {})
    if operation["op"] == "test":
        if body.get(last) != operation["value"]:
            raise InvalidRequest("the server rejected our request due to an error in our request")
    elif operation["op"] == "remove":
        del body[last]
    elif last == "-":
        body.append(operation["value"])
    else:
        body[last] = operation["value"]
