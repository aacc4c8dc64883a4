"""Deployments, StatefulSets and DaemonSets: read for a roll's judgement, rolled by one small patch.

`parse_workload` and `patch_for` are pure; `KubernetesWorkloads` only carries their values to the API server
and back.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from modelalias.adapters.kubernetes_client import Call, Connection, Missing, Verb
from modelalias.api.alias import WorkloadKind
from modelalias.api.fields import GROUP
from modelalias.core.errors import Conflict, InvalidRequest
from modelalias.ports import Workload, WorkloadChange, WorkloadRef
from modelalias.rest import PatchType, Resource

PREFIX: Final = f"{GROUP}/"
MANAGED_LABEL: Final = f"{PREFIX}managed"

_RESOURCES: Final = {
    WorkloadKind.DEPLOYMENT: Resource(group="apps", version="v1", plural="deployments"),
    WorkloadKind.STATEFUL_SET: Resource(group="apps", version="v1", plural="statefulsets"),
    WorkloadKind.DAEMON_SET: Resource(group="apps", version="v1", plural="daemonsets"),
}
_TROUBLED: Final = (("ReplicaFailure", "True"), ("Progressing", "False"))

Body = Mapping[str, Any]


class KubernetesWorkloads:
    """The port `Workloads` on a real API server."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection, which the caller closes."""
        self._connection = connection

    async def read(self, ref: WorkloadRef) -> Workload | None:
        """Read a workload afresh."""
        try:
            body = await self._connection.send(_call(Verb.GET, ref))
        except Missing:
            return None
        return parse_workload(ref.kind, body)

    async def roll(self, workload: Workload, change: WorkloadChange) -> Workload:
        """Write annotation, variable and label in one patch and return the workload as it stands after.

        The same values again are no write. Raise `Conflict` when the workload is gone or was made anew under
        another uid, and `InvalidRequest` when it has no container of that name or the variable is not a
        literal.
        """
        patch = patch_for(workload, change)
        if not patch:
            return workload
        ref = workload.ref
        try:
            body = await self._connection.send(_call(Verb.PATCH, ref), patch, patch=PatchType.STRATEGIC)
        except Missing as error:
            raise Conflict(gone(ref)) from error
        except InvalidRequest as error:
            if "metadata.uid" in str(error):
                raise Conflict(made_anew(ref)) from error
            if change.env and ".valueFrom" in str(error):
                raise InvalidRequest(not_literal(ref, change)) from error
            raise
        return parse_workload(ref.kind, body)


def parse_workload(kind: WorkloadKind, body: Body) -> Workload:
    """Read a workload from a watch event or an answer of the API server."""
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    template = spec["template"]
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    desired, updated, available, total = _counts(kind, spec, status)
    return Workload(
        ref=WorkloadRef(kind=kind, namespace=metadata["namespace"], name=metadata["name"]),
        uid=metadata["uid"],
        resource_version=int(metadata["resourceVersion"]),
        generation=metadata.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        paused=bool(spec.get("paused", False)),
        managed=(metadata.get("labels") or {}).get(MANAGED_LABEL) == "true",
        desired=desired,
        updated=updated,
        available=available,
        total=total,
        marks={
            key.removeprefix(PREFIX): value for key, value in annotations.items() if key.startswith(PREFIX)
        },
        containers={item["name"]: _literals(item) for item in template["spec"]["containers"]},
        trouble=_trouble(spec, status),
    )


def patch_for(workload: Workload, change: WorkloadChange) -> Body:
    """Build the strategic merge patch that brings the workload to the change; empty when it is there already.

    The uid in it makes the API server refuse the patch for a workload that was made anew. There is no
    resourceVersion: an autoscaler writes often and its writes do not matter here. Raise `InvalidRequest` when
    no container has that name.
    """
    template: dict[str, Any] = {}
    if workload.marks.get(change.alias) != change.mark:
        template["metadata"] = {"annotations": {PREFIX + change.alias: change.mark}}
    if change.container is not None:
        variables = workload.containers.get(change.container)
        if variables is None:
            raise InvalidRequest(no_container(workload, change.container))
        if change.env is not None and variables.get(change.env) != change.uri:
            kept = {"value": change.uri} if change.uri is not None else {"$patch": "delete"}
            template["spec"] = {
                "containers": [{"name": change.container, "env": [{"name": change.env, **kept}]}]
            }
    labels = {} if workload.managed else {"labels": {MANAGED_LABEL: "true"}}
    if not template and not labels:
        return {}
    patch: dict[str, Any] = {"metadata": {"uid": workload.uid, **labels}}
    if template:
        patch["spec"] = {"template": template}
    return patch


def no_container(workload: Workload, name: str) -> str:
    """Say which containers there are."""
    ref = workload.ref
    return f"{ref.kind} {ref.namespace}/{ref.name} has no container {name!r}, it has: {', '.join(sorted(workload.containers))}"


def not_literal(ref: WorkloadRef, change: WorkloadChange) -> str:
    """Say that a variable is taken from elsewhere."""
    return (
        f"container {change.container} of {ref.kind} {ref.namespace}/{ref.name} takes {change.env} from elsewhere "
        "(valueFrom): give it a literal value, or none, so that the operator can write it"
    )


def gone(ref: WorkloadRef) -> str:
    """Say that a workload was deleted."""
    return f"{ref.kind} {ref.namespace}/{ref.name} is gone"


def made_anew(ref: WorkloadRef) -> str:
    """Say that a workload is not the one that was read."""
    return f"{ref.kind} {ref.namespace}/{ref.name} was deleted and made anew since it was read"


def _call(verb: Verb, ref: WorkloadRef) -> Call:
    return Call(verb=verb, resource=_RESOURCES[ref.kind], namespace=ref.namespace, name=ref.name)


def _counts(kind: WorkloadKind, spec: Body, status: Body) -> tuple[int, int, int, int]:
    """Return desired, updated, available and total replicas, whatever the kind calls them."""
    if kind is WorkloadKind.DAEMON_SET:
        names = (
            "desiredNumberScheduled",
            "updatedNumberScheduled",
            "numberAvailable",
            "currentNumberScheduled",
        )
        desired, updated, available, total = (int(status.get(name) or 0) for name in names)
        return desired, updated, available, total
    wanted = spec.get("replicas")
    updated, available, total = (
        int(status.get(name) or 0) for name in ("updatedReplicas", "availableReplicas", "replicas")
    )
    return 1 if wanted is None else int(wanted), updated, available, total


def _literals(container: Body) -> Mapping[str, str]:
    """Return the variables that stand in the template itself; those taken from elsewhere are left out."""
    return {
        item["name"]: item.get("value") or ""
        for item in container.get("env") or ()
        if "valueFrom" not in item
    }


def _trouble(spec: Body, status: Body) -> str:
    """Return what keeps the workload from rolling.

    Its conditions' complaints, or a strategy that leaves old pods alone. The names of pods are left out of
    the complaints, because they change with each try.
    """
    found = [
        f"{item.get('reason', item['type'])}: {item.get('message', '')}"
        for item in status.get("conditions") or ()
        if (item.get("type"), item.get("status")) in _TROUBLED
    ]
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        found.append("OnDelete: its updateStrategy replaces a pod only when somebody deletes it")
    if (strategy.get("rollingUpdate") or {}).get("partition"):
        found.append("Partition: its updateStrategy leaves the pods below the partition as they are")
    return re.sub(r'\bpods "[^"]*"', "pods", "; ".join(sorted(found)))[:1024]
