"""Eligibility and sources: what a version must have, and where the numbers of a gate come from."""

import json
from typing import Any, Final

import pytest

from modelalias.core.errors import Unavailable
from modelalias.ports import Dataset
from tests.support.harness import MODEL, NAME, Cluster
from tests.support.seeded import ModelFile
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import gated

DAY = 24 * 3600


async def _asked(it: Cluster, *, aliases: dict[str, str] | None = None, **eligibility: Any) -> None:
    await it.model(0.8, 0.9, aliases={"champion": "1", **(aliases or {})})
    it.add_alias(policy={"eligibility": eligibility})
    it.ask("go", "2")
    await it.settle()


@in_virtual_time
@pytest.mark.parametrize("wanted", ["*", "qa"])
async def test_a_version_with_the_tags_is_eligible(wanted: str) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        await it.registry.tag_version(MODEL, "2", {"validated_by": "qa"})
        it.add_alias(policy={"eligibility": {"requireTags": {"validated_by": wanted}}})
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
        (check,) = it.request("go").status.eligibility
        assert (check.rule, check.result) == (f"requireTags validated_by={wanted}", "Passed")


SCHEMA: Final = {
    "required": ["owner", "semver"],
    "properties": {"owner": {"format": "email"}, "semver": {"pattern": r"^\d+\.\d+\.\d+$"}},
}


@in_virtual_time
async def test_a_version_whose_tags_are_not_as_the_schema_wants_is_refused_with_all_that_is_wrong() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        await it.registry.tag_version(MODEL, "2", {"semver": "1.2"})
        it.add_alias(policy={"eligibility": {"tagSchema": SCHEMA}})
        it.ask("rehearsed", "2", dryRun=True)
        it.ask("go", "2")
        await it.settle()

        wrong = (
            "tagSchema owner: version 2 has no tag owner: set it in MLflow; "
            r'tagSchema semver: tag semver is "1.2" and does not match ^\d+\.\d+\.\d+$: set it anew in MLflow'
        )
        assert it.end("go") == ("Rejected", "NotEligible")
        assert it.says("go") == f"version 2 refused: {wrong}"
        assert wrong in it.says("rehearsed")
        assert await it.aliases() == {"champion": "1"}

        await it.registry.tag_version(MODEL, "2", {"semver": "1.2.0", "owner": "ana@example.com"})
        it.ask("again", "2", reason="its tags are right now")
        await it.settle()

        assert it.end("again") == ("Succeeded", "Succeeded")
        assert [(item.rule, item.message) for item in it.request("again").status.eligibility] == [
            ("tagSchema owner", "owner=ana@example.com"),
            ("tagSchema semver", "semver=1.2.0"),
        ]
        await it.assert_settled()


@in_virtual_time
async def test_a_pattern_that_only_the_operator_cannot_use_stalls_the_alias_and_nothing_passes_it() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        await it.registry.tag_version(MODEL, "2", {"owner": "ana"})
        it.add_alias(
            policy={"eligibility": {"tagSchema": {"properties": {"owner": {"pattern": r"\Qana\E"}}}}}
        )
        it.ask("go", "2")
        await it.settle()

        stalled = it.alias().status.conditions
        assert [(str(item.status), item.reason) for item in stalled if item.type == "Stalled"] == [
            ("True", "Invalid")
        ]
        assert any(
            r"tagSchema.properties[owner]: the pattern \Qana\E is no" in item.message for item in stalled
        )
        assert it.end("go") == ("Rejected", "NotEligible")
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_the_operators_own_record_fulfils_no_schema() -> None:
    async with Cluster() as it:
        await _asked(it, tagSchema={"required": ["modelalias.staging"]})

        assert it.end("go") == ("Rejected", "NotEligible")
        assert "also when it refuses a version, so it proves nothing" in it.says("go")


@in_virtual_time
async def test_a_version_without_the_tags_or_the_alias_is_refused_with_every_reason() -> None:
    async with Cluster() as it:
        await _asked(it, requireTags={"validated_by": "qa", "owner": "*"}, requireAlias="smoke")

        assert it.end("go") == ("Rejected", "NotEligible")
        assert it.says("go") == (
            "version 2 refused: requireTags owner=*: version 2 has no tag owner; "
            "requireTags validated_by=qa: version 2 has no tag validated_by; "
            "requireAlias smoke: version 2 does not have alias smoke"
        )
        conditions = {item.type: (item.status, item.reason) for item in it.request("go").status.conditions}
        assert conditions["Eligible"] == ("False", "NotEligible")
        assert await it.aliases() == {"champion": "1"}
        refused = json.loads((await it.tags("2"))["modelalias.champion"])["refused"]
        assert (refused["request"], refused["reason"]) == ("go", "NotEligible")
        assert [item["result"] for item in refused["eligibility"]] == ["Failed"] * 3
        await it.assert_settled()


@in_virtual_time
async def test_a_soak_is_waited_for_from_when_the_operator_first_saw_it() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "staging": "2"})
        it.add_alias(policy={"eligibility": {"soak": {"alias": "staging", "for": "24h"}}})
        await it.settle(3600)
        it.ask("go", "2")
        await it.settle()

        assert it.phase("go") == "Pending"
        assert "version 2 has had staging since" in it.says("go")
        await it.settle(22 * 3600)
        assert it.phase("go") == "Pending"
        await it.settle(3600)

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_soak_begins_anew_when_the_alias_was_away() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, 0.95, aliases={"champion": "1", "staging": "2"})
        it.add_alias(policy={"eligibility": {"soak": {"alias": "staging", "for": "24h"}}})
        await it.settle(20 * 3600)
        await it.registry.set_alias(MODEL, "staging", "3")
        await it.settle(60)
        await it.registry.set_alias(MODEL, "staging", "2")
        await it.settle(60)
        it.ask("go", "2")
        await it.settle(23 * 3600)

        assert it.phase("go") == "Pending"
        await it.settle(3600)

        assert it.phase("go") == "Succeeded"


@in_virtual_time
async def test_the_ledger_of_the_soaks_own_modelalias_counts_first() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9)
        it.add_alias("staging", alias="staging")
        it.ask("stage", "2", of="staging")
        await it.settle(23 * 3600)
        it.add_alias(policy={"eligibility": {"soak": {"alias": "staging", "for": "24h"}}})
        it.ask("go", "2")
        await it.settle(1800)
        assert it.phase("go") == "Pending"
        await it.settle(2400)

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_version_that_loses_the_alias_while_it_soaks_is_refused() -> None:
    async with Cluster() as it:
        await _asked(it, aliases={"staging": "2"}, soak={"alias": "staging", "for": "24h"})
        assert it.phase("go") == "Pending"
        await it.registry.delete_alias(MODEL, "staging")
        await it.settle(DAY / 2)

        assert it.end("go") == ("Rejected", "NotEligible")


@in_virtual_time
@pytest.mark.parametrize(
    ("file", "end"),
    [
        (ModelFile.SIGNED, ("Succeeded", "Succeeded")),
        (ModelFile.UNSIGNED, ("Rejected", "NotEligible")),
        (ModelFile.NO_YAML, ("Rejected", "Inconclusive")),
        (None, ("Rejected", "Inconclusive")),
    ],
)
async def test_a_signature_is_looked_for_in_the_models_file(
    file: ModelFile | None, end: tuple[str, str]
) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        if file is not None:
            await it.registry.write_model_file(MODEL, "2", file)
        it.add_alias(policy={"eligibility": {"requireSignature": True}})
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == end


@in_virtual_time
async def test_a_registry_that_does_not_answer_for_the_file_ends_nothing() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        await it.registry.write_model_file(MODEL, "2", ModelFile.SIGNED)
        it.registry.fail_next(Unavailable("the registry did not answer within 10 s"), call="has_signature")
        it.add_alias(policy={"eligibility": {"requireSignature": True}})
        it.ask("go", "2")
        await it.settle(60)

        assert it.end("go") == ("Succeeded", "Succeeded")


# Sources


async def _measured(it: Cluster, version: str, *values: tuple[float, str | None]) -> None:
    model_id = (await it.registry.version(MODEL, version)).model_id
    assert model_id is not None
    for value, digest in values:
        dataset = None if digest is None else Dataset(name="holdout", digest=digest)
        await it.registry.log_measurement(model_id, "auc", value, dataset)


SAME = {
    "metric": "auc",
    "champion": {"minImprovement": 0.01},
    "metricFrom": "LoggedModel",
    "dataset": "SameAsChampion",
}


@in_virtual_time
@pytest.mark.parametrize(
    ("candidate", "champion", "end"),
    [
        pytest.param([(0.9, "a")], [(0.8, "a")], ("Succeeded", "Succeeded"), id="better on the same data"),
        pytest.param([(0.9, "b")], [(0.8, "a")], ("Rejected", "Inconclusive"), id="better on other data"),
        pytest.param(
            [(0.9, None)], [(0.8, "a")], ("Rejected", "Inconclusive"), id="the candidate's data unknown"
        ),
        pytest.param(
            [(0.9, "a"), (0.7, "b")], [(0.8, "b")], ("Rejected", "GatesFailed"), id="worse on what both have"
        ),
        pytest.param(
            [(0.9, "a"), (0.9, "b")], [(0.8, "a"), (0.8, "b")], ("Rejected", "Inconclusive"), id="two of both"
        ),
        pytest.param([], [(0.8, "a")], ("Rejected", "GatesFailed"), id="not measured"),
        pytest.param([(float("nan"), "a")], [(0.8, "a")], ("Rejected", "GatesFailed"), id="NaN"),
    ],
)
async def test_logged_models_are_compared_on_the_same_data(
    candidate: list[tuple[float, str | None]], champion: list[tuple[float, str | None]], end: tuple[str, str]
) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        await _measured(it, "2", *candidate)
        await _measured(it, "1", *champion)
        it.add_alias(**gated(SAME))
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == end, it.says("go")


@in_virtual_time
async def test_one_of_several_datasets_is_not_chosen_by_chance() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        await _measured(it, "2", (0.9, "a"), (0.7, "b"))
        it.add_alias(**gated({"metric": "auc", "threshold": 0.8, "metricFrom": "LoggedModel"}))
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Rejected", "Inconclusive")
        assert "measured on several datasets (holdout@a, holdout@b)" in it.says("go")


@in_virtual_time
async def test_runs_are_compared_on_the_data_that_they_name() -> None:
    async with Cluster() as it:
        await it.registry.create_model(MODEL)
        training = Dataset(name="churn", digest="t1", context="training")
        for value, digest in ((0.8, "h1"), (0.9, "h1"), (0.95, "h2")):
            data = [training, Dataset(name="holdout", digest=digest, context="validation")]
            await it.registry.create_version(
                MODEL, await it.registry.create_run([("val_auc", value, 0)], datasets=data)
            )
        await it.registry.set_alias(MODEL, "champion", "1")
        it.add_alias(**gated({"champion": {"minImprovement": 0}, "dataset": "SameAsChampion"}))
        it.ask("other-data", "3")
        it.ask("same-data", "2")
        await it.settle()

        assert it.end("other-data") == ("Rejected", "Inconclusive")
        assert "the candidate on holdout@h2, the champion on holdout@h1" in it.says("other-data")
        assert it.end("same-data") == ("Succeeded", "Succeeded")
        assert it.request("same-data").status.gates[0].dataset == "holdout@h1"


@in_virtual_time
@pytest.mark.parametrize("source", ["Run", "LoggedModel"])
async def test_a_version_that_no_run_made_has_no_numbers(source: str) -> None:
    async with Cluster() as it:
        await it.model(0.8, aliases={"champion": "1"})
        await it.registry.create_version(MODEL)
        it.add_alias(**gated({"threshold": 0.5, "metricFrom": source}))
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        assert "was not made" in it.says("go")


@in_virtual_time
async def test_a_deleted_run_has_no_numbers() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        run_id = (await it.registry.version(MODEL, "2")).run_id
        await it.registry.delete_run(run_id or "")
        it.add_alias(**gated({"threshold": 0.5}))
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        assert f"run {run_id} of version 2 is deleted" in it.says("go")


# Gates that a request adds

STRICT = {"name": "strict", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.95}


@in_virtual_time
async def test_a_request_may_ask_for_more_than_the_policy() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.5}))
        it.ask("go", "2", additionalGates=[STRICT])
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        assert [(item.name, item.result) for item in it.request("go").status.gates] == [
            ("auc", "Passed"),
            ("strict", "Failed"),
        ]


@in_virtual_time
@pytest.mark.parametrize(
    ("gate", "why"),
    [
        (
            {**STRICT, "name": "auc", "threshold": 0.1},
            "additionalGates names gates of the policy, which cannot be redefined: auc",
        ),
        ({**STRICT, "metricFrom": "Evaluation"}, f"ModelAlias {NAME} has no policy.evaluation"),
    ],
)
async def test_a_request_cannot_put_another_gate_in_a_policys_place(gate: dict[str, Any], why: str) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.4, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.5}))
        it.ask("go", "2", additionalGates=[gate])
        await it.settle()

        assert it.end("go") == ("Rejected", "Invalid")
        assert why in it.says("go")
        assert it.moves() == []


# The record on the version


@in_virtual_time
async def test_the_verdict_stands_on_the_version_and_in_the_result() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, 0.85, aliases={"champion": "1"})
        it.add_alias(**gated({"champion": {"minImprovement": 0.01}}))
        it.ask("better", "2", requestedBy="ana")
        await it.settle()

        kept = json.loads((await it.tags("2"))["modelalias.champion"])
        assert kept["from"] == "1"
        (found,) = kept["verdict"]["gates"]
        assert (found["candidate"], found["champion"], found["rule"]) == (
            "0.9",
            "0.8",
            ">= 0.81 (champion 0.8 + 0.01)",
        )
        result = json.loads(it.request("better").status.result or "")
        assert (result["phase"], result["gates"][0]["result"]) == ("Succeeded", "Passed")
        assert result["evidence"].startswith("sha256:")
        assert it.alias().status.history[-1].evidence == result["evidence"]
        it.ask("again", "3", requestedBy="bo")
        await it.settle()
        refused = json.loads((await it.tags("3"))["modelalias.champion"])["refused"]
        assert (refused["request"], refused["by"], refused["reason"]) == ("again", "bo", "GatesFailed")


@in_virtual_time
async def test_what_somebody_wrote_into_the_record_does_no_harm() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        await it.registry.tag_version(MODEL, "2", {"modelalias.champion": "[not json"})
        it.add_alias(**gated({"threshold": 0.99}))
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        assert json.loads((await it.tags("2"))["modelalias.champion"])["refused"]["request"] == "go"
