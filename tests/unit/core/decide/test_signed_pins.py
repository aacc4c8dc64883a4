"""Who pinned: the annotation that the admission policies guard signs the move, and nothing else does."""

import json

import pytest

from modelalias.api.metadata import PINNED_BY
from tests.support.harness import NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import NAME

MISSING = "ValidatingAdmissionPolicy modelaliases.modelalias.dev is not installed"


async def _champion(it: Cluster) -> None:
    """Let the registry name version 1 and the ModelAlias know it."""
    await it.model(0.8, 0.9, aliases={"champion": "1"})
    it.add_alias()
    await it.settle()


@in_virtual_time
async def test_history_record_status_and_event_name_who_pinned() -> None:
    async with Cluster() as it:
        await _champion(it)

        it.pin("2", by="cy")
        await it.settle()

        status = it.alias().status
        assert status.current is not None
        assert (status.current.version, status.current.actor) == ("2", "cy")
        entry = status.history[-1]
        assert (entry.operation, entry.actor, entry.reason) == ("Pin", "cy", "spec.version was set to 2")
        assert json.loads((await it.tags("2"))["modelalias.champion"])["by"] == "cy"
        assert any("(by cy)" in event.message for event in it.objects.events)
        assert it.condition("IdentityProved").message == "the API server proves who pins"
        await it.assert_settled()


@in_virtual_time
async def test_a_pin_without_a_signature_is_told_to_have_none() -> None:
    async with Cluster() as it:
        await _champion(it)

        it.pin("2")
        await it.settle()

        entry = it.alias().status.history[-1]
        assert (entry.to, entry.actor) == ("2", None)
        assert entry.reason == "spec.version was set to 2; nobody signed for it"


@in_virtual_time
async def test_a_signature_that_nobody_proves_is_not_believed() -> None:
    async with Cluster() as it:
        it.admission.why_pins = MISSING
        await _champion(it)

        it.pin("2", by="cy")
        await it.settle()

        entry = it.alias().status.history[-1]
        assert (entry.to, entry.actor) == ("2", None)
        assert entry.reason == f"spec.version was set to 2; who set it is not proved: {MISSING}"
        proved = it.condition("IdentityProved")
        assert (proved.status, proved.reason) == ("False", "Unproved")
        assert proved.message == f"{MISSING}; nobody is believed to have signed for the pin"
        assert it.is_true("Ready"), "the owner's pin stands all the same"


@in_virtual_time
async def test_what_keeps_pins_unproved_says_nothing_against_approvals() -> None:
    async with Cluster() as it:
        it.admission.why_pins = MISSING
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(policy={"approval": {"required": "Always"}})
        await it.settle()

        assert it.condition("IdentityProved").message == (
            "the API server proves who writes requests and approvals"
        )


@in_virtual_time
async def test_an_alias_without_a_pin_says_nothing_of_it() -> None:
    async with Cluster() as it:
        it.admission.why_pins = MISSING
        await _champion(it)

        assert "IdentityProved" not in {item.type for item in it.alias().status.conditions}


@in_virtual_time
async def test_the_next_pin_is_signed_by_who_sets_it() -> None:
    async with Cluster() as it:
        await _champion(it)
        it.pin("2", by="cy")
        await it.settle()
        it.pin(None)
        await it.settle()

        it.pin("1", by="ada")
        await it.settle()

        assert [(item.to, item.actor) for item in it.alias().status.history] == [
            ("1", None),
            ("2", "cy"),
            ("1", "ada"),
        ]


@in_virtual_time
async def test_who_pinned_stands_in_the_plan_and_is_kept_when_the_signature_goes() -> None:
    async with Cluster() as it:
        it.workloads.add("api")
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(serving=[{"name": "api"}])
        await it.settle()
        it.pin("2", by="cy")
        await it.settle()
        assert it.alias().status.plan is not None

        it.objects.annotate_alias(NAMESPACE, NAME, **{PINNED_BY: "eve"})
        await it.settle()
        await it.finish_rollout()

        assert it.alias().status.history[-1].actor == "cy"


@in_virtual_time
@pytest.mark.parametrize("name", ["", 513 * "a"])
async def test_a_name_that_no_user_can_have_signs_nothing(name: str) -> None:
    async with Cluster() as it:
        await _champion(it)

        it.pin("2", by=name)
        await it.settle()

        assert it.alias().status.history[-1].actor is None
