"""The pages on a cluster in memory, and a browser's requests to them.

`Cluster` keeps ModelAliases and requests as bodies; a page of its list is cut as the API server cuts it. One object is
read and patched by `FakeCluster` of `cli_cluster`, so that a form writes as a command does.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from starlette.testclient import TestClient

from modelalias.cli.api_server import Table
from modelalias.cli.changes import Event, Happened
from modelalias.cli.cluster import Heartbeat, Kind, Page, PersonsCluster, Who
from modelalias.cli.kubeconfig import Access
from modelalias.cli.object_events import ObjectEvent
from modelalias.core.errors import OperatorError, StaleObject
from modelalias.web import rendering
from modelalias.web.app import app
from modelalias.web.identity import Person
from modelalias.web.kept import Kept
from modelalias.web.local_session import LocalSession
from modelalias.web.reading import MOST, Readers
from modelalias.web.registries import Registries
from modelalias.web.visit import Site
from tests.support.cli_cluster import FakeCluster
from tests.support.fake_watch import FakeWatch

HOST: Final = "127.0.0.1:8300"
ORIGIN: Final = f"http://{HOST}"
NOW: Final = datetime(2026, 1, 2, tzinfo=UTC)


class Cluster:
    """Implements `Reader`."""

    def __init__(
        self, aliases: Sequence[Mapping[str, Any]] = (), requests: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self.bodies: dict[Kind, list[Any]] = {
            Kind.ALIASES: [*aliases],
            Kind.REQUESTS: [*requests],
            Kind.POLICIES: [],
            Kind.CLUSTER_POLICIES: [],
        }
        self.lease: Heartbeat | OperatorError | None = Heartbeat(holder="pod", renewed=NOW)
        self.error: OperatorError | None = None
        """What every call answers instead."""
        self.only: str | None = None
        """The one namespace that may be listed, and the error for others."""
        self.refused_selectors: Mapping[str, Exception] = {}
        """What a list with that selector answers instead."""
        self.calls: list[tuple[str, str, str]] = []
        self.me = Who(user="ana", groups=("ml-leads",))
        self.namespaces: dict[str, FakeCluster] = {}
        """Where the workloads of a namespace are."""
        self.lacks: set[str] = set()
        """Verbs that the person does not have."""
        self.told: Sequence[ObjectEvent] | OperatorError = ()
        self.logs: dict[str, str | OperatorError] = {}
        self.patches: list[Sequence[Mapping[str, Any]]] = []
        self.on_patch: Callable[[], None] = lambda: None
        """What happens just before something is written, such as another's write or a refusal."""
        self.is_closed = False
        self.watches: list[FakeWatch] = []
        self.watch_error: OperatorError | None = None
        self.unwatchable: Kind | None = None
        """The one kind that the error is for."""

    @property
    def namespace(self) -> str:
        return "ml"

    def within(self, namespace: str) -> PersonsCluster:
        return _OneNamespace(self, namespace)

    def now(self) -> datetime:
        return NOW

    async def who(self) -> Who:
        if self.error is not None and self.only is None:
            raise self.error
        return self.me

    async def page(
        self, kind: Kind, namespace: str, *, selector: str = "", most: int = MOST, after: str = ""
    ) -> Page:
        self.calls.append((kind, namespace, selector))
        if self.error is not None and self.only in {None, *({self.only} - {namespace})}:
            raise self.error
        if selector in self.refused_selectors:
            raise self.refused_selectors[selector]
        found = [
            body
            for body in self.bodies[kind]
            if namespace in {"", body["metadata"].get("namespace")} and _is_selected(body, selector)
        ]
        start = int(after or 0)
        end = start + most
        more = len(found) > end
        left = None if selector and more else max(len(found) - end, 0)
        return Page(items=tuple(found[start:end]), after=str(end) if more else "", left=left, version="1")

    async def watch(self, kind: Kind, namespace: str, *, selector: str = "", since: str) -> FakeWatch:
        if self.watch_error is not None and self.unwatchable in {None, kind}:
            raise self.watch_error
        watch = FakeWatch(kind, namespace, selector, since)
        self.watches.append(watch)
        return watch

    @property
    def open_watches(self) -> Sequence[FakeWatch]:
        return [watch for watch in self.watches if not watch.is_closed]

    def happens(self, kind: Kind, body: Mapping[str, Any], happened: Happened = Happened.MODIFIED) -> None:
        """Put an object in the place of the one of its name, and tell the watches that select it."""
        where = _where(body)
        kept = [item for item in self.bodies[kind] if _where(item) != where]
        self.bodies[kind] = kept if happened is Happened.DELETED else [*kept, body]
        for watch in self.open_watches:
            if (
                watch.kind is kind
                and watch.namespace in {"", where[0]}
                and _is_selected(body, watch.selector)
            ):
                watch.tell(Event(happened=happened, body=body))

    async def table(
        self,
        kind: Kind,
        namespace: str,
        *,
        selector: str = "",
        most: int = MOST,
        after: str = "",
    ) -> Table:
        page = await self.page(kind, namespace, selector=selector, most=most, after=after)
        rows = tuple(_cells(body) for body in page.items)
        return Table(rows=rows, after=page.after, left=page.left)

    async def names(
        self, kind: Kind, namespace: str, *, selector: str = "", most: int = MOST, after: str = ""
    ) -> Sequence[tuple[str, str]]:
        page = await self.page(kind, namespace, selector=selector, most=most, after=after)
        return [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in page.items]

    async def close(self) -> None:
        self.is_closed = True

    def named(self, kind: Kind, namespace: str) -> Mapping[str, Any]:
        return {
            body["metadata"]["name"]: body
            for body in self.bodies[kind]
            if body["metadata"].get("namespace") == namespace
        }


class _OneNamespace(FakeCluster):
    """One namespace, whose patches are seen by later reads."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        super().__init__()
        self._cluster, self._namespace = cluster, namespace
        self.me, self.time, self.told = cluster.me, NOW, cluster.told
        self.lease = cluster.lease
        workloads = cluster.namespaces.get(namespace)
        if workloads is not None:
            self.workloads, self.pods_of = workloads.workloads, workloads.pods_of
            self.pods_error = workloads.pods_error
        self.lacks, self.logs = cluster.lacks, cluster.logs

    @property
    def namespace(self) -> str:
        return self._namespace

    async def request(self, name: str) -> Any:
        self._raise()
        self.found = self._cluster.named(Kind.REQUESTS, self._namespace).get(name)
        return await super().request(name)

    async def alias(self, name: str) -> Any:
        self._raise()
        self.alias_body = self._cluster.named(Kind.ALIASES, self._namespace).get(name)
        return await super().alias(name)

    async def create(self, body: Mapping[str, Any]) -> Any:
        self._raise()
        self._cluster.on_patch()
        if body["metadata"].get("name") in self._cluster.named(Kind.REQUESTS, self._namespace):
            raise StaleObject("it exists already")
        created = await super().create(body)
        assert self.found is not None
        self.found["metadata"]["namespace"] = self._namespace
        self._cluster.bodies[Kind.REQUESTS].append(self.found)
        return created

    async def patch(self, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        self._raise()
        self._cluster.on_patch()
        self.found = self._cluster.named(Kind.REQUESTS, self._namespace).get(name)
        await super().patch(name, operations)
        self._cluster.patches.append(operations)
        self._write(Kind.REQUESTS, self.found)

    async def patch_alias(self, name: str, operations: Sequence[Mapping[str, Any]]) -> Any:
        self._raise()
        self._cluster.on_patch()
        self.alias_body = self._cluster.named(Kind.ALIASES, self._namespace).get(name)
        patched = await super().patch_alias(name, operations)
        self._cluster.patches.append(operations)
        self._write(Kind.ALIASES, self.alias_body)
        return patched

    def _write(self, kind: Kind, body: Any) -> None:
        where = (self._namespace, body["metadata"]["name"])
        self._cluster.bodies[kind] = [
            body if (item["metadata"]["namespace"], item["metadata"]["name"]) == where else item
            for item in self._cluster.bodies[kind]
        ]

    def _raise(self) -> None:
        if self._cluster.error is not None and self._cluster.only is None:
            raise self._cluster.error


def alias(
    name: str = "churn-champion",
    namespace: str = "ml",
    spec: Mapping[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    """Return a ModelAlias at which version 3 stands."""
    told = {
        "phase": "Ready",
        "current": {"version": "3", "since": "2026-01-01T00:00:00Z", "actor": "ana"},
        **status,
    }
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"u-{name}"},
        "spec": {"model": "churn", "alias": "champion", **(spec or {})},
        "status": {key: value for key, value in told.items() if value is not None},
    }


def site(
    cluster: Cluster, *, may_write: bool = True, registries: Registries | None = None
) -> tuple[Site, LocalSession]:
    """Return the pages of one person on a cluster, and the session that opens them."""
    session = LocalSession(Person(Access(namespace="ml"), may_write=may_write), 8300)
    return (
        Site(
            session,
            Readers(lambda _: cluster),
            rendering.environment(),
            registries or Registries(),
            mistakes=Kept(),
        ),
        session,
    )


def stranger(cluster: Cluster) -> TestClient:
    """Return a browser that has not opened the printed address."""
    return TestClient(app(site(cluster)[0]), base_url=ORIGIN, follow_redirects=False)


def browser(cluster: Cluster, *, may_write: bool = True, registries: Registries | None = None) -> TestClient:
    """Return a browser that has."""
    pages, session = site(cluster, may_write=may_write, registries=registries)
    client = TestClient(app(pages), base_url=ORIGIN, follow_redirects=False)
    opened = client.get("/", params={"token": session.token})
    assert opened.status_code == 200
    return client


def _where(body: Mapping[str, Any]) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]


def _is_selected(body: Mapping[str, Any], selector: str) -> bool:
    terms = re.split(r"(?<!\\),", selector)
    return all(_holds(body, re.sub(r"\\(.)", r"\1", term)) for term in terms if term)


def _holds(body: Mapping[str, Any], term: str) -> bool:
    path, operator, wanted = term.partition("!=")
    if not operator:
        path, _, wanted = term.partition("=")
    value: Any = body
    for name in path.split("."):
        value = (value or {}).get(name)
    return (str(value or "") == wanted) is not bool(operator)


def _cells(body: Mapping[str, Any]) -> Mapping[str, str]:
    """Return some of the columns that the CRD of a ModelAlias has."""
    spec, status = body["spec"], body.get("status") or {}
    conditions = {item["type"]: item for item in status.get("conditions", ())}
    return {
        "Name": body["metadata"]["name"],
        "Model": spec.get("model", ""),
        "Alias": spec.get("alias", ""),
        "Version": (status.get("current") or {}).get("version", ""),
        "Since": "24h",
        "Phase": status.get("phase", ""),
        "Held": conditions.get("Held", {}).get("status", ""),
        "Message": conditions.get("Ready", {}).get("message", ""),
    }
