"""What the operator wrote itself comes back by the watch, and is not read again."""

from collections.abc import Mapping
from typing import Any, cast

import kopf
import pytest

from modelalias.handlers import watches
from modelalias.reconcile.engine import Engine
from tests.support.fake_objects import FakeObjects
from tests.support.world import alias_spec, request_spec


class Ear:
    """An engine that knows one version of everything, and remembers what it was given to read."""

    def __init__(self, known: int) -> None:
        self.known, self.read, self.listings = known, list[str](), 0

    def alias_echoed(self, namespace: str, name: str, version: int) -> bool:
        return (namespace, name, version) == ("ml", "risk", self.known)

    def request_echoed(self, namespace: str, name: str, version: int) -> bool:
        return (namespace, name, version) == ("ml", "next", self.known)

    def alias_seen(self, alias: Any, *, listed: bool) -> None:
        self.read.append(f"{alias.metadata.name} {listed}")

    request_seen = alias_seen

    def listed(self) -> None:
        self.listings += 1


@pytest.mark.parametrize(
    ("known", "read"), [(7, []), (6, ["risk False", "next False"])], ids=["echo", "news"]
)
async def test_only_a_version_that_is_not_known_yet_is_read(known: int, read: list[str]) -> None:
    ear, api = Ear(known), FakeObjects()
    registry = kopf.OperatorRegistry()
    watches.register(cast("Engine", ear), registry)

    await _tell(registry, ".alias_seen", api.add_alias("ml", "risk", alias_spec()))
    await _tell(registry, ".request_seen", api.add_request("ml", "next", request_spec("1", name="risk")))

    assert ear.read == read


@pytest.mark.parametrize(("by", "listings"), [(None, 2), ("ADDED", 0)], ids=["a listing", "a watch"])
async def test_what_a_listing_tells_is_told_as_such(by: str | None, listings: int) -> None:
    ear, api = Ear(7), FakeObjects()
    registry = kopf.OperatorRegistry()
    watches.register(cast("Engine", ear), registry)

    await _tell(registry, ".alias_seen", api.add_alias("ml", "risk", alias_spec()), by)
    await _tell(registry, ".request_seen", api.add_request("ml", "next", request_spec("1", name="risk")), by)

    assert ear.listings == listings


async def _tell(
    registry: kopf.OperatorRegistry, handler: str, item: Any, by: str | None = "MODIFIED"
) -> None:
    """Let a handler hear that an object has version 7, by an event of that type; None is a listing."""
    left_out = {"metadata": {"labels", "annotations"}}
    body: Mapping[str, Any] = item.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=left_out)
    body = {**body, "metadata": {**body["metadata"], "resourceVersion": "7"}}
    handlers = registry._watching.get_all_handlers()  # noqa: SLF001 - Kopf has no public list of its watches
    (tell,) = (one.fn for one in handlers if one.id.endswith(handler))
    meta = item.metadata
    await cast("Any", tell)(
        event={"type": by, "object": body}, namespace=meta.namespace, name=meta.name, uid=meta.uid
    )
