"""Who proves who approves and who pins: without the admission policies approvals count for nothing, unless the
configuration accepts that, and no pin is signed."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from modelalias.adapters.admission import INSTALLATIONS, PINS, REQUESTS, Guard, why_unproved
from modelalias.core.errors import InvalidRequest, Refused, StaleObject, Unavailable
from tests.support.harness import DEFAULT, Cluster
from tests.support.quick_yaml import documents
from tests.support.virtual_loop import in_virtual_time

BASE = Path(__file__).parents[3] / "manifests/base"
SHIPPED = {
    guard: tuple(documents((BASE / file).read_text(encoding="utf-8")))
    for guard, file in {
        REQUESTS: "policy.yaml",
        PINS: "alias-policy.yaml",
        INSTALLATIONS: "lease-policy.yaml",
    }.items()
}
MISSING = "ValidatingAdmissionPolicy promotionrequests.modelalias.dev is not installed"


GUARDS = pytest.mark.parametrize("guard", [pytest.param(item, id=item.plural) for item in SHIPPED])


@GUARDS
def test_the_shipped_policy_proves(guard: Guard) -> None:
    policy, binding = SHIPPED[guard]
    served = deepcopy(policy)
    served["spec"]["matchConstraints"] = {
        "namespaceSelector": {},
        "objectSelector": {},
        "matchPolicy": "Equivalent",
        **served["spec"]["matchConstraints"],
    }

    assert why_unproved(guard, policy, binding) == ""
    assert why_unproved(guard, served, binding) == ""


def _rule(policy: dict[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = policy["spec"]["matchConstraints"]["resourceRules"][0]
    return rule


WEAKER: list[tuple[str, Callable[[dict[str, Any], dict[str, Any]], object], str]] = [
    (
        "it lets pass what it cannot judge",
        lambda policy, _: policy["spec"].update(failurePolicy="Ignore"),
        "fail closed",
    ),
    ("it judges nothing", lambda policy, _: policy["spec"].update(validations=[]), "does not cover"),
    (
        "it leaves new ones out",
        lambda policy, _: _rule(policy).update(operations=["UPDATE"]),
        "does not cover",
    ),
    (
        "it is about another kind",
        lambda policy, _: _rule(policy).update(resources=["pods"]),
        "does not cover",
    ),
    ("it is about one object", lambda policy, _: _rule(policy).update(resourceNames=["x"]), "does not cover"),
    (
        "it leaves namespaces out",
        lambda policy, _: policy["spec"]["matchConstraints"].update(
            namespaceSelector={"matchLabels": {"a": "b"}}
        ),
        "does not cover",
    ),
    (
        "it leaves objects out by a label",
        lambda policy, _: policy["spec"]["matchConstraints"].update(
            objectSelector={"matchLabels": {"modelalias.dev/installation": "true"}}
        ),
        "does not cover",
    ),
    ("it only warns", lambda _, binding: binding["spec"].update(validationActions=["Warn"]), "does not deny"),
    (
        "it binds another policy",
        lambda _, binding: binding["spec"].update(policyName="other"),
        "does not deny",
    ),
    (
        "it is bound for some namespaces",
        lambda _, binding: binding["spec"].update(
            matchResources={"namespaceSelector": {"matchLabels": {"a": "b"}}}
        ),
        "leaves objects out",
    ),
]


@GUARDS
@pytest.mark.parametrize(("change", "why"), [pytest.param(*item[1:], id=item[0]) for item in WEAKER])
def test_a_weaker_policy_does_not_prove(guard: Guard, change: Callable[[Any, Any], object], why: str) -> None:
    policy, binding = deepcopy(SHIPPED[guard])
    change(policy, binding)

    assert why in why_unproved(guard, policy, binding)


@pytest.mark.parametrize("left_out", sorted(REQUESTS.writes))
def test_a_policy_that_leaves_a_kind_of_write_out_does_not_prove(left_out: str) -> None:
    policy, binding = deepcopy(SHIPPED[REQUESTS])
    _rule(policy)["operations"].remove(left_out)

    assert "does not cover" in why_unproved(REQUESTS, policy, binding)


@GUARDS
def test_a_policy_or_a_binding_that_is_not_there_does_not_prove(guard: Guard) -> None:
    policy, binding = SHIPPED[guard]

    assert why_unproved(guard, None, binding) == f"ValidatingAdmissionPolicy {guard.name} is not installed"
    assert f"Binding {guard.name} is not installed" in why_unproved(guard, policy, None)


def test_the_policy_of_one_kind_proves_nothing_about_the_other() -> None:
    assert "does not cover" in why_unproved(PINS, *SHIPPED[REQUESTS])


async def _approved(it: Cluster) -> None:
    """Let a request wait for people, and somebody approve it."""
    await it.model(0.8, 0.9, aliases={"champion": "1"})
    it.add_alias(policy={"approval": {"required": "Always"}})
    it.ask("go", "2", requestedBy="ana")
    await it.settle()
    resolved = it.request("go").status.resolved
    assert resolved is not None
    it.edit_request("go", approvals=[{"user": "bo", "evidence": resolved.evidence, "decision": "Approve"}])
    await it.settle()


@in_virtual_time
async def test_an_approval_that_arrived_without_the_policy_counts_for_nothing_also_once_it_is_installed() -> (
    None
):
    async with Cluster() as it:
        it.admission.why = MISSING
        await _approved(it)

        assert it.phase("go") == "AwaitingApproval"
        assert it.says("go").endswith(f"approvals do not count: {MISSING}")
        given = it.request("go").status.approvals
        assert given is not None
        assert (given.valid, given.void) == (0, (f"Approve by bo: who wrote it is not proved: {MISSING}",))
        told = it.condition("IdentityProved")
        assert (told.status, told.reason, told.message) == (
            "False",
            "Unproved",
            f"{MISSING}; approvals count for nothing",
        )
        assert [event.reason for event in it.objects.events].count("Unproved") == 1
        assert await it.aliases() == {"champion": "1"}

        it.admission.why = ""
        await it.settle(70)

        assert it.phase("go") == "AwaitingApproval"
        assert it.is_true("IdentityProved")
        given = it.request("go").status.approvals
        assert given is not None
        assert given.void == ("Approve by bo: it arrived while nobody proved who wrote it",)
        await it.assert_settled()

        evidence = it.resolved("go").evidence
        kept = it.request("go").spec.model_dump(mode="json", by_alias=True, exclude_unset=True)["approvals"]
        it.edit_request("go", approvals=[*kept, {"user": "bo", "evidence": evidence, "decision": "Approve"}])
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_an_operator_that_could_not_look_it_up_voids_nothing_for_good() -> None:
    async with Cluster() as it:
        it.admission.error = Refused("may not get it")
        await _approved(it)
        assert it.phase("go") == "AwaitingApproval"

        it.admission.error = None
        await it.settle(70)

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_the_operators_owner_may_accept_approvals_that_nobody_proves() -> None:
    async with Cluster({**DEFAULT, "acceptUnprovedApprovals": True}) as it:
        it.admission.why = MISSING
        await _approved(it)

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert (
            it.condition("IdentityProved").message == f"{MISSING}; the operator's configuration accepts that"
        )


@in_virtual_time
async def test_an_alias_that_asks_nobody_says_nothing_of_it() -> None:
    async with Cluster() as it:
        it.admission.why = MISSING
        await _approved(it)
        it.edit_alias(policy={})
        await it.settle()

        assert "IdentityProved" not in {item.type for item in it.alias().status.conditions}
        assert it.phase("go") == "Succeeded"


@in_virtual_time
@pytest.mark.parametrize("error", [Refused("may not get it"), Unavailable("no answer")])
async def test_a_policy_that_cannot_be_looked_up_proves_nothing(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Cluster() as it:

        async def fail() -> str:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(it.admission, "why_unproved", fail)
            await _approved(it)
            assert it.phase("go") == "AwaitingApproval"
        await it.settle(70)

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
@pytest.mark.parametrize(
    "error", [Unavailable("no answer"), StaleObject("Conflict"), InvalidRequest("bad request")]
)
async def test_an_api_server_that_does_not_answer_leaves_what_was_found(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Cluster() as it:
        it.start()

        async def fail() -> str:
            raise error

        await it.settle()
        monkeypatch.setattr(it.admission, "why_unproved", fail)
        await it.settle(200)
        await _approved(it)

        assert it.end("go") == ("Succeeded", "Succeeded")
