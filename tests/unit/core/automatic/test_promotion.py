"""A version that becomes a candidate gets one request, and what was decided about it stays decided."""

from typing import Any

import pytest

from modelalias.api.fields import timestamp_text
from modelalias.api.metadata import RELEASE_HOLD
from modelalias.core.errors import Refused
from tests.support.fake_objects import OPERATOR
from tests.support.harness import NAME, NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import MODEL, gated

AUTO: dict[str, Any] = {"autoPromote": {"fromAlias": "challenger"}}
FIRST = f"{NAME}-auto-2"


async def watched(it: Cluster, *, gate: float | None = 0.8, **policy: Any) -> None:
    """Make versions 1 (0.7, current), 2 (0.9) and 3 (0.75), and an alias that takes what challenger names."""
    await it.model(0.7, 0.9, 0.75, aliases={"champion": "1"})
    rules = {} if gate is None else gated({"threshold": gate})["policy"]
    it.add_alias(policy={**AUTO, **rules, **policy})
    await it.settle(40)


def filed(it: Cluster) -> list[str]:
    return sorted(name for _, name in it.objects.requests)


def says(it: Cluster) -> str:
    seen = it.alias().status.auto_promote
    assert seen is not None
    return seen.message


async def challenge(it: Cluster, version: str) -> None:
    await it.registry.set_alias(MODEL, "challenger", version)
    await it.settle(60)


@in_virtual_time
async def test_a_challenger_is_promoted_by_an_ordinary_request_in_the_operators_name() -> None:
    async with Cluster() as it:
        await watched(it)
        assert filed(it) == []
        assert says(it) == "there is no candidate"

        await challenge(it, "2")

        assert filed(it) == [FIRST]
        assert it.end(FIRST) == ("Succeeded", "Succeeded")
        request = it.request(FIRST)
        assert request.spec.requested_by == OPERATOR
        assert "alias challenger names it" in (request.spec.reason or "")
        assert await it.aliases() == {"champion": "2"}
        entry = it.alias().status.history[-1]
        assert (entry.request, entry.actor, entry.to) == (FIRST, OPERATOR, "2")
        await it.assert_settled()


@in_virtual_time
async def test_the_source_alias_stays_where_the_owner_wants_that() -> None:
    async with Cluster() as it:
        await watched(it, autoPromote={"fromAlias": "challenger", "deleteSourceAlias": False})

        await challenge(it, "2")

        assert await it.aliases() == {"champion": "2", "challenger": "2"}
        assert says(it) == "it is current"
        await it.assert_settled()


@in_virtual_time
async def test_a_version_that_was_refused_is_asked_for_once() -> None:
    async with Cluster() as it:
        await watched(it)

        await challenge(it, "3")

        refused = f"{NAME}-auto-3"
        assert it.end(refused) == ("Rejected", "GatesFailed")
        await it.assert_settled()
        it.objects.remove_request(NAMESPACE, refused)
        await it.settle(1_500)
        assert filed(it) == []
        assert "ended" in says(it)


@in_virtual_time
async def test_a_version_that_was_refused_is_asked_for_again_when_the_rules_change() -> None:
    async with Cluster() as it:
        await watched(it)
        await challenge(it, "3")
        assert it.end(f"{NAME}-auto-3") == ("Rejected", "GatesFailed")

        it.edit_alias(policy={**AUTO, **gated({"threshold": 0.74})["policy"]})
        await it.settle(60)

        again = [name for name in filed(it) if name != f"{NAME}-auto-3"]
        assert len(again) == 1
        assert again[0].startswith(f"{NAME}-auto-3-")
        assert it.end(again[0]) == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_cluster_that_is_built_anew_knows_what_was_decided() -> None:
    async with Cluster() as it:
        await watched(it)
        await challenge(it, "3")
        assert it.end(f"{NAME}-auto-3") == ("Rejected", "GatesFailed")

        it.objects.remove_request(NAMESPACE, f"{NAME}-auto-3")
        await it.stop()
        it.objects.delete_alias(NAMESPACE, NAME)
        it.add_alias(policy={**AUTO, **gated({"threshold": 0.8})["policy"]})
        await it.settle(90)

        assert filed(it) == []
        assert "ended" in says(it)


@in_virtual_time
async def test_what_was_rolled_back_or_promoted_before_is_left_to_people() -> None:
    async with Cluster() as it:
        await watched(it, autoPromote={"fromAlias": "challenger", "deleteSourceAlias": False})
        await challenge(it, "2")
        it.ask("back", "1", operation="Rollback", reason="bad")
        await it.settle(30)

        assert filed(it) == ["back", FIRST]
        assert "on hold" in says(it)

        hold = it.alias().status.hold
        assert hold is not None
        it.objects.annotate_alias(NAMESPACE, NAME, **{RELEASE_HOLD: f"{timestamp_text(hold.since)} ana"})
        await it.settle(60)

        assert filed(it) == ["back", FIRST]
        assert says(it).startswith("it was rolled back")
        await it.assert_settled()


@in_virtual_time
async def test_a_request_that_was_filed_before_a_hold_waits_for_its_end() -> None:
    async with Cluster() as it:
        await watched(it)
        await challenge(it, "2")
        it.edit_alias(policy={**AUTO, "approval": {"required": "Always"}})
        await it.registry.create_version(MODEL, await it.registry.create_run([("val_auc", 0.95, 0)]))
        await challenge(it, "4")
        name = f"{NAME}-auto-4"
        assert it.phase(name) == "AwaitingApproval"

        it.ask("back", "1", operation="Rollback", reason="bad")
        await it.settle(30)

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert it.end(name) == ("Superseded", "Superseded")


@in_virtual_time
@pytest.mark.parametrize(
    ("fields", "said"),
    [({"suspend": True}, "suspended"), ({"version": "1"}, "pins version 1")],
    ids=["suspended", "pinned"],
)
async def test_nothing_is_filed_while_the_owner_holds_the_line(fields: dict[str, Any], said: str) -> None:
    async with Cluster() as it:
        await watched(it)
        it.edit_alias(**fields)

        await challenge(it, "2")

        assert filed(it) == []
        assert said in says(it)
        await it.assert_settled()


@in_virtual_time
async def test_nothing_is_filed_over_what_somebody_moved_by_hand() -> None:
    async with Cluster() as it:
        await watched(it)
        await it.registry.set_alias(MODEL, "champion", "3")

        await challenge(it, "2")

        assert filed(it) == []
        assert "by hand" in says(it)


@in_virtual_time
async def test_a_version_that_a_person_asks_for_already_is_not_asked_for_twice() -> None:
    async with Cluster() as it:
        await watched(it, approval={"required": "Always"})
        it.ask("mine", "2")
        await it.settle(10)

        await challenge(it, "2")

        assert filed(it) == ["mine"]
        assert "PromotionRequest mine asks for it" in says(it)


@in_virtual_time
async def test_versions_with_the_tags_are_candidates_the_newest_alone() -> None:
    async with Cluster() as it:
        rule = {"fromVersions": {"tags": {"trained": "*", "by": "ci"}}}
        await watched(it, gate=None, autoPromote=rule)
        await it.registry.tag_version(MODEL, "2", {"trained": "yes", "by": "ci"})
        await it.registry.tag_version(MODEL, "3", {"trained": "yes", "by": "hand"})

        await it.settle(130)
        assert filed(it) == [FIRST]

        await it.registry.tag_version(MODEL, "3", {"by": "ci"})
        await it.settle(130)
        assert filed(it) == [FIRST, f"{NAME}-auto-3"]
        assert (await it.aliases())["champion"] == "3"
        await it.assert_settled()


@in_virtual_time
async def test_every_version_with_the_tags_is_a_candidate_the_oldest_first() -> None:
    async with Cluster() as it:
        rule = {"fromVersions": {"tags": {"trained": "*"}, "newest": False}}
        await watched(it, autoPromote=rule)
        await it.registry.create_version(MODEL, await it.registry.create_run([("val_auc", 0.95, 0)]))
        for number in ("2", "3", "4"):
            await it.registry.tag_version(MODEL, number, {"trained": "yes"})

        await it.settle(300)

        assert filed(it) == [f"{NAME}-auto-{number}" for number in ("2", "3", "4")]
        assert it.end(f"{NAME}-auto-3") == ("Rejected", "GatesFailed")
        assert (await it.aliases())["champion"] == "4"


@in_virtual_time
async def test_without_the_permission_to_file_everything_else_goes_on() -> None:
    async with Cluster() as it:
        await watched(it)
        error = Refused("may not create promotionrequests.modelalias.dev")
        it.objects.fail_next(error, call="create_request", times=1_000)

        await challenge(it, "2")
        it.ask("mine", "3", skipGates=False)
        await it.settle(30)

        assert "may not create promotionrequests" in says(it)
        assert it.end("mine") == ("Rejected", "GatesFailed")

        it.objects.heal()
        await it.settle(90)
        assert it.end(FIRST) == ("Succeeded", "Succeeded")


@in_virtual_time
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_around_the_filing_files_once(*, after: bool) -> None:
    async with Cluster() as it:
        await watched(it)
        await it.registry.set_alias(MODEL, "challenger", "2")
        it.trip.arm(2, after=after)
        await it.settle(60)
        await it.stop()
        it.trip.arm(0, after=False)

        await it.settle(90)

        assert filed(it) == [FIRST]
        assert it.end(FIRST) == ("Succeeded", "Succeeded")
