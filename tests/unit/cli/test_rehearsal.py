"""How a version is judged without a cluster: as the operator would, and Inconclusive where only the operator
knows."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from modelalias.api.alias import ModelAlias
from modelalias.cli.rehearsal import rehearse
from modelalias.cli.rehearsed import Rehearsal
from modelalias.core.errors import InvalidRequest, ModelNotFound, Refused, Unavailable, VersionNotFound
from modelalias.ports import EvaluationRun, VersionState
from tests.support.fake_registry import FakeRegistry
from tests.support.harness import Cluster
from tests.support.seeded import ModelFile
from tests.support.virtual_loop import in_virtual_time

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
FLOOR = {"name": "floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.7}
BETTER = {
    "name": "better",
    "metric": "val_auc",
    "direction": "HigherIsBetter",
    "champion": {"minImprovement": 0.002},
}
HOLDOUT = {**BETTER, "name": "holdout", "metricFrom": "Evaluation"}
EVALUATION = {"cronJob": "churn-holdout"}


@pytest.fixture
async def registry() -> FakeRegistry:
    """A model with a champion, a better and a worse version."""
    made = FakeRegistry()
    await made.create_model("churn")
    for value in (0.8, 0.85, 0.75):
        await made.create_version("churn", await made.create_run([("val_auc", value, 0)]))
    await made.set_alias("churn", "champion", "1")
    made.calls.clear()
    return made


def _alias(policy: Mapping[str, Any] | None = None, **spec: Any) -> ModelAlias:
    body = {"metadata": {"name": "churn-champion"}, "spec": {"model": "churn", "alias": "champion", **spec}}
    return ModelAlias.model_validate(
        {**body, "spec": {**body["spec"], "policy": policy or {"gates": [FLOOR, BETTER]}}}
    )


async def _judge(
    registry: FakeRegistry, version: str, /, policy: Mapping[str, Any] | None = None, **spec: Any
) -> Rehearsal:
    found = await rehearse(registry, _alias(policy, **spec), version, NOW)
    assert registry.writes == ()
    return found


def _results(found: Rehearsal) -> list[str]:
    return [
        *(item.result for item in found.status.eligibility),
        *(item.result for item in found.status.gates),
    ]


async def test_a_better_version_passes_with_its_numbers(registry: FakeRegistry) -> None:
    found = await _judge(registry, "2")

    assert (found.outcome, found.reason) == ("Passed", "GatesPassed")
    assert (
        found.status.explanation
        == "version 2 passed: 2/2 gates passed; it would replace version 1 as champion"
    )
    assert [(item.candidate, item.champion) for item in found.status.gates] == [
        ("0.85", None),
        ("0.85", "0.8"),
    ]


async def test_a_worse_version_is_refused_with_its_numbers(registry: FakeRegistry) -> None:
    found = await _judge(registry, "3")

    assert (found.outcome, found.reason) == ("Refused", "GatesFailed")
    assert found.status.explanation == (
        "version 3 refused: gate better: val_auc 0.75 is not >= 0.802 (champion 0.8 + 0.002), short by 0.052"
    )
    assert _results(found) == ["Passed", "Failed"]


async def test_the_version_that_the_alias_holds_is_nothing_to_do(registry: FakeRegistry) -> None:
    found = await _judge(registry, "1", {"gates": [{**FLOOR, "threshold": 0.99}]})

    assert (found.outcome, found.reason) == ("Passed", "NoOp")
    assert found.status.explanation == "champion already names version 1: nothing to do"
    assert found.status.gates == ()


async def test_a_first_champion_replaces_nothing(registry: FakeRegistry) -> None:
    found = await _judge(registry, "3", alias="staging")

    assert found.outcome == "Passed"
    assert found.status.explanation.endswith("it would replace nothing as staging")


async def test_without_gates_every_version_passes(registry: FakeRegistry) -> None:
    found = await _judge(registry, "3", {"gates": []})

    assert (
        found.status.explanation
        == "version 3 passed: there are no gates; it would replace version 1 as champion"
    )


@pytest.mark.parametrize(
    ("tags", "outcome"),
    [({"owner": "*"}, "Refused"), ({"validated_by": "bo"}, "Refused"), ({"validated_by": "*"}, "Passed")],
)
async def test_eligibility_is_judged_first(
    registry: FakeRegistry, tags: Mapping[str, str], outcome: str
) -> None:
    await registry.tag_version("churn", "2", {"validated_by": "ana"})
    registry.calls.clear()

    found = await _judge(registry, "2", {"eligibility": {"requireTags": tags}, "gates": [FLOOR]})

    assert found.outcome == outcome
    assert found.reason == ("GatesPassed" if outcome == "Passed" else "NotEligible")


@pytest.mark.parametrize(
    ("file", "outcome"),
    [(ModelFile.SIGNED, "Passed"), (ModelFile.UNSIGNED, "Refused"), (ModelFile.NO_YAML, "Inconclusive")],
)
async def test_a_signature_is_read_and_one_that_cannot_be_is_inconclusive(
    registry: FakeRegistry, file: ModelFile, outcome: str
) -> None:
    await registry.write_model_file("churn", "2", file)

    assert (await _judge(registry, "2", {"eligibility": {"requireSignature": True}})).outcome == outcome


@pytest.mark.parametrize(("holder", "outcome"), [("2", "Inconclusive"), ("3", "Refused")])
async def test_a_soak_is_inconclusive_for_whom_it_may_be_over(
    registry: FakeRegistry, holder: str, outcome: str
) -> None:
    await registry.set_alias("churn", "staging", holder)
    registry.calls.clear()

    found = await _judge(
        registry, "2", {"eligibility": {"soak": {"alias": "staging", "for": "24h"}}, "gates": [FLOOR]}
    )

    assert found.outcome == outcome
    assert ("since when version 2 has staging is not known" in found.status.explanation) is (holder == "2")


async def test_what_only_jobs_measure_is_inconclusive(registry: FakeRegistry) -> None:
    found = await _judge(registry, "2", {"gates": [FLOOR, HOLDOUT], "evaluation": EVALUATION})

    assert (found.outcome, found.reason) == ("Inconclusive", "Inconclusive")
    assert _results(found) == ["Passed", "Inconclusive"]
    assert "only the operator starts evaluation Jobs" in found.status.explanation


@pytest.mark.parametrize(("required", "result"), [("Never", "Skipped"), ("OnInconclusive", "Inconclusive")])
async def test_what_the_operator_would_not_evaluate_is_skipped(
    registry: FakeRegistry, required: str, result: str
) -> None:
    """Nobody could be asked about the other gate, so the operator would refuse before it starts Jobs."""
    gates = [{**FLOOR, "metric": "none", "onMissing": "Inconclusive"}, HOLDOUT]

    found = await _judge(
        registry, "2", {"gates": gates, "evaluation": EVALUATION, "approval": {"required": required}}
    )

    assert (found.outcome, _results(found)) == ("Inconclusive", ["Inconclusive", result])


async def test_a_refusal_goes_before_what_is_not_known(registry: FakeRegistry) -> None:
    found = await _judge(registry, "3", {"gates": [BETTER, HOLDOUT], "evaluation": EVALUATION})

    assert (found.outcome, found.reason) == ("Refused", "GatesFailed")


@pytest.mark.parametrize("run_id", ["a-b", "x' y", "r" * 1_000])
async def test_a_version_of_a_run_with_an_odd_id_is_judged(registry: FakeRegistry, run_id: str) -> None:
    odd = await registry.create_version_by_name("churn", run_id)

    assert (await _judge(registry, odd, {"gates": []})).outcome == "Passed"
    unknown = await _judge(registry, odd)

    assert unknown.outcome == "Inconclusive"
    assert f"run {run_id} of version {odd} is not there"[:200] in unknown.status.explanation


async def test_a_metric_that_was_not_logged_refuses(registry: FakeRegistry) -> None:
    await registry.create_version("churn", await registry.create_run())

    assert (await _judge(registry, "4")).outcome == "Refused"
    assert (
        await _judge(registry, "4", {"gates": [{**FLOOR, "onMissing": "Inconclusive"}]})
    ).outcome == "Inconclusive"


@pytest.mark.parametrize(
    ("approval", "version", "asked"),
    [
        (
            {"required": "Always", "minimum": 2, "groups": ["ml-leads"]},
            "2",
            "waits for 2 approvals from group ml-leads",
        ),
        ({"required": "OnInconclusive"}, "2", None),
        ({"required": "Always"}, "3", None),
        ({"required": "Always"}, "1", None),
    ],
    ids=["always", "only-when-inconclusive", "refused", "nothing-to-do"],
)
async def test_it_says_who_would_be_asked(
    registry: FakeRegistry, approval: Mapping[str, Any], version: str, asked: str | None
) -> None:
    found = await _judge(registry, version, {"gates": [BETTER], "approval": approval})

    assert ("approval" in found.status.explanation) is (asked is not None)
    assert (asked or "") in found.status.explanation


async def test_people_would_be_asked_about_what_is_inconclusive(registry: FakeRegistry) -> None:
    policy = {"gates": [HOLDOUT], "evaluation": EVALUATION, "approval": {"required": "OnInconclusive"}}

    found = await _judge(registry, "2", policy)

    assert found.outcome == "Inconclusive"
    assert found.status.explanation.endswith(
        "a request then waits for 1 approval from anyone with the verb approve"
    )


async def test_a_pin_is_told(registry: FakeRegistry) -> None:
    found = await _judge(registry, "2", version="1")

    assert found.status.explanation.endswith("requests are rejected while spec.version pins version 1")


@pytest.mark.parametrize(
    ("version", "spec", "error"),
    [
        ("9", {}, VersionNotFound),
        ("champion", {}, VersionNotFound),
        ("2", {"model": "fraud"}, ModelNotFound),
    ],
)
async def test_what_is_not_there_is_not_judged(
    registry: FakeRegistry, version: str, spec: Mapping[str, Any], error: type[InvalidRequest]
) -> None:
    with pytest.raises(error):
        await _judge(registry, version, **spec)


@pytest.mark.parametrize(
    ("state", "said"), [(VersionState.PENDING, "is registered"), (VersionState.FAILED, "failed")]
)
async def test_a_version_that_is_not_ready_is_not_judged(
    registry: FakeRegistry, state: VersionState, said: str
) -> None:
    number = await registry.create_version("churn", state=state)

    with pytest.raises(Unavailable, match=rf"version {number} cannot be judged: .*{said}"):
        await _judge(registry, number)


async def test_a_run_that_goes_on_is_not_judged(registry: FakeRegistry) -> None:
    run = await registry.evaluation_run(
        EvaluationRun(key="1", experiment="training", name="still-training", tags=())
    )
    await registry.create_version("churn", run)
    registry.calls.clear()

    with pytest.raises(
        Unavailable, match=f"version 4 cannot be judged yet: waits until run {run} has finished"
    ):
        await _judge(registry, "4")


@pytest.mark.parametrize("call", ["version", "aliases", "runs"])
@pytest.mark.parametrize("error", [Unavailable("down"), Refused("no")])
async def test_a_registry_that_does_not_answer_ends_it(
    registry: FakeRegistry, call: str, error: Exception
) -> None:
    registry.fail_next(error, call=call)

    with pytest.raises(type(error), match=str(error)):
        await _judge(registry, "2")


POLICY: Mapping[str, Any] = {
    "eligibility": {"requireTags": {"validated_by": "*"}, "requireAlias": "smoke"},
    "gates": [FLOOR, BETTER],
}


@in_virtual_time
async def test_the_verdict_is_that_of_a_dry_run() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.85, 0.75, aliases={"champion": "1", "smoke": "2"})
        for version in "23":
            await it.registry.tag_version("churn", version, {"validated_by": "ana"})
        alias = it.add_alias(policy=POLICY)
        lenient = it.add_alias("lenient", policy={"gates": [FLOOR]}, alias="staging")
        await it.settle()

        for version in "123":
            it.ask(f"v{version}", version, dryRun=True)
            it.ask(f"lenient-v{version}", version, of="lenient", dryRun=True)
        await it.settle()

        for version in "123":
            _same(it.request(f"v{version}").status.result, await rehearse(it.registry, alias, version, NOW))
            _same(
                it.request(f"lenient-v{version}").status.result,
                await rehearse(it.registry, lenient, version, NOW),
            )


def _same(told: str | None, found: Rehearsal) -> None:
    """Compare with a request's result: all but what only a request has, and the words around the numbers."""
    expected = json.loads(told or "{}")
    assert (expected["phase"] == "Succeeded") is (found.outcome == "Passed")
    own = {
        key: value for key, value in found.result.items() if key not in {"result", "reason", "explanation"}
    }
    assert own == {
        key: value
        for key, value in expected.items()
        if key not in {"request", "phase", "reason", "explanation"}
    }
    assert {"reason", "explanation", "result"} <= found.result.keys()
    if expected["phase"] == "Rejected":
        assert (found.reason, found.status.explanation) == (expected["reason"], expected["explanation"])
