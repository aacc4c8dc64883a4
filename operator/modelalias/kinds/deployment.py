"""Deployments."""

from typing import Final

from modelalias.api.workload import WorkloadKind
from modelalias.kinds.kind import Body
from modelalias.kinds.pod_template import PodWorkload, apps_kind, pod_workload, replica_counts


def _parse(body: Body) -> PodWorkload:
    """Read a Deployment, the only one of the three that can be paused."""
    paused = bool(body["spec"].get("paused", False))
    return pod_workload(WorkloadKind.DEPLOYMENT, body, replica_counts(body), paused=paused)


DEPLOYMENT: Final = apps_kind(WorkloadKind.DEPLOYMENT, "deployments", _parse)
