"""The version that a request names is shown however the request ends, also where nothing was looked up."""

from typing import Any

import pytest

from tests.support.harness import NAME, NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import request_spec


@in_virtual_time
async def test_a_request_rejected_for_a_pin_shows_the_version_that_it_names() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(version="1")
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Rejected", "AliasPinned")
        assert it.resolved("go").version == "2"


@in_virtual_time
async def test_a_request_for_a_version_that_is_gone_shows_it() -> None:
    async with Cluster() as it:
        await it.model(0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", "7")
        await it.settle()

        assert it.end("go") == ("Rejected", "VersionGone")
        assert it.resolved("go").version == "7"


@in_virtual_time
async def test_a_replay_shows_the_version_also_where_its_source_names_none() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "challenger": "2"})
        it.add_alias()
        it.ask("go", source={"alias": "challenger"})
        it.ask("named", "1", reason="again")
        await it.settle()
        for name in ("go", "named"):
            spec = it.request(name).spec
            it.objects.remove_request(NAMESPACE, name)
            await it.settle()
            it.objects.add_request(NAMESPACE, name, spec)
            await it.settle()

        assert it.end("go") == ("Succeeded", "AlreadyProcessed")
        assert it.resolved("go").version == "2"
        assert it.resolved("named").version == "1"


@in_virtual_time
async def test_a_replay_that_only_the_record_of_the_version_knows_shows_the_version() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "challenger": "2"})
        it.add_alias()
        it.ask("go", source={"alias": "challenger"}, onSuccess={"deleteSourceAlias": True})
        await it.settle()
        spec = it.request("go").spec
        it.objects.remove_request(NAMESPACE, "go")
        it.objects.delete_alias(NAMESPACE, NAME)
        await it.settle()
        it.add_alias()
        it.objects.add_request(NAMESPACE, "go", spec)
        await it.settle()

        assert it.end("go") == ("Succeeded", "AlreadyProcessed")
        assert it.resolved("go").version == "2"


@in_virtual_time
@pytest.mark.parametrize(
    ("fields", "phase"),
    [
        ({"abort": True}, "Aborted"),
        ({"expiresAfter": "1s"}, "Expired"),
        ({"source": {"version": "9"}}, "Rejected"),
    ],
    ids=["aborted", "expired", "rollback-to-a-version-that-is-gone"],
)
async def test_every_other_end_without_a_look_shows_it_too(fields: dict[str, Any], phase: str) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(suspend=phase != "Rejected")
        back = {"operation": "Rollback", "reason": "worse"} if phase == "Rejected" else {}
        it.ask("go", None if "source" in fields else "2", **fields, **back)
        await it.settle(10)

        assert it.phase("go") == phase
        assert it.resolved("go").version == ("9" if phase == "Rejected" else "2")


@in_virtual_time
async def test_a_request_whose_source_names_no_version_shows_none() -> None:
    async with Cluster() as it:
        await it.model(0.8, aliases={"champion": "1"})
        it.add_alias(version="1")
        it.objects.add_request(NAMESPACE, "go", request_spec(source={"alias": "challenger"}))
        await it.settle()

        assert it.end("go") == ("Rejected", "AliasPinned")
        assert it.request("go").status.resolved is None
