"""Rollouts: what is planned for a workload, and how far it is."""

import re
from typing import Any

import pytest

from modelalias.api.alias import (
    Bearing,
    LoadMode,
    Operation,
    Plan,
    PlannedWorkload,
    ServingState,
    ServingStatus,
    WorkloadKind,
)
from modelalias.api.workload import Serving
from modelalias.core.errors import InvalidRequest
from modelalias.core.plan import rollout
from modelalias.core.plan.progress import Stage
from modelalias.kinds.pod_template import PodWorkload
from modelalias.ports import Variable, Workload, WorkloadRef
from tests.support.harness import START
from tests.support.judged import judged
from tests.support.world import PINNED

REF = WorkloadRef(kind=WorkloadKind.DEPLOYMENT, namespace="ml", name="api")


def _workload(**fields: Any) -> PodWorkload:
    settled: dict[str, Any] = {
        "ref": REF,
        "uid": "u1",
        "resource_version": 1,
        "generation": 2,
        "observed_generation": 2,
        "paused": False,
        "managed": True,
        "desired": 3,
        "updated": 3,
        "available": 3,
        "total": 3,
        "marks": {},
        "containers": {"main": {}},
    }
    return PodWorkload(**{**settled, **fields})


def _planned(
    mode: LoadMode = LoadMode.ALIAS, workload: Workload | None = None, before: str | None = "1"
) -> PlannedWorkload:
    load = PINNED if mode is LoadMode.PINNED else {}
    serving = Serving.model_validate({"name": "api", "load": load})
    return rollout.plan_workload(
        serving, workload or _workload(), alias="x", model="churn", before=before, to="2", epoch=5
    )


def _plan(bearing: Bearing = Bearing.FORWARD) -> Plan:
    return Plan(operation=Operation.PROMOTE, aliases=(), started_at=START, bearing=bearing)


@pytest.mark.parametrize(("mode", "text"), [(LoadMode.PINNED, "2"), (LoadMode.ALIAS, "2.5")])
def test_a_move_of_an_alias_is_a_new_mark_and_a_pinned_version_is_the_same(mode: LoadMode, text: str) -> None:
    assert rollout.mark("2", 5, mode) == text
    assert rollout.version_of(text) == "2"


def test_a_workload_that_resolves_the_alias_goes_back_with_a_mark_of_its_own() -> None:
    planned = _planned(workload=_workload(marks={"x": "1.4"}))

    assert (planned.from_, planned.to, planned.back) == ("1.4", "2.5", "1.6")
    assert planned.variables == ()


def test_a_pinned_workload_goes_back_to_what_it_had() -> None:
    planned = _planned(
        LoadMode.PINNED, _workload(marks={"x": "1"}, containers={"main": {"MODEL_URI": "models:/churn/1"}})
    )

    assert (planned.from_, planned.to, planned.back) == ("1", "2", "1")
    (variable,) = planned.variables
    assert (variable.from_, variable.to) == ("models:/churn/1", "models:/churn/2")


def _serves(model: str, stands: str) -> bool:
    """Return whether a pinned workload with that text in its variable is taken to serve version 2."""
    serving = Serving.model_validate({"name": "api", "load": PINNED})
    workload = _workload(marks={"x": "2"}, containers={"main": {"MODEL_URI": stands}})
    return rollout.is_served(serving, workload, alias="x", model=model, version="2")


def _planned_from(model: str, stands: str) -> PlannedWorkload:
    serving = Serving.model_validate({"name": "api", "load": PINNED})
    workload = _workload(marks={"x": "1"}, containers={"main": {"MODEL_URI": stands}})
    return rollout.plan_workload(serving, workload, alias="x", model=model, before="1", to="2", epoch=5)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("a$(B)", "models:/a$$(B)/2"),
        ("a$$(B)", "models:/a$$$$(B)/2"),
        ("$", "models:/$$/2"),
        ("us$5", "models:/us$$5/2"),
        ("churn", "models:/churn/2"),
    ],
)
def test_pods_get_the_models_name_letter_by_letter(model: str, text: str) -> None:
    planned = _planned_from(model, "models:/churn/1")
    wanted = rollout.change(planned, Bearing.FORWARD, "x")
    written = _workload(marks={"x": "2"}, containers={"main": {"MODEL_URI": text}})

    assert [item.to for item in planned.variables] == [text]
    assert _expanded(text) == f"models:/{model}/2"
    assert written.has(wanted)
    assert _serves(model, text)


def test_a_name_that_kubernetes_would_expand_is_not_taken_for_what_is_served() -> None:
    assert not _serves("a$(B)", "models:/a$(B)/2")


@pytest.mark.parametrize(
    ("model", "stands", "version"),
    [
        ("churn", "models:/churn/12", "12"),
        ("a$(B)", "models:/a$$(B)/2", "2"),
        ("a$(B)", "models:/a$(B)/2", None),
        ("churn", "models:/churn/02", None),
        ("churn", "models:/churn@champion", None),
        ("churn", "models:/fraud/2", None),
        ("churn", "2", None),
        ("churn", "", None),
    ],
)
def test_a_pinned_workload_asks_for_the_version_that_stands_in_its_variable(
    model: str, stands: str, version: str | None
) -> None:
    pinned = Serving.model_validate({"name": "api", "load": PINNED})
    workload = _workload(containers={"main": {"MODEL_URI": stands}})

    assert workload.asks_for(pinned, model) == version
    assert workload.asks_for(Serving(name="api"), model) is None, "the mark tells with mode Alias"


APART = {
    "mode": "Pinned",
    "variables": [
        {"container": "fetch", "env": "MODEL_URI"},
        {"container": "main", "env": "MODEL_VERSION", "format": "version"},
    ],
}


@pytest.mark.parametrize(
    ("fetch", "main", "version"),
    [
        ("models:/churn/2", "2", "2"),
        ("models:/churn/2", "3", None),
        ("models:/churn/2", None, None),
        (None, "2", None),
        (None, None, None),
        ("2", "models:/churn/2", None),
        ("models:/churn/2", "02", None),
        ("models:/churn/2", "models:/churn/2", None),
        ("models:/fraud/2", "2", None),
    ],
)
def test_several_variables_ask_for_what_all_of_them_name(
    fetch: str | None, main: str | None, version: str | None
) -> None:
    containers = {
        "fetch": {} if fetch is None else {"MODEL_URI": fetch},
        "main": {} if main is None else {"MODEL_VERSION": main},
    }
    serving = Serving.model_validate({"name": "api", "load": APART})

    workload = _workload(marks={"x": "2"}, containers=containers)
    assert workload.asks_for(serving, "churn") == version
    assert rollout.is_served(serving, workload, alias="x", model="churn", version="2") is (version == "2")


def test_several_variables_are_planned_each_with_its_own_former_value() -> None:
    serving = Serving.model_validate({"name": "api", "load": APART})
    workload = _workload(containers={"fetch": {"MODEL_URI": "models:/churn/1"}, "main": {}})

    planned = rollout.plan_workload(serving, workload, alias="x", model="churn", before="1", to="2", epoch=5)

    assert [(item.container, item.env, item.from_, item.to) for item in planned.variables] == [
        ("fetch", "MODEL_URI", "models:/churn/1", "models:/churn/2"),
        ("main", "MODEL_VERSION", None, "2"),
    ]
    assert not planned.nothing_before


@pytest.mark.parametrize("former", ["models:/a$(B)/1", "models:/a$$(B)/1", "$(OTHER)", "us$5"])
def test_a_former_value_goes_back_as_it_was(former: str) -> None:
    planned = _planned_from("churn", former)
    back = rollout.change(planned, Bearing.BACKWARD, "x")

    assert [item.value for item in back.variables] == [former]
    assert _workload(marks={"x": "1"}, containers={"main": {"MODEL_URI": former}}).has(back)


def _expanded(text: str) -> str:
    """Expand a variable's value as a kubelet does where no variable is known."""
    return re.sub(r"\$\$|\$\([^)]*\)", lambda found: "$" if found[0] == "$$" else found[0], text)


def test_after_a_cold_start_there_is_nothing_to_go_back_to() -> None:
    assert _planned(before=None).back is None


@pytest.mark.parametrize(
    ("workload", "told"),
    [
        (_workload(paused=True), "is paused: resume it"),
        (_workload(containers={"b": {}, "a": {}}), r"has no container main \(there are: a, b\)"),
        (_workload(marks={"x": "y" * 65}), "has an annotation modelalias.dev/x of somebody else: remove it"),
        (
            _workload(containers={"main": {"MODEL_URI": "y" * 1025}}),
            "has a MODEL_URI that is too long to come back to",
        ),
    ],
    ids=["paused", "no such container", "a mark that is too long", "a variable that is too long"],
)
def test_what_cannot_be_rolled_is_refused_with_the_cause(workload: Workload, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        _planned(LoadMode.PINNED, workload)


def test_a_change_is_turned_around_on_the_way_back() -> None:
    planned = _planned(LoadMode.PINNED)

    there = rollout.change(planned, Bearing.FORWARD, "x")
    back = rollout.change(planned, Bearing.BACKWARD, "x")

    at = {"container": "main", "env": "MODEL_URI"}
    assert (there.alias, there.mark) == ("x", "2")
    assert there.variables == (Variable(**at, value="models:/churn/2"),)
    assert (back.mark, back.variables) == (None, (Variable(**at, value=None),))


WRITTEN = {"x": "2.5"}


@pytest.mark.parametrize(
    ("workload", "before", "stage"),
    [
        (None, None, Stage.GONE),
        (_workload(), None, Stage.UNTOUCHED),
        (_workload(), ServingState.PENDING, Stage.UNTOUCHED),
        (_workload(marks=WRITTEN), ServingState.PENDING, Stage.DONE),
        (_workload(marks=WRITTEN, observed_generation=1), ServingState.PENDING, Stage.ROLLING),
        (_workload(), ServingState.ROLLING, Stage.BROKEN),
        (_workload(), ServingState.UP_TO_DATE, Stage.BROKEN),
        (_workload(uid="u2"), ServingState.ROLLING, Stage.UNTOUCHED),
        (_workload(uid="u2", marks=WRITTEN), ServingState.ROLLING, Stage.DONE),
    ],
    ids=[
        "gone",
        "never seen",
        "not begun",
        "done",
        "rolling",
        "taken away while it rolled",
        "taken away afterwards",
        "made anew",
        "made anew and rolled",
    ],
)
def test_a_workload_is_judged_by_its_state(
    workload: Workload | None, before: ServingState | None, stage: Stage
) -> None:
    known = (
        None
        if before is None
        else ServingStatus(kind=WorkloadKind.DEPLOYMENT, name="api", uid="u1", state=before)
    )

    assert judged(_plan(), _planned(), workload, known).stage is stage


def test_a_pinned_workload_is_written_only_with_mark_and_variable() -> None:
    marked = _workload(marks={"x": "2"})
    both = _workload(marks={"x": "2"}, containers={"main": {"MODEL_URI": "models:/churn/2"}})
    planned = _planned(LoadMode.PINNED)

    assert judged(_plan(), planned, marked).stage is Stage.UNTOUCHED
    assert judged(_plan(), planned, both).stage is Stage.DONE


def test_without_a_former_version_the_way_back_does_not_wait_for_pods() -> None:
    planned = _planned(before=None)
    crashing = _workload(available=0)

    assert judged(_plan(Bearing.BACKWARD), planned, crashing).stage is Stage.DONE


def test_what_holds_a_workload_up_is_told_in_its_own_words() -> None:
    rolling = _workload(marks=WRITTEN, updated=1)

    at = judged(_plan(), _planned(), rolling)

    assert at.message == f"Deployment api: {rolling.why_not_rolled()}"


@pytest.mark.parametrize("foreign", ["", "abc", "01", "1.x", "latest"])
def test_a_mark_of_somebody_else_names_no_version(foreign: str) -> None:
    assert rollout.version_of(foreign) is None


@pytest.mark.parametrize(
    ("former_uri", "stage"),
    [(None, Stage.DONE), ("models:/churn/1", Stage.ROLLING)],
    ids=["nothing", "a URI"],
)
def test_a_variable_that_was_there_before_the_operator_is_something_to_go_back_to(
    former_uri: str | None, stage: Stage
) -> None:
    environment = {} if former_uri is None else {"MODEL_URI": former_uri}
    planned = _planned(LoadMode.PINNED, _workload(containers={"main": environment}), before=None)
    returning = _workload(containers={"main": environment}, updated=0, available=0)

    assert planned.back is None
    assert judged(_plan(Bearing.BACKWARD), planned, returning).stage is stage
