"""The kinds of workload that can be rolled, one file each.

A new kind is one more file and one more line in the table; what else it touches stands in
`docs/decisions/0051-a-workload-kind-is-one-file.md`. All that watch, read, patch or report on workloads go
through the table. The rules of the core do not: they ask the `Workload` that a kind's `parse` returns.
"""

from collections.abc import Mapping
from typing import Any, Final

from modelalias.api.workload import WorkloadKind
from modelalias.kinds.daemon_set import DAEMON_SET
from modelalias.kinds.deployment import DEPLOYMENT
from modelalias.kinds.inference_service import INFERENCE_SERVICE
from modelalias.kinds.kind import Kind
from modelalias.kinds.rollout import ROLLOUT
from modelalias.kinds.stateful_set import STATEFUL_SET

_ALL: Final[tuple[Kind[Any], ...]] = (
    DEPLOYMENT,
    STATEFUL_SET,
    DAEMON_SET,
    ROLLOUT,
    INFERENCE_SERVICE,
)

KINDS: Final[Mapping[WorkloadKind, Kind[Any]]] = {kind.name: kind for kind in _ALL}
"""Each kind under the name that `spec.serving[].kind` has for it."""
