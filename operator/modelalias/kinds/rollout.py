"""Rollouts of Argo Rollouts, whose own canary or blue-green does the rolling.

Their template is a pod template, so what it says is read as that of a Deployment. Their list of containers has no
merge keys, because a CRD knows no strategic merge patch: a JSON patch writes the variables of one container and
tests that they are still as they were read, so that nothing which others wrote meanwhile is lost.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelalias.api.fields import Value
from modelalias.api.workload import LoadMode, Serving, WorkloadKind
from modelalias.kinds import pod_template
from modelalias.kinds.kind import Body, Kind
from modelalias.kinds.marks import MANAGED_LABEL, PREFIX
from modelalias.kinds.pod_template import PodWorkload, pod_workload, replica_counts
from modelalias.ports import WorkloadChange
from modelalias.rest import JsonBody, PatchType, Resource

_TEMPLATE: Final = "/spec/template"
_LONGEST: Final = 1024
_INCONCLUSIVE: Final = frozenset({"InconclusiveAnalysisRun", "InconclusiveExperiment"})
_NO_TEMPLATE: Final[Body] = {"spec": {"containers": []}}

Environment = tuple[Mapping[str, Any], ...]


class EnvironmentAt(Value):
    """Where the variables of a container stand."""

    container: str
    path: str
    """JSON pointer to the container."""
    env: Environment | None
    """As they were read, those taken from elsewhere included; None where there is no such list."""


class ArgoRollout(PodWorkload):
    """A Rollout."""

    phase: str
    """What its controller makes of it: Healthy, Progressing, Paused or Degraded."""
    message: str
    aborted: bool
    promoted: bool
    """Whether its newest template is what it calls stable."""
    waits: str
    """Which pause waits for a person; "" when none does."""
    step: str
    """How far its canary is; "" without steps."""
    keeps_old: bool
    """Whether old pods stay for a while after they get no more requests: blue-green, or a canary with a traffic
    router."""
    template_of: str
    """Whose pod template it takes in place of its own; "" when it has its own."""
    places: tuple[EnvironmentAt, ...]
    has_labels: bool
    has_metadata: bool
    """Whether its template has metadata."""
    has_annotations: bool
    """Whether its template has annotations."""

    @property
    def is_observed(self) -> bool:
        """Return whether its controller has seen what is written: before, its status is about something else."""
        return self.observed_generation >= self.generation

    @property
    def is_paused(self) -> bool:
        """Return whether nothing goes on until somebody resumes or promotes it; a pause of a set time is none."""
        return super().is_paused or bool(self.waits and self.is_observed)

    def how_to_resume(self) -> str:
        """Return what to do where it is paused, or what its pause waits for."""
        if self.paused or not self.waits:
            return super().how_to_resume()
        return f"{self.waits} waits for `kubectl argo rollouts promote {self.ref.name}`"

    def why_not_rollable(self, serving: Serving, model: str) -> str:
        """Return that its pod template is somebody else's, or what a pod template lacks."""
        if self.template_of:
            return (
                f"takes its pod template from {self.template_of} (spec.workloadRef), and the operator writes only "
                "into the Rollout: put the template into its spec.template"
            )
        return super().why_not_rollable(serving, model)

    def warnings(self, serving: Serving, model: str) -> tuple[str, ...]:
        """Return what its own way of rolling makes doubtful."""
        found = list(super().warnings(serving, model))
        if serving.load.mode is LoadMode.ALIAS:
            found.append(
                "has pods that resolve the alias when they start: those of its stable ReplicaSet that start anew load "
                "the new version while its canary runs, so use mode Pinned"
            )
        if self.aborted and self.is_observed:
            found.append(
                "was aborted: what is in its template and was aborted is rolled again by the next version"
            )
        return tuple(found)

    def is_rolled(self, short: int = 0) -> bool:
        """Return whether its controller calls it healthy and its newest template stable.

        Where replicas were missing before, it goes on to be Progressing.
        """
        healthy = self.phase == "Healthy" or (short > 0 and self.phase == "Progressing")
        counted = self.changed(total=min(self.total, self.updated)) if self.keeps_old else self
        return healthy and self.promoted and PodWorkload.is_rolled(counted, short)

    def why_failed(self) -> str:
        """Return what its controller says of a roll that it gave up, or that somebody aborted.

        `status.abort` is what a person writes, and Degraded is what the controller answers, with a message.
        """
        if not self.is_observed or self.phase != "Degraded":
            return ""
        return f"its controller gave it up: {self.message or self.phase}"

    def why_not_rolled(self) -> str:
        """Return its counts, its step, and what it waits for."""
        parts = [super().why_not_rolled()]
        if not self.is_observed:
            return f"{parts[0]}, Argo Rollouts has not seen the change"
        if self.step:
            parts.append(self.step)
        if self.waits:
            parts.append(self.how_to_resume())
        elif self.phase not in {"", "Healthy"}:
            parts.append(f"{self.phase}: {self.message}" if self.message else self.phase)
        return ", ".join(parts)


def _parse(body: Body) -> ArgoRollout:
    """Read a Rollout."""
    spec, status = body["spec"], body.get("status") or {}
    elsewhere = spec.get("workloadRef") or {}
    template = spec.get("template") or _NO_TEMPLATE
    if "spec" not in template:
        template = {**template, **_NO_TEMPLATE}
    observed = str(status.get("observedGeneration") or "")
    known = {
        **body,
        "spec": {**spec, "template": template},
        "status": {**status, "observedGeneration": int(observed) if observed.isdecimal() else 0},
    }
    paused = bool(spec.get("paused", False))
    base = pod_workload(WorkloadKind.ROLLOUT, known, replica_counts(body), paused=paused)
    strategy = spec.get("strategy") or {}
    canary = strategy.get("canary") or {}
    metadata = template.get("metadata")
    return ArgoRollout(
        **{name: getattr(base, name) for name in PodWorkload.model_fields if name != "trouble"},
        trouble=_nameless(base.trouble),
        phase=str(status.get("phase") or ""),
        message=_nameless(str(status.get("message") or "")),
        aborted=bool(status.get("abort", False)),
        promoted=bool(status.get("stableRS")) and status["stableRS"] == status.get("currentPodHash"),
        waits=_pause_for_a_person(strategy, status),
        step=_step(canary, status),
        keeps_old="blueGreen" in strategy or "trafficRouting" in canary,
        template_of=f"{elsewhere.get('kind')} {elsewhere.get('name')}" if elsewhere else "",
        places=tuple(_places(template["spec"])),
        has_labels="labels" in body["metadata"],
        has_metadata=metadata is not None,
        has_annotations=bool((metadata or {}).get("annotations")),
    )


def _nameless(text: str) -> str:
    """Leave out the names of ReplicaSets and pods: they end in a hash."""
    return re.sub(r'\b(ReplicaSet|pods) "[^"]*"', r"\1", text)[:_LONGEST]


def _pause_for_a_person(strategy: Body, status: Body) -> str:
    """Name the pause that only a person ends, "" when there is none: one with a duration is a part of the roll."""
    reasons = {str(item.get("reason")) for item in status.get("pauseConditions") or ()}
    if reasons & _INCONCLUSIVE:
        return "its analysis was inconclusive and"
    if "BlueGreenPause" in reasons and not (strategy.get("blueGreen") or {}).get("autoPromotionSeconds"):
        return "its blue-green"
    if "CanaryPauseStep" not in reasons:
        return ""
    steps, at = (strategy.get("canary") or {}).get("steps") or (), int(status.get("currentStepIndex") or 0)
    pause = (steps[at].get("pause") or {}) if at < len(steps) else {}
    return "" if "duration" in pause else "its canary"


def _step(canary: Body, status: Body) -> str:
    """Return at which step the canary is, counted from 1; "" without steps, and when all are done."""
    steps, at = canary.get("steps") or (), status.get("currentStepIndex")
    return "" if at is None or at >= len(steps) else f"canary step {at + 1} of {len(steps)}"


def _places(pod: Body) -> Iterator[EnvironmentAt]:
    """Return where the variables of each container are, init containers included."""
    for field in ("containers", "initContainers"):
        for index, item in enumerate(pod.get(field) or ()):
            env = item.get("env")
            yield EnvironmentAt(
                container=item["name"],
                path=f"{_TEMPLATE}/spec/{field}/{index}",
                env=None if env is None else tuple(env),
            )


def _patch(rollout: ArgoRollout, change: WorkloadChange) -> JsonBody:
    """Build the JSON patch, which writes only what differs and tests what it replaces.

    There is no resourceVersion in it: the controller writes the status at every step of a canary, and that does not
    matter here.
    """
    operations = [*_label(rollout), *_mark(rollout, change), *_variables(rollout, change)]
    if not operations:
        return []
    return [{"op": "replace", "path": "/metadata/uid", "value": rollout.uid}, *operations]


def _label(rollout: ArgoRollout) -> Iterator[Body]:
    if rollout.managed:
        return
    if not rollout.has_labels:
        yield from _new_map("/metadata/labels")
    yield {"op": "add", "path": f"/metadata/labels/{_escaped(MANAGED_LABEL)}", "value": "true"}


def _mark(rollout: ArgoRollout, change: WorkloadChange) -> Iterator[Body]:
    if rollout.marks.get(change.alias) == change.mark:
        return
    path = f"{_TEMPLATE}/metadata/annotations"
    key = f"{path}/{_escaped(PREFIX + change.alias)}"
    if change.mark is None:
        yield {"op": "remove", "path": key}
        return
    if not rollout.has_metadata:
        yield from _new_map(f"{_TEMPLATE}/metadata")
    if not rollout.has_annotations:
        yield from _new_map(path)
    yield {"op": "add", "path": key, "value": change.mark}


def _variables(rollout: ArgoRollout, change: WorkloadChange) -> Iterator[Body]:
    """Write the whole list of a container's variables, if it is still the one that was read."""
    lacking = {variable.container for variable in rollout.lacks(change)}
    for place in rollout.places:
        if place.container not in lacking:
            continue
        wanted, before = _wanted(change).get(place.container, {}), list(place.env or ())
        there = {item["name"] for item in before}
        new = [name for name, value in wanted.items() if value is not None and name not in there]
        after = [
            *(_rewritten(item, wanted) for item in before if wanted.get(item["name"], "") is not None),
            *({"name": name, "value": wanted[name]} for name in new),
        ]
        yield {"op": "test", "path": f"{place.path}/name", "value": place.container}
        yield {"op": "test", "path": f"{place.path}/env", "value": None if place.env is None else before}
        yield {"op": "add", "path": f"{place.path}/env", "value": after}


def _wanted(change: WorkloadChange) -> Mapping[str, Mapping[str, str | None]]:
    """Return what is to stand in which variables, for each container."""
    wanted: dict[str, dict[str, str | None]] = {}
    for variable in change.variables:
        wanted.setdefault(variable.container, {})[variable.env] = variable.value
    return wanted


def _rewritten(item: Body, wanted: Mapping[str, str | None]) -> Body:
    return {"name": item["name"], "value": wanted[item["name"]]} if item["name"] in wanted else item


def _new_map(path: str) -> Iterator[Body]:
    """Add a map where there is none; null stands for what is missing in a test."""
    yield {"op": "test", "path": path, "value": None}
    yield {"op": "add", "path": path, "value": {}}


def _escaped(key: str) -> str:
    """Return a key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _why_not_patchable(rollout: ArgoRollout, change: WorkloadChange) -> str:
    """Return that there is no such container, or that its variable is no literal: the API server would take both."""
    objection = pod_template.why_not_patchable(rollout, change)
    if objection:
        return objection
    for variable in rollout.lacks(change):
        if variable.value is not None and variable.env in rollout.traits_of(variable.container).elsewhere:
            return pod_template.explain(rollout, change, ".valueFrom")
    return ""


ROLLOUT: Final = Kind(
    name=WorkloadKind.ROLLOUT,
    resource=Resource(group="argoproj.io", version="v1alpha1", plural="rollouts"),
    patch_type=PatchType.JSON,
    parse=_parse,
    patch=_patch,
    why_not_patchable=_why_not_patchable,
    comes_with="Argo Rollouts",
    why_not_written=pod_template.why_not_written,
)
