"""StatefulSets."""

from collections.abc import Iterator
from typing import Final

from modelalias.api.workload import WorkloadKind
from modelalias.kinds.kind import Body
from modelalias.kinds.pod_template import ON_DELETE, PodWorkload, apps_kind, pod_workload, replica_counts

_PARTITION: Final = "Partition: its updateStrategy leaves the pods below the partition as they are"


def _parse(body: Body) -> PodWorkload:
    """Read a StatefulSet."""
    complaints = _complaints(body["spec"].get("updateStrategy") or {})
    return pod_workload(WorkloadKind.STATEFUL_SET, body, replica_counts(body), complaints=complaints)


def _complaints(strategy: Body) -> Iterator[str]:
    """Name what in its strategy leaves old pods alone."""
    if strategy.get("type") == "OnDelete":
        yield ON_DELETE
    if (strategy.get("rollingUpdate") or {}).get("partition"):
        yield _PARTITION


STATEFUL_SET: Final = apps_kind(WorkloadKind.STATEFUL_SET, "statefulsets", _parse)
