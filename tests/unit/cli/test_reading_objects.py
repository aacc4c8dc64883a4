"""How the API server is asked for lists, single objects and descriptions, and what counts as not there."""

from collections.abc import AsyncIterator

import pytest

from modelalias.cli.api_server import ApiServer
from modelalias.cli.cluster import Kind
from modelalias.cli.kubeconfig import Access
from modelalias.core.errors import Unavailable
from modelalias.rest import Resource
from tests.support.http_stub import Answer, Seen, http_stub

DEPLOYMENTS = Resource(group="apps", version="v1", plural="deployments")
STATUS = {"kind": "Status", "reason": "NotFound", "message": "not found", "code": 404}


class _Site:
    def __init__(self) -> None:
        self.answer = Answer({"items": []})
        self.seen: list[Seen] = []

    def __call__(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        return self.answer


@pytest.fixture
def site() -> _Site:
    return _Site()


@pytest.fixture
async def server(site: _Site) -> AsyncIterator[ApiServer]:
    with http_stub(site) as stub:
        server = ApiServer(Access(namespace="ml", cluster={"server": stub.uri}, user={"token": "hunter2"}))
        yield server
        await server.close()


async def test_fields_and_labels_select_what_is_listed(site: _Site, server: ApiServer) -> None:
    found = [item async for item in server.every(Kind.ALIASES, "", selector="a=b", labels="c=d,e!=f")]

    assert found == []
    assert site.seen[0].path == "/apis/modelalias.dev/v1alpha1/modelaliases"
    assert site.seen[0].values["fieldSelector"] == "a=b"
    assert site.seen[0].values["labelSelector"] == "c=d,e!=f"


async def test_a_list_of_names_that_is_null_is_empty(site: _Site, server: ApiServer) -> None:
    site.answer = Answer({"items": None})

    assert await server.names(Kind.REQUESTS, "ml") == []


async def test_an_object_is_read_as_it_stands(site: _Site, server: ApiServer) -> None:
    site.answer = Answer({"spec": {"replicas": 1}})

    assert await server.body(DEPLOYMENTS, "x", "system") == {"spec": {"replicas": 1}}
    assert site.seen[0].path == "/apis/apps/v1/namespaces/system/deployments/x"


async def test_our_kinds_are_described_by_openapi(site: _Site, server: ApiServer) -> None:
    site.answer = Answer({"components": {"schemas": {"x": {"type": "object"}}}})

    assert await server.schemas() == {"x": {"type": "object"}}
    assert site.seen[0].path == "/openapi/v3/apis/modelalias.dev/v1alpha1"


async def test_what_is_not_there_or_not_served_is_none(site: _Site, server: ApiServer) -> None:
    site.answer = Answer(STATUS, 404)
    assert await server.body(DEPLOYMENTS, "x", "system") is None

    site.answer = Answer(b"404 page not found", 404, {"Audit-Id": "1"})
    assert await server.schemas() is None


async def test_a_proxy_that_knows_nothing_proves_nothing(site: _Site, server: ApiServer) -> None:
    site.answer = Answer(b"404 page not found", 404)

    with pytest.raises(Unavailable):
        await server.schemas()
