"""What the kinds of apps/v1 share: a pod template that is written, and counts that say how far a roll is.

The mark is an annotation of the template, so that each new one makes new pods; the version stands in literal
variables of containers, init containers included.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from modelalias.api.workload import Place, Serving, WorkloadKind
from modelalias.kinds import before_rolling
from modelalias.kinds.containers import PLAIN, Traits, literal, literals_of, traits_of
from modelalias.kinds.kind import Body, Kind
from modelalias.kinds.marks import MANAGED_LABEL, PREFIX, is_managed, last_writer, marks_in
from modelalias.ports import Replicas, Variable, Workload, WorkloadChange, WorkloadRef
from modelalias.rest import PatchType, Resource

ON_DELETE: Final = "OnDelete: its updateStrategy replaces a pod only when somebody deletes it"
BY_HAND: Final = (
    "has the updateStrategy OnDelete, which replaces a pod only when somebody deletes it: set RollingUpdate"
)
_TROUBLED: Final = (("ReplicaFailure", "True"), ("Progressing", "False"))
_LONGEST_TROUBLE: Final = 1024


class PodWorkload(Workload):
    """A workload that keeps a number of pods like its template."""

    generation: int
    observed_generation: int
    paused: bool
    desired: int
    """Replicas wanted (of a DaemonSet: nodes that should run it)."""
    updated: int
    available: int
    total: int
    """Replicas that exist, old ones included."""
    containers: Mapping[str, Mapping[str, str]]
    """Literal environment variables per container, init containers included."""
    ordered: bool = False
    """Whether its pods are made one after another, each when the one before is ready."""
    traits: Mapping[str, Traits] = {}
    """What else matters of each container."""
    obstacles: tuple[str, ...] = ()
    """What in its spec keeps it from being rolled, as `why_not_rollable` words it."""
    min_ready_seconds: int = 0
    scaler: str = ""
    """The field manager that holds `spec.replicas`; "" when that is not known."""
    selector: str = ""
    """The label selector of its pods."""
    trouble: str = ""
    """What the workload's own conditions complain of, such as a quota; empty when nothing."""

    @property
    def pod_selector(self) -> str:
        """Return what its spec selects pods by."""
        return self.selector

    @property
    def waits_for_unready(self) -> bool:
        """Return whether a pod that never becomes ready keeps the others from being made anew."""
        return self.ordered

    @property
    def is_paused(self) -> bool:
        """Return whether it is paused, as a Deployment can be."""
        return self.paused

    def value_at(self, place: Place) -> str | None:
        """Return the value of the variable."""
        return self.containers.get(place.container, {}).get(place.env)

    def text_of(self, uri: str) -> str:
        """Return the URI as a variable's value that Kubernetes expands to it."""
        return literal(uri)

    def why_fixed(self, serving: Serving, model: str) -> str:
        """Return which containers name a version of the model."""
        return "; ".join(before_rolling.why_model_is_fixed(serving.load, model, self.traits))

    def why_not_rollable(self, serving: Serving, model: str) -> str:
        """Return all that a person has to edit."""
        objections = (
            *(["is paused: resume it"] if self.paused else []),
            *self.obstacles,
            *before_rolling.why_not_writable(serving.load, self.containers, self.traits),
            *([self.why_fixed(serving, model)] if self.why_fixed(serving, model) else []),
        )
        return "; ".join(objections)

    def warnings(self, serving: Serving, model: str) -> tuple[str, ...]:
        """Return that it has no pods, or that they count as ready too early."""
        del model
        bare = before_rolling.unprobed(serving.load, self.traits, self.min_ready_seconds, self.containers)
        return (*bare, *self._without_pods())

    def _without_pods(self) -> Iterator[str]:
        if self.desired or self.observed_generation < self.generation:
            return
        if self.ref.kind is WorkloadKind.DAEMON_SET:
            yield "is wanted on no node, so that nothing loads the version"
        else:
            who = before_rolling.who_scales(self.scaler)
            yield f"has 0 replicas, so that nothing loads the version{who}"

    def traits_of(self, container: str) -> Traits:
        """Return what else matters of a container."""
        return self.traits.get(container, PLAIN)

    def has(self, change: WorkloadChange) -> bool:
        """Return whether annotation and variables are as the change wants them."""
        return self.marks.get(change.alias) == change.mark and not list(self.lacks(change))

    def lacks(self, change: WorkloadChange) -> Iterator[Variable]:
        """Yield the variables that are not as the change wants them."""
        for variable in change.variables:
            if self.containers.get(variable.container, {}).get(variable.env) != variable.value:
                yield variable

    def replicas(self) -> Replicas:
        """Return the counts of its status."""
        return Replicas(
            desired=self.desired, updated=self.updated, available=self.available, total=self.total
        )

    def is_rolled(self, short: int = 0) -> bool:
        """Return whether its newest template is on all replicas, available, with none of the old left."""
        return (
            self.observed_generation >= self.generation
            and self.updated >= self.replicas().needed(short)
            and self.available >= self.replicas().needed(short)
            and self.total <= self.updated + short
        )

    def why_not_rolled(self) -> str:
        """Return its counts and what troubles it."""
        counts = f"{self.updated} of {self.desired} updated, {self.available} available"
        old = max(0, self.total - self.updated)
        parts = [counts, *([f"{old} old left"] if old else []), *([self.trouble] if self.trouble else [])]
        return ", ".join(parts)


def pod_workload(
    kind: WorkloadKind,
    body: Body,
    counts: Iterable[int],
    *,
    paused: bool = False,
    ordered: bool = False,
    complaints: Iterable[str] = (),
    obstacles: Iterable[str] = (),
) -> PodWorkload:
    """Read what the kinds share.

    `counts` are the replicas desired, updated, available and in total; `complaints` are what else than its
    conditions keeps this kind from rolling, and `obstacles` the same for whoever looks before a roll begins.
    """
    metadata, template, status = body["metadata"], body["spec"]["template"], body.get("status") or {}
    desired, updated, available, total = counts
    return PodWorkload(
        ref=WorkloadRef(kind=kind, namespace=metadata["namespace"], name=metadata["name"]),
        uid=metadata["uid"],
        resource_version=int(metadata["resourceVersion"]),
        generation=metadata.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        paused=paused,
        ordered=ordered,
        managed=is_managed(metadata),
        desired=desired,
        updated=updated,
        available=available,
        total=total,
        marks=marks_in(template.get("metadata") or {}),
        containers=literals_of(template["spec"]),
        traits=traits_of(template["spec"]),
        obstacles=tuple(filter(None, (before_rolling.why_controlled(metadata), *obstacles))),
        min_ready_seconds=count(body["spec"], "minReadySeconds"),
        scaler=before_rolling.replicas_writer(metadata),
        selector=selector_text(body["spec"].get("selector") or {}),
        last_writer=last_writer(metadata),
        trouble=_trouble(status, complaints),
    )


def selector_text(selector: Body) -> str:
    """Return a label selector in the form of a query; "" for one that selects nothing."""
    labels = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    return ",".join(sorted([*labels, *map(_expression, selector.get("matchExpressions") or ())]))


def _expression(item: Body) -> str:
    key, values = str(item["key"]), ",".join(item.get("values") or ())
    forms = {
        "In": f"{key} in ({values})",
        "NotIn": f"{key} notin ({values})",
        "Exists": key,
        "DoesNotExist": f"!{key}",
    }
    return forms[str(item["operator"])]


def replica_counts(body: Body) -> tuple[int, int, int, int]:
    """Return the counts of a kind that has `spec.replicas`."""
    wanted, status = body["spec"].get("replicas"), body.get("status") or {}
    return (
        1 if wanted is None else int(wanted),
        count(status, "updatedReplicas"),
        count(status, "availableReplicas"),
        count(status, "replicas"),
    )


def count(status: Body, name: str) -> int:
    """Return a number of a status or spec; one that is left out is zero."""
    return int(status.get(name) or 0)


def apps_kind(name: WorkloadKind, plural: str, parse: Callable[[Body], PodWorkload]) -> Kind[PodWorkload]:
    """Describe a kind of apps/v1."""
    return Kind(
        name=name,
        resource=Resource(group="apps", version="v1", plural=plural),
        patch_type=PatchType.STRATEGIC,
        parse=parse,
        patch=patch,
        why_not_patchable=why_not_patchable,
        explain=explain,
        why_not_written=why_not_written,
    )


def patch(workload: PodWorkload, change: WorkloadChange) -> Body:
    """Build the strategic merge patch, which writes only what differs.

    There is no resourceVersion in it: an autoscaler writes often and its writes do not matter here.
    """
    template: dict[str, Any] = {}
    if workload.marks.get(change.alias) != change.mark:
        template["metadata"] = {"annotations": {PREFIX + change.alias: change.mark}}
    lists: dict[str, dict[str, list[Body]]] = {}
    for variable in workload.lacks(change):
        kept = {"$patch": "delete"} if variable.value is None else {"value": variable.value}
        field = "initContainers" if workload.traits_of(variable.container).init else "containers"
        written = lists.setdefault(field, {}).setdefault(variable.container, [])
        written.append({"name": variable.env, **kept})
    if lists:
        template["spec"] = {
            field: [{"name": name, "env": env} for name, env in items.items()]
            for field, items in lists.items()
        }
    labels = {} if workload.managed else {"labels": {MANAGED_LABEL: "true"}}
    if not template and not labels:
        return {}
    body: dict[str, Any] = {"metadata": {"uid": workload.uid, **labels}}
    if template:
        body["spec"] = {"template": template}
    return body


def why_not_patchable(workload: PodWorkload, change: WorkloadChange) -> str:
    """Return that a container is not there, or that a variable stands twice: the patch would write the first."""
    for variable in workload.lacks(change):
        name, env = variable.container, variable.env
        if name not in workload.containers:
            there = before_rolling.there_are(workload.containers)
            return f"{name_of(workload)} has no container {name} {there}"
        if variable.value is not None and env in workload.traits_of(name).twice:
            return f"{name_of(workload)} {before_rolling.twice(env, name)}"
    return ""


def explain(workload: PodWorkload, change: WorkloadChange, refusal: str) -> str:
    """Explain a refusal of a variable that is taken from elsewhere; leave any other as it is."""
    if not change.variables or ".valueFrom" not in refusal:
        return refusal
    taken = [item for item in change.variables if item.env in workload.traits_of(item.container).elsewhere]
    named = sorted(f"{item.env} of container {item.container}" for item in taken or change.variables)
    return (
        f"{name_of(workload)} takes {' or '.join(named)} from elsewhere (valueFrom): "
        "give it a literal value, or remove it, so that the operator can write it"
    )


def why_not_written(workload: PodWorkload, change: WorkloadChange) -> str:
    """Return what of the change the API server's answer lacks, and why that is."""
    lacking = list(workload.lacks(change))
    for item in lacking:
        if item.env in workload.traits_of(item.container).twice:
            return f"{name_of(workload)} {before_rolling.twice(item.env, item.container)}"
    named = [f"{item.env} of container {item.container}" for item in lacking]
    if workload.marks.get(change.alias) != change.mark:
        named = [f"the annotation {PREFIX}{change.alias}", *named]
    if not named:
        return ""
    return (
        f"{name_of(workload)} took the patch, but not {' and '.join(named)}: a mutating webhook or policy of "
        "this cluster changes that on its way in; let the operator's value through"
    )


def name_of(workload: Workload) -> str:
    """Return how messages call a workload where it may be any of the cluster's."""
    ref = workload.ref
    return f"{ref.kind} {ref.namespace}/{ref.name}"


def _trouble(status: Body, complaints: Iterable[str]) -> str:
    """Return what keeps the workload from rolling.

    Names of pods are left out of what its conditions say, because they change with each try.
    """
    conditions = [
        f"{item.get('reason', item['type'])}: {item.get('message', '')}"
        for item in status.get("conditions") or ()
        if (item.get("type"), item.get("status")) in _TROUBLED
    ]
    text = "; ".join(sorted([*conditions, *complaints]))
    return re.sub(r'\bpods "[^"]*"', "pods", text)[:_LONGEST_TROUBLE]
