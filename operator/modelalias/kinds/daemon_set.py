"""DaemonSets, which count nodes where the others count replicas."""

from typing import Final

from modelalias.api.workload import WorkloadKind
from modelalias.kinds.kind import Body
from modelalias.kinds.pod_template import BY_HAND, ON_DELETE, PodWorkload, apps_kind, count, pod_workload

_COUNTS: Final = (
    "desiredNumberScheduled",
    "updatedNumberScheduled",
    "numberAvailable",
    "currentNumberScheduled",
)


def _parse(body: Body) -> PodWorkload:
    """Read a DaemonSet."""
    status, strategy = body.get("status") or {}, body["spec"].get("updateStrategy") or {}
    counts = [count(status, name) for name in _COUNTS]
    by_hand = strategy.get("type") == "OnDelete"
    return pod_workload(
        WorkloadKind.DAEMON_SET,
        body,
        counts,
        complaints=[ON_DELETE] if by_hand else [],
        obstacles=[BY_HAND] if by_hand else [],
    )


DAEMON_SET: Final = apps_kind(WorkloadKind.DAEMON_SET, "daemonsets", _parse)
