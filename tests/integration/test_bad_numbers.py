"""Numbers and versions that a real MLflow hands out and nobody should promote on; gates that the API server
does not take."""

import json
import math
from collections.abc import Mapping

import pytest

from tests.support.mlflow_server import Server
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition

ALIAS = "churn-champion"
HOUR = 3_600_000
FLOOR = {"name": "floor", "metric": "auc", "direction": "HigherIsBetter", "threshold": 0.5}
CEILING = {"name": "loss", "metric": "loss", "direction": "LowerIsBetter", "champion": {"maxRegression": 0.1}}


@pytest.mark.usefixtures("shared_operator")
def test_a_number_that_says_nothing_never_passes_and_the_last_step_counts(
    stage: Stage, seeded: Seeding
) -> None:
    def of(*, auc: float = 0.9, loss: float = 0.3) -> str:
        return seeded.version(auc=auc, loss=loss)

    def last(*values: tuple[float, int, int]) -> str:
        run = seeded.points("auc", values)
        seeded.measured(run, None, loss=0.3)
        return seeded.version_of(run)

    champion = of()
    seeded.client.set_registered_model_alias(seeded.model, "champion", champion)
    deleted = seeded.version_of(run := seeded.run(auc=0.9, loss=0.3))
    seeded.client.delete_run(run)
    running = seeded.begin(auc=0.9, loss=0.3)
    versions = {
        "nan": of(auc=math.nan),
        "infinite": of(auc=math.inf),
        "minus-infinite": of(loss=-math.inf),
        "huge": of(auc=1e308),
        "missing": seeded.version(loss=0.3),
        "deleted-run": deleted,
        "no-run": seeded.version_of(None),
        "bad-at-last": last((0.9, 1, 2 * HOUR), (0.9, 3, HOUR), (0.1, 7, 0), (0.9, 5, 3 * HOUR)),
        "good-at-last": last((0.1, 1, 2 * HOUR), (0.1, 3, HOUR), (0.9, 7, 0), (0.1, 5, 3 * HOUR)),
        "nan-at-last": last((0.9, 1, 0), (math.nan, 2, HOUR)),
        "still-running": seeded.version_of(running),
    }
    stage.apply(
        "ModelAlias",
        ALIAS,
        {"model": seeded.model, "alias": "champion", "policy": {"gates": [FLOOR, CEILING]}},
    )

    stage.requests(
        ALIAS, {name: {"source": {"version": number}, "dryRun": True} for name, number in versions.items()}
    )
    waiting = stage.reaches("still-running", "Pending")["status"]
    seeded.client.set_terminated(running)
    ended = stage.ended(*versions)

    assert waiting["explanation"].startswith(f"waits until run {running} has finished; ")
    assert {name: condition(status, "Complete")[1] for name, status in ended.items()} == {
        **dict.fromkeys(versions, "GatesFailed"),
        "good-at-last": "DryRun",
        "still-running": "DryRun",
    }
    told = {name: status["explanation"].split(": ", 1)[1] for name, status in ended.items()}
    assert (
        told["nan"] == "gate floor: auc is NaN: the metric of the candidate is NaN, which cannot be compared"
    )
    assert told["infinite"].startswith("gate floor: auc is Infinity: ")
    assert told["minus-infinite"].startswith("gate loss: loss is -Infinity: ")
    assert (
        told["huge"]
        == "gate floor: auc is 1E+308: the metric of the candidate is 1E+308, which cannot be compared"
    )
    assert told["missing"] == "gate floor: auc is missing: the metric of the candidate was not logged"
    assert f"auc is missing: run {run} of version {deleted} is deleted" in told["deleted-run"]
    assert f"auc is missing: version {versions['no-run']} was not made by a run" in told["no-run"]
    assert told["bad-at-last"] == "gate floor: auc 0.1 is not >= 0.5, short by 0.4"
    assert told["nan-at-last"].startswith("gate floor: auc is NaN: ")
    assert seeded.aliases() == {"champion": champion}


@pytest.mark.usefixtures("shared_operator")
def test_a_soak_is_waited_out_and_a_version_that_is_deleted_meanwhile_is_refused(
    stage: Stage, seeded: Seeding
) -> None:
    for auc in (0.8, 0.9, 0.95):
        seeded.version(auc=auc)
    for alias, version in (("champion", "1"), ("staging", "2"), ("shadow", "3")):
        seeded.client.set_registered_model_alias(seeded.model, alias, version)
    for name, alias, soak in (
        (ALIAS, "champion", {"alias": "staging", "for": "4s"}),
        ("slow", "slow", {"alias": "shadow", "for": "1h"}),
    ):
        policy = {"eligibility": {"soak": soak}, "gates": [FLOOR]}
        stage.apply("ModelAlias", name, {"model": seeded.model, "alias": alias, "policy": policy})

    stage.request("soaks", ALIAS, source={"version": "2"})
    stage.request("vanishes", "slow", source={"version": "3"})
    stage.request("elsewhere", ALIAS, source={"version": "3"})
    soaking = stage.reaches("vanishes", "Pending")["status"]
    held_by = seeded.aliases()
    elsewhere = stage.complete("elsewhere")
    seeded.client.delete_model_version(seeded.model, "3")
    ended = stage.ended("soaks", "vanishes")

    assert "waits: version 3 has had shadow since" in soaking["explanation"]
    assert held_by["champion"] == "1"
    assert ended["soaks"]["phase"] == "Succeeded"
    assert ended["soaks"]["eligibility"][0]["result"] == "Passed"
    assert ended["vanishes"]["phase"] == "Rejected"
    # its aliases go with it: a look in between finds the version still there, without the alias
    assert condition(ended["vanishes"], "Complete")[1] in {"VersionGone", "NotEligible"}
    assert elsewhere["explanation"].endswith("version 3 does not have alias staging")
    assert seeded.aliases() == {"champion": "2", "staging": "2"}


@pytest.mark.usefixtures("shared_operator")
def test_a_signature_is_read_from_the_servers_store_and_a_policys_gate_is_not_redefined(
    stage: Stage, seeded: Seeding, mlflow_server: Server
) -> None:
    signed, unsigned, lost = (seeded.logged_version(signed=signed, auc=0.4) for signed in (True, False, True))
    seeded.lose_files(lost, mlflow_server.directory)
    strict = {**FLOOR, "threshold": 0.95}
    policy = {"eligibility": {"requireSignature": True}, "gates": [{**FLOOR, "threshold": 0.3}]}
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "policy": policy})

    asked: Mapping[str, Object] = {
        "unsigned": {"source": {"version": unsigned}},
        "lost": {"source": {"version": lost}},
        "redefines": {"source": {"version": signed}, "additionalGates": [{**FLOOR, "threshold": 0.1}]},
        "stricter": {"source": {"version": signed}, "additionalGates": [{**strict, "name": "strict"}]},
    }
    stage.requests(ALIAS, asked)
    refused = stage.ended(*asked)
    stage.request("signed", ALIAS, source={"version": signed})
    taken = stage.complete("signed")

    assert {name: condition(status, "Complete")[1] for name, status in refused.items()} == {
        "unsigned": "NotEligible",
        "lost": "Inconclusive",
        "redefines": "Invalid",
        "stricter": "GatesFailed",
    }
    assert refused["unsigned"]["explanation"].endswith(
        f"requireSignature: the model of version {unsigned} has no signature"
    )
    assert f"cannot hand out the MLmodel file of version {lost}" in refused["lost"]["explanation"]
    assert refused["redefines"]["explanation"] == (
        "additionalGates names gates of the policy, which cannot be redefined: floor"
    )
    assert [item["result"] for item in refused["stricter"]["gates"]] == ["Passed", "Failed"]
    assert (taken["phase"], taken["eligibility"][0]) == (
        "Succeeded",
        {"rule": "requireSignature", "result": "Passed", "message": ""},
    )
    assert seeded.aliases() == {"champion": signed}


@pytest.mark.usefixtures("shared_operator")
def test_a_gated_pin_is_refused_until_it_names_a_version_that_passes(stage: Stage, seeded: Seeding) -> None:
    for auc in (0.8, 0.7, 0.9):
        seeded.version(auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    gate = {
        "name": "no-worse",
        "metric": "auc",
        "direction": "HigherIsBetter",
        "champion": {"maxRegression": 0},
    }
    spec = {"model": seeded.model, "alias": "champion", "policy": {"gates": [gate], "pins": "Gated"}}
    stage.apply("ModelAlias", ALIAS, spec)
    stage.until(
        "modelalias", ALIAS, lambda it: "current" in it.get("status", {}), "the champion is taken over"
    )

    stage.patch("modelalias", ALIAS, {"version": "2"})
    stalled = stage.until(
        "modelalias", ALIAS, lambda it: condition(it["status"], "Stalled")[0] == "True", "the pin is refused"
    )["status"]
    held_by = seeded.aliases()
    stage.patch("modelalias", ALIAS, {"version": "3"})
    stage.until(
        "modelalias", ALIAS, lambda it: it["status"]["current"]["version"] == "3", "the pin is carried out"
    )
    stage.kubectl("wait", "--for=condition=Ready", f"modelalias/{ALIAS}", "--timeout=60s")
    after = stage.status("modelalias", ALIAS)
    stage.patch("modelalias", ALIAS, {"version": "1"})
    back = stage.until(
        "modelalias", ALIAS, lambda it: it["status"]["current"]["version"] == "1", "it went back unasked"
    )

    judged = "gate no-worse: auc 0.7 is not >= 0.8 (champion 0.8 - 0), short by 0.1"
    told = f"the pin of version 2 is refused: {judged}"
    assert condition(stalled, "Stalled") == ("True", "GatesFailed")
    assert (stalled["pin"]["explanation"], held_by) == (told, {"champion": "1"})
    stage.announces(ALIAS, f"GatesFailed: {told}")
    assert (after["pin"]["version"], after["pin"]["explanation"]) == ("3", "it passed")
    assert condition(after, "Stalled")[0] == "False"
    assert "pin" not in back["status"], "a version of the history is taken without a question"
    assert seeded.aliases() == {"champion": "1"}


NO_NUMBER = "gates[0].threshold in body must be of type number"
"""What the API server says; a kubectl that reads JSON strictly is the first to object, another one sends a
string."""


@pytest.mark.usefixtures("crds_installed")
@pytest.mark.parametrize(
    ("gate", "words"),
    [
        pytest.param('"threshold": NaN', ("invalid character 'N'", NO_NUMBER), id="NaN"),
        pytest.param('"threshold": 1e999', ("cannot unmarshal number 1e999",), id="beyond all numbers"),
        pytest.param('"threshold": 0x1p-1', ("invalid character 'x'", NO_NUMBER), id="hexadecimal"),
        pytest.param('"threshold": "0.85"', (NO_NUMBER,), id="a string"),
        pytest.param('"threshold": "NaN"', (NO_NUMBER,), id="NaN as a string"),
        pytest.param(
            '"champion": {"minImprovement": 0.1, "maxRegression": 0.1}',
            ("exactly one of minImprovement and maxRegression",),
            id="two distances",
        ),
        pytest.param(
            '"champion": {"maxRegression": -0.1}',
            ("champion.maxRegression in body should be greater than or equal to 0",),
            id="a negative distance",
        ),
        pytest.param(
            '"threshold": 0.5, "metricFrom": "Evaluation"',
            ("a gate with metricFrom Evaluation needs policy.evaluation",),
            id="an evaluation that nobody described",
        ),
    ],
)
def test_a_gate_that_means_nothing_is_refused_with_what_is_wrong(
    stage: Stage, gate: str, words: tuple[str, ...]
) -> None:
    rule = f'{{"name": "floor", "metric": "auc", "direction": "HigherIsBetter", {gate}}}'
    spec = f'{{"model": "churn", "alias": "champion", "policy": {{"gates": [{rule}]}}}}'
    body = f'{{"apiVersion": "modelalias.dev/v1alpha1", "kind": "ModelAlias", "metadata": {{"name": "bad"}}, "spec": {spec}}}'

    said = stage.kubectl("apply", "-f", "-", stdin=body, check=False)

    assert any(item in said for item in words), said
    assert json.loads(stage.kubectl("get", "modelaliases", "-o", "json"))["items"] == []
