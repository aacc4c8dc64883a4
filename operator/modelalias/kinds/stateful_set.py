"""StatefulSets."""

from typing import Final

from modelalias.api.workload import WorkloadKind
from modelalias.kinds.kind import Body
from modelalias.kinds.pod_template import (
    BY_HAND,
    ON_DELETE,
    PodWorkload,
    apps_kind,
    count,
    pod_workload,
    replica_counts,
)

_PARTITION: Final = "Partition: its updateStrategy leaves the pods below the partition as they are"


def _parse(body: Body) -> PodWorkload:
    """Read a StatefulSet."""
    strategy, counts = body["spec"].get("updateStrategy") or {}, replica_counts(body)
    by_hand = strategy.get("type") == "OnDelete"
    partition = count(strategy.get("rollingUpdate") or {}, "partition")
    return pod_workload(
        WorkloadKind.STATEFUL_SET,
        body,
        counts,
        ordered=body["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady",
        complaints=[*([ON_DELETE] if by_hand else []), *([_PARTITION] if partition else [])],
        obstacles=[
            *([BY_HAND] if by_hand else []),
            *([_left_old(partition, counts[0])] if partition else []),
        ],
    )


def _left_old(partition: int, replicas: int) -> str:
    return (
        f"has a partition of {partition} in its updateStrategy, which leaves {min(partition, replicas)} of "
        f"{replicas} pods as they are: set it to 0"
    )


STATEFUL_SET: Final = apps_kind(WorkloadKind.STATEFUL_SET, "statefulsets", _parse)
