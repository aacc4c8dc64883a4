"""What the kinds of apps/v1 share: a pod template that is written, and counts that say how far a roll is.

The mark is an annotation of the template, so that each new one makes new pods; the model's URI is a literal
variable of one container.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from modelalias.api.workload import Load, LoadMode, WorkloadKind
from modelalias.kinds.kind import Body, Kind
from modelalias.kinds.marks import MANAGED_LABEL, PREFIX, is_managed, marks_in
from modelalias.ports import Workload, WorkloadChange, WorkloadRef
from modelalias.rest import PatchType, Resource

ON_DELETE: Final = "OnDelete: its updateStrategy replaces a pod only when somebody deletes it"
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
    """Literal environment variables per container (init containers are left out)."""
    trouble: str = ""
    """What the workload's own conditions complain of, such as a quota; empty when nothing."""

    def uri(self, load: Load) -> str | None:
        """Return the value of the variable."""
        return self.containers.get(load.container or "", {}).get(load.env or "")

    def text_of(self, uri: str) -> str:
        """Return the URI as a variable's value that Kubernetes expands to it."""
        return literal(uri)

    def why_not_rollable(self, load: Load) -> str:
        """Return that it is paused, or that it lacks the container."""
        if self.paused:
            return "is paused: resume it"
        if load.mode is LoadMode.PINNED and load.container not in self.containers:
            there = ", ".join(sorted(self.containers)) or "none"
            return f"has no container {load.container} (there are: {there})"
        return ""

    def has(self, change: WorkloadChange) -> bool:
        """Return whether annotation and variable are as the change wants them."""
        if self.marks.get(change.alias) != change.mark:
            return False
        if change.container is None or change.env is None:
            return True
        return self.containers.get(change.container, {}).get(change.env) == change.uri

    def is_rolled(self) -> bool:
        """Return whether its newest template is on all replicas, available, with none of the old left."""
        return (
            self.observed_generation >= self.generation
            and self.updated >= self.desired
            and self.available >= self.desired
            and self.total <= self.updated
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
    complaints: Iterable[str] = (),
) -> PodWorkload:
    """Read what the kinds share.

    `counts` are the replicas desired, updated, available and in total; `complaints` are what else than its
    conditions keeps this kind from rolling.
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
        managed=is_managed(metadata),
        desired=desired,
        updated=updated,
        available=available,
        total=total,
        marks=marks_in(template.get("metadata") or {}),
        containers={item["name"]: _literals(item) for item in template["spec"]["containers"]},
        trouble=_trouble(status, complaints),
    )


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
    """Return a count of a status; one that is left out is zero."""
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
    )


def patch(workload: PodWorkload, change: WorkloadChange) -> Body:
    """Build the strategic merge patch, which writes only what differs.

    There is no resourceVersion in it: an autoscaler writes often and its writes do not matter here.
    """
    template: dict[str, Any] = {}
    if workload.marks.get(change.alias) != change.mark:
        template["metadata"] = {"annotations": {PREFIX + change.alias: change.mark}}
    variables = {} if change.container is None else workload.containers[change.container]
    if change.env is not None and variables.get(change.env) != change.uri:
        kept = {"value": change.uri} if change.uri is not None else {"$patch": "delete"}
        template["spec"] = {"containers": [{"name": change.container, "env": [{"name": change.env, **kept}]}]}
    labels = {} if workload.managed else {"labels": {MANAGED_LABEL: "true"}}
    if not template and not labels:
        return {}
    body: dict[str, Any] = {"metadata": {"uid": workload.uid, **labels}}
    if template:
        body["spec"] = {"template": template}
    return body


def why_not_patchable(workload: PodWorkload, change: WorkloadChange) -> str:
    """Return that no container has that name, with those there are."""
    if change.container is None or change.container in workload.containers:
        return ""
    ref, there = workload.ref, ", ".join(sorted(workload.containers))
    return f"{ref.kind} {ref.namespace}/{ref.name} has no container {change.container!r}, it has: {there}"


def explain(workload: PodWorkload, change: WorkloadChange, refusal: str) -> str:
    """Explain a refusal of a variable that is taken from elsewhere; leave any other as it is."""
    if not change.env or ".valueFrom" not in refusal:
        return refusal
    ref = workload.ref
    return (
        f"container {change.container} of {ref.kind} {ref.namespace}/{ref.name} takes {change.env} from "
        "elsewhere (valueFrom): give it a literal value, or none, so that the operator can write it"
    )


def literal(text: str) -> str:
    """Return the value of a variable that the pods get as this text.

    Kubernetes replaces `$(NAME)` by another variable of the container and `$$` by `$`.
    """
    return text.replace("$", "$$")


def _literals(container: Body) -> Mapping[str, str]:
    """Return the variables that stand in the template itself; those taken from elsewhere are left out."""
    return {
        item["name"]: item.get("value") or ""
        for item in container.get("env") or ()
        if "valueFrom" not in item
    }


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
