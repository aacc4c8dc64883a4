"""A kind unlike those of apps/v1 needs a file of its own and a line in the table, and no change elsewhere.

The one made up here has no pod template, no containers and no replicas: the model's URI stands in a field of
its spec, and a condition says whether it serves it. It takes the place of a shipped kind, because the enum of
the API is closed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from modelalias.adapters.kubernetes_client import Call, Connection, Verb
from modelalias.adapters.workloads import KubernetesWorkloads
from modelalias.api.alias import Bearing, LoadMode, Operation, Plan, PlannedWorkload
from modelalias.api.workload import Load, Place, Serving, WorkloadKind
from modelalias.core.errors import InvalidRequest, StaleObject
from modelalias.core.plan import rollout
from modelalias.core.plan.progress import Stage
from modelalias.handlers import tuning
from modelalias.kinds import KINDS
from modelalias.kinds.deployment import DEPLOYMENT
from modelalias.kinds.kind import Body, Kind
from modelalias.kinds.marks import MANAGED_LABEL, PREFIX, is_managed, marks_in
from modelalias.ports import Replicas, Variable, Workload, WorkloadChange, WorkloadRef
from modelalias.rest import JsonBody, PatchType, Resource
from tests.support.harness import START, Cluster
from tests.support.judged import judged
from tests.support.virtual_loop import in_virtual_time

BORROWED: Final = WorkloadKind.DEPLOYMENT
LOAD: Final = Load.model_construct(
    mode=LoadMode.PINNED
)  # it has no container, which the API does not allow yet
SERVING: Final = Serving.model_construct(kind=BORROWED, name="api", load=LOAD)
BEFORE: Final = {"model": "models:/churn/1", "annotations": {"modelalias.dev/x": "1"}}
AFTER: Final = {"model": "models:/churn/2", "annotations": {"modelalias.dev/x": "2"}}
AT_2: Final = WorkloadChange(alias="x", mark="2", variables=(Variable(value="models:/churn/2"),))
REF: Final = WorkloadRef(kind=BORROWED, namespace="ml", name="api")


class Gadget(Workload):
    """A workload that loads one model."""

    generation: int
    observed_generation: int
    stopped: bool
    model: str | None
    ready: bool
    message: str

    def value_at(self, place: Place) -> str | None:
        del place
        return self.model

    @property
    def pod_selector(self) -> str:
        return ""

    def replicas(self) -> Replicas | None:
        return None

    def why_not_rollable(self, serving: Serving, model: str) -> str:
        del serving, model
        return "is stopped: start it" if self.stopped else ""

    def has(self, change: WorkloadChange) -> bool:
        return self.marks.get(change.alias) == change.mark and self.model == change.variables[0].value

    def is_rolled(self, short: int = 0) -> bool:
        del short
        return self.ready and self.observed_generation >= self.generation

    def why_not_rolled(self) -> str:
        return f"not ready: {self.message}"


def parse(body: Body) -> Gadget:
    metadata, spec, status = body["metadata"], body["spec"], body["status"]
    ready = next(item for item in status["conditions"] if item["type"] == "Ready")
    return Gadget(
        ref=WorkloadRef(kind=BORROWED, namespace=metadata["namespace"], name=metadata["name"]),
        uid=metadata["uid"],
        resource_version=int(metadata["resourceVersion"]),
        managed=is_managed(metadata),
        marks=marks_in(spec["server"]),
        generation=metadata["generation"],
        observed_generation=status["observedGeneration"],
        stopped=spec.get("stopped", False),
        model=spec["server"].get("model"),
        ready=ready["status"] == "True",
        message=ready.get("message", ""),
    )


def patch(gadget: Gadget, change: WorkloadChange) -> JsonBody:
    if gadget.has(change) and gadget.managed:
        return {}
    return {
        "metadata": {"uid": gadget.uid, "labels": {MANAGED_LABEL: "true"}},
        "spec": {
            "server": {
                "annotations": {PREFIX + change.alias: change.mark},
                "model": change.variables[0].value,
            }
        },
    }


def why_not_patchable(gadget: Gadget, change: WorkloadChange) -> str:
    return "a gadget needs a model" if gadget.model is not None and not change.variables else ""


GADGET: Final = Kind(
    name=BORROWED,
    resource=Resource(group="gadgets.example", version="v1beta7", plural="gadgets"),
    patch_type=PatchType.MERGE,
    parse=parse,
    patch=patch,
    why_not_patchable=why_not_patchable,
    explain=lambda gadget, _, refusal: f"{gadget.ref.name} does not take it: {refusal}",
)


class OneGadget(Connection):
    """An API server that holds one gadget."""

    def __init__(self) -> None:
        self.body: dict[str, Any] = {
            "metadata": {
                "name": "api",
                "namespace": "ml",
                "uid": "u1",
                "resourceVersion": "1",
                "generation": 1,
            },
            "spec": {"server": {**BEFORE, "size": "small"}},
            "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]},
        }
        self.refusal: InvalidRequest | None = None
        self.keeps_all = False
        """Whether a webhook takes each change out again."""

    async def send(
        self,
        call: Call,
        body: JsonBody | None = None,
        *,
        patch: PatchType | None = None,
        seconds: float | None = None,
    ) -> Mapping[str, Any]:
        del seconds
        assert call.resource.path("ml", "api") == "/apis/gadgets.example/v1beta7/namespaces/ml/gadgets/api"
        if self.refusal is not None:
            raise self.refusal
        if call.verb is Verb.PATCH:
            assert patch is PatchType.MERGE
            assert isinstance(body, Mapping)
            self.body = merged(self.body, {} if self.keeps_all else body)
            self.body["metadata"]["generation"] += 1
        return self.body

    def report(self, *, ready: bool, message: str = "") -> None:
        """Let its controller say how it is, of the newest generation."""
        condition = {"type": "Ready", "status": str(ready), "message": message}
        seen = self.body["metadata"]["generation"]
        self.body = {**self.body, "status": {"observedGeneration": seen, "conditions": [condition]}}


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a merge patch makes of an object."""
    result = {**old}
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            result[key] = merged(old.get(key, {}), value)
        else:
            result[key] = value
    return result


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, BORROWED, GADGET)


@pytest.fixture
def server() -> OneGadget:
    return OneGadget()


def planned_for(workload: Workload) -> PlannedWorkload:
    return rollout.plan_workload(SERVING, workload, alias="x", model="churn", before="1", to="2", epoch=1)


def plan_of(planned: PlannedWorkload, bearing: Bearing = Bearing.FORWARD) -> Plan:
    return Plan(
        operation=Operation.PROMOTE, aliases=(), serving=(planned,), started_at=START, bearing=bearing
    )


async def test_it_is_planned_rolled_and_judged_by_its_own_rules(server: OneGadget) -> None:
    port = KubernetesWorkloads(server)
    before = await port.read(REF)
    assert before is not None
    planned = planned_for(before)
    plan = plan_of(planned)
    assert judged(plan, planned, before).stage is Stage.UNTOUCHED

    rolled = await port.roll(before, rollout.change(planned, Bearing.FORWARD, "x"))

    assert server.body["spec"] == {"server": {**AFTER, "size": "small"}}
    assert rolled.managed
    assert rollout.is_served(SERVING, rolled, alias="x", model="churn", version="2")
    assert judged(plan, planned, rolled).stage is Stage.ROLLING
    server.report(ready=False, message="it downloads")
    at = judged(plan, planned, await port.read(REF))
    assert at.message == f"{BORROWED} api: not ready: it downloads"
    server.report(ready=True)
    assert judged(plan, planned, await port.read(REF)).stage is Stage.DONE


async def test_it_goes_back_to_what_it_loaded_before(server: OneGadget) -> None:
    port = KubernetesWorkloads(server)
    before = await port.read(REF)
    assert before is not None
    planned = planned_for(before)
    rolled = await port.roll(before, rollout.change(planned, Bearing.FORWARD, "x"))

    back = await port.roll(rolled, rollout.change(planned, Bearing.BACKWARD, "x"))

    assert server.body["spec"] == {"server": {**BEFORE, "size": "small"}}
    server.report(ready=True)
    plan = plan_of(planned, Bearing.BACKWARD)
    assert judged(plan, planned, back).stage is Stage.ROLLING
    assert judged(plan, planned, await port.read(REF)).stage is Stage.DONE


def test_what_keeps_it_from_being_rolled_is_said_in_its_own_words(server: OneGadget) -> None:
    server.body["spec"]["stopped"] = True

    with pytest.raises(InvalidRequest, match=f"^{BORROWED} api is stopped: start it$"):
        planned_for(GADGET.parse(server.body))


@pytest.mark.parametrize(
    ("change", "refusal", "error", "words"),
    [
        (WorkloadChange(alias="x", mark="2"), None, InvalidRequest, "a gadget needs a model"),
        (
            AT_2,
            "spec.server.model: no such scheme",
            InvalidRequest,
            "api does not take it: spec.server.model: no such scheme",
        ),
        (
            AT_2,
            "metadata.uid: Invalid value: field is immutable",
            StaleObject,
            "made anew",
        ),
    ],
    ids=["no patch for it", "refused", "another uid"],
)
async def test_what_cannot_be_written_is_said_in_its_own_words(
    server: OneGadget, change: WorkloadChange, refusal: str | None, error: type[Exception], words: str
) -> None:
    gadget = GADGET.parse(server.body)
    server.refusal = None if refusal is None else InvalidRequest(refusal)

    with pytest.raises(error, match=words):
        await KubernetesWorkloads(server).roll(gadget, change)


async def test_an_answer_without_the_change_is_refused(server: OneGadget) -> None:
    gadget, server.keeps_all = GADGET.parse(server.body), True

    with pytest.raises(
        InvalidRequest, match=r"ml/api took the patch, but it does not hold what was written$"
    ):
        await KubernetesWorkloads(server).roll(gadget, AT_2)


async def test_the_same_values_again_are_no_write(server: OneGadget) -> None:
    port, change = KubernetesWorkloads(server), AT_2
    rolled = await port.roll(GADGET.parse(server.body), change)

    assert await port.roll(rolled, change) is rolled


def test_it_is_watched_by_its_label() -> None:
    selectors = tuning.settings().watching.label_selectors

    assert selectors["gadgets.example", "gadgets"] == "modelalias.dev/managed=true"


@in_virtual_time
async def test_the_event_of_a_roll_is_about_an_object_of_its_group() -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(KINDS, BORROWED, replace(DEPLOYMENT, resource=GADGET.resource))
        async with Cluster() as it:
            await it.model(0.8)
            it.workloads.add("api")
            it.add_alias(serving=[{"name": "api"}])
            it.ask("go", "1")
            await it.settle()

    about = next(event.about for event in it.objects.events if event.reason == "ModelRolled")
    assert about.api_version == "gadgets.example/v1beta7"
