"""Pods: which version each of them runs, and why the newest one is not ready.

A pod that was told its version (mode Pinned) says it in its variables. One that resolves the alias loaded what
the alias named when it started: its mark says what that was when the template was written, and the time at
which it started says whether the alias had been moved by hand by then.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from modelalias.api.alias import LoadMode, ModelAlias, Serving
from modelalias.api.serving_status import PodCount
from modelalias.core.errors import Refused
from modelalias.core.protocol.facts import Facts, Failed
from modelalias.core.serving.mark import epoch_of, version_of
from modelalias.ports import Pod, Workload, WorkloadRef

CLOCKS: Final = timedelta(seconds=10)
"""How far apart the clocks of nodes and the operator's looks at the registry may be."""

_LONGEST_LINES: Final = 400


def pods_of(facts: Facts, ref: WorkloadRef, *, fresh: bool = False) -> Sequence[Pod] | None:
    """Return the pods that are there to stay; None when the operator may not list them."""
    try:
        found = facts.pods(ref, fresh=fresh)
    except Failed as failed:
        if isinstance(failed.error, Refused):
            return None
        raise
    return [pod for pod in found if not pod.ending]


def version_of_pod(pod: Pod, alias: ModelAlias, serving: Serving, workload: Workload) -> str | None:
    """Return the version that a pod runs; None when that is not known."""
    if workload.needs_address:
        return version_of(pod.marks.get(alias.metadata.name, ""))
    if serving.mode is LoadMode.PINNED:
        return workload.pinned_in(pod.containers, serving, alias.spec.model)
    annotation, observed = pod.marks.get(alias.metadata.name), alias.status.observed
    if observed is None:
        return None
    first = pod.started or pod.created
    if first > observed.at + CLOCKS:
        return observed.version
    if annotation is None or epoch_of(annotation) != observed.rolled:
        return None
    strayed, last = observed.strayed_at, pod.last_started or first
    return version_of(annotation) if strayed is None or last < strayed - CLOCKS else None


def count(
    pods: Sequence[Pod], alias: ModelAlias, serving: Serving, workload: Workload
) -> tuple[PodCount, ...]:
    """Return how many pods run which version, the newest version first and those that are not known last."""
    named = [(version_of_pod(pod, alias, serving, workload), pod.ready) for pod in pods]
    all_of, ready = (
        Counter(version for version, _ in named),
        Counter(item for item, is_ready in named if is_ready),
    )
    order = sorted(all_of, key=lambda version: -int(version or 0))
    return tuple(PodCount(version=item, pods=all_of[item], ready=ready[item]) for item in order)


def restarts(pods: Sequence[Pod]) -> int:
    """Return how often containers of the pods were restarted."""
    return sum(pod.restarts for pod in pods)


def cause(facts: Facts, pods: Sequence[Pod], mark: str | None = None, alias: str = "") -> str:
    """Return why the newest pod that is not ready is not, with the last lines of what crashed.

    With a mark, of the pods made from the template that has it. "" when there is nothing to say.
    """
    troubled = (pod for pod in pods if pod.trouble and (mark is None or pod.marks.get(alias) == mark))
    pod = next(troubled, None)
    if pod is None:
        return ""
    if not pod.crashed:
        return f"newest pod: {pod.trouble}"
    try:
        lines = facts.last_lines_of_pod(pod.ref, pod.crashed, pod.restarts)
    except Failed:
        lines = ""
    ends = f"; its last lines: {lines[-_LONGEST_LINES:].strip()}" if lines.strip() else ""
    return f"newest pod: {pod.trouble}{ends}"
