"""One connection for all namespaces, as the pages use it: lists in parts, and credentials that end."""

import asyncio
import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelalias.adapters.kubernetes_client import CredentialsRefused
from modelalias.cli import kubeconfig
from modelalias.cli.api_server import ApiServer
from modelalias.cli.cluster import Kind
from modelalias.cli.kubeconfig import Access, Flags
from tests.support.cli_cluster import body
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub

GROUP = "/apis/modelalias.dev/v1alpha1"
PLUGIN = """\
#!{python}
import json, pathlib
count = pathlib.Path(__file__).with_suffix(".count")
number = len(count.read_text()) + 1 if count.exists() else 1
count.write_text("x" * number)
print(json.dumps({{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
                  "status": {{"token": f"token-{{number}}"}}}}))
"""


def header(seen: Seen, name: str) -> str:
    return next(value for key, value in seen.headers.items() if key.lower() == name)


class Site:
    """An API server with three requests, that knows some tokens."""

    def __init__(self) -> None:
        self.tokens = {"token-1", "token-2", "fixed"}

    def __call__(self, seen: Seen) -> Answer:
        if header(seen, "authorization").removeprefix("Bearer ") not in self.tokens:
            return Answer({"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized"}, 401)
        if seen.path.endswith("/go"):
            return Answer(body())
        if "as=Table" in header(seen, "accept"):
            row = {"cells": ["go", None, 3], "object": None}
            columns = [{"name": name} for name in ("Name", "Phase", "Count")]
            return Answer({"columnDefinitions": columns, "rows": [row], "metadata": {}})
        start, most = int(seen.values.get("continue", 0)), int(seen.values["limit"])
        items = [{"metadata": {"namespace": "ml", "name": name}} for name in "abc"]
        metadata = (
            {}
            if start + most >= 3
            else {"continue": str(start + most), "remainingItemCount": 3 - start - most}
        )
        return Answer({"items": items[start : start + most], "metadata": metadata})


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def stub(site: Site) -> Iterator[HttpStub]:
    with http_stub(site) as found:
        yield found


def access(stub: HttpStub, folder: Path, user: str) -> Access:
    path = folder / "config"
    path.write_text(
        f"""\
current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a, namespace: ml}}}}]
clusters: [{{name: a, cluster: {{server: "{stub.uri}"}}}}]
users: [{{name: a, user: {user}}}]
"""
    )
    return kubeconfig.read(Flags(kubeconfig=str(path)), {}, folder)


@pytest.fixture
def with_plugin(stub: HttpStub, tmp_path: Path) -> Access:
    plugin = tmp_path / "plugin"
    plugin.write_text(PLUGIN.format(python=sys.executable))
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    command = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(plugin),
        "interactiveMode": "Never",
    }
    return access(stub, tmp_path, json.dumps({"exec": command}))


@pytest.fixture
def fixed(stub: HttpStub, tmp_path: Path) -> Access:
    return access(stub, tmp_path, "{token: fixed}")


async def test_a_list_is_read_in_parts(fixed: Access, stub: HttpStub) -> None:
    server = ApiServer(fixed)

    first = await server.page(Kind.REQUESTS, "", selector="status.phase=Failed", most=2)
    second = await server.page(Kind.REQUESTS, "", most=2, after=first.after)
    every = [item["metadata"]["name"] async for item in server.every(Kind.REQUESTS, "")]
    await server.close()

    assert ([item["metadata"]["name"] for item in first.items], first.left) == (["a", "b"], 1)
    assert ([item["metadata"]["name"] for item in second.items], second.after, second.left) == (["c"], "", 0)
    assert every == ["a", "b", "c"]
    assert stub.seen[0].values == {"limit": "2", "fieldSelector": "status.phase=Failed"}


async def test_columns_and_names_are_read_alone(fixed: Access, stub: HttpStub) -> None:
    server = ApiServer(fixed)

    table = await server.table(Kind.REQUESTS, "ml", most=5)
    names = await server.names(Kind.REQUESTS, "ml", most=2)
    await server.close()

    assert table.rows == ({"Name": "go", "Phase": "", "Count": "3"},)
    assert names == [("ml", "a"), ("ml", "b")]
    assert stub.seen[0].values == {"limit": "5", "includeObject": "None"}
    assert header(stub.seen[1], "accept").startswith("application/json;as=PartialObjectMetadataList")


async def test_namespaces_share_the_connection(fixed: Access, stub: HttpStub) -> None:
    server = ApiServer(fixed)
    other = server.within("other")

    await other.request("go")
    await server.request("go")
    await server.close()

    assert [seen.path for seen in stub.seen] == [
        f"{GROUP}/namespaces/{name}/promotionrequests/go" for name in ("other", "ml")
    ]


async def test_credentials_that_have_ended_are_renewed_once(with_plugin: Access, site: Site) -> None:
    server = ApiServer(with_plugin, for_long=True)
    await server.request("go")
    site.tokens = {"token-2"}

    found = await server.within("other").request("go")

    assert found.metadata.name == "go"
    site.tokens = set()
    with pytest.raises(CredentialsRefused):
        await server.request("go")
    await server.close()


async def test_many_that_are_refused_at_once_renew_once(with_plugin: Access, site: Site) -> None:
    server = ApiServer(with_plugin, for_long=True)
    await server.request("go")
    site.tokens = {"token-2"}  # a third one would not be known

    found = await asyncio.gather(*(server.within(name).request("go") for name in ("a", "b", "c")))
    await server.close()

    assert [request.metadata.name for request in found] == ["go"] * 3


async def test_a_command_that_runs_once_is_refused_at_once(
    with_plugin: Access, site: Site, stub: HttpStub
) -> None:
    server = ApiServer(with_plugin)
    site.tokens = set()

    with pytest.raises(CredentialsRefused):
        await server.request("go")
    await server.close()

    assert len(stub.seen) == 1
