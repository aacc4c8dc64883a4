"""How a workload stands while nothing moves: what it is asked to run, what its pods run, and why not.

Where all its replicas are of its newest template, the template and the counts tell; otherwise its pods are
looked at. Nothing here is taken from an earlier rollout but what it accepted: a workload that was not whole
before it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from modelalias.api.alias import (
    LoadMode,
    ModelAlias,
    Outcome,
    Serving,
    ServingState,
    ServingStatus,
)
from modelalias.api.serving_status import PodCount
from modelalias.core.protocol.facts import Facts
from modelalias.core.serving import pods as pods_seen
from modelalias.core.serving.mark import epoch_of, version_of
from modelalias.ports import Pod, Replicas, Workload, WorkloadRef


class _Found(NamedTuple):
    """What was found of a workload."""

    state: ServingState
    message: str = ""
    counts: tuple[PodCount, ...] = ()


def standing(
    facts: Facts, alias: ModelAlias, serving: Serving, before: ServingStatus | None
) -> ServingStatus:
    """Return how a workload of the spec stands; `before` is what the status says of it.

    Raises what `Facts` raises while the workload or its pods cannot be read.
    """
    ref = WorkloadRef(kind=serving.kind, namespace=alias.metadata.namespace, name=serving.name)
    desired = None if alias.status.current is None else alias.status.current.version
    entry = ServingStatus(kind=serving.kind, name=serving.name, desired=desired, state=ServingState.UNKNOWN)
    workload = facts.workload(ref)
    if workload is None:
        return entry.changed(state=ServingState.MISSING, message=f"there is no {_label(serving)}")
    same = before is not None and before.uid == workload.uid
    short = _accepted_shortfall(before if same else None, workload.replicas())
    asked = asked_version(alias, serving, workload)
    entry = entry.changed(uid=workload.uid, asked=asked, short=short or None)
    found = _found(facts, alias, serving, workload, entry)
    warnings = workload.warnings(serving, alias.spec.model)
    return entry.changed(
        state=found.state,
        pods=found.counts,
        served=served_version(found.counts),
        warnings=warnings,
        message=_with_warnings(found, serving, warnings),
    )


def _with_warnings(found: _Found, serving: Serving, warnings: Sequence[str]) -> str:
    """Return what was found and the warnings; that it has no replicas is one of them."""
    said = "" if found.state is ServingState.NO_REPLICAS and warnings else found.message
    return "; ".join(filter(None, [said, *(f"{_label(serving)} {item}" for item in warnings)]))


def asked_version(alias: ModelAlias, serving: Serving, workload: Workload) -> str | None:
    """Return the version that the template of a workload asks for; None when none, or another model's."""
    if serving.mode is LoadMode.PINNED:
        return workload.asks_for(serving, alias.spec.model)
    annotation = workload.marks.get(alias.metadata.name)
    return None if annotation is None else version_of(annotation)


def served_version(counts: Sequence[PodCount]) -> str | None:
    """Return the version that all ready pods run; None when they differ, or one of them is not known."""
    ready = {item.version for item in counts if item.ready}
    return next(iter(ready)) if len(ready) == 1 else None


def _found(
    facts: Facts,
    alias: ModelAlias,
    serving: Serving,
    workload: Workload,
    entry: ServingStatus,
) -> _Found:
    label, desired, replicas = _label(serving), entry.desired, workload.replicas()
    if desired is None:
        return _Found(ServingState.UNKNOWN)
    if replicas is not None and replicas.desired == 0:
        return _Found(
            ServingState.NO_REPLICAS, f"{label} has 0 replicas: nothing has loaded version {desired}"
        )
    fixed = workload.why_fixed(serving, alias.spec.model)
    if fixed:
        return _Found(ServingState.DIVERGED, f"{label} {fixed}")
    if workload.needs_address and entry.asked is None and alias.metadata.name not in workload.marks:
        return _Found(
            ServingState.UNKNOWN, f"{label}: which version it loads is not known before the next move"
        )
    if serving.mode is LoadMode.PINNED and entry.asked != desired:
        return _elsewhere(facts, alias, serving, workload, entry)
    if _is_certain(alias, serving, entry, workload) and workload.is_rolled():
        return _Found(ServingState.UP_TO_DATE, "", _by_replicas(desired, replicas))
    pods = pods_seen.pods_of(facts, workload.ref)
    if pods is not None and _are_older(pods, replicas):
        pods = pods_seen.pods_of(facts, workload.ref, fresh=True)
    if pods is None:
        return _Found(ServingState.UNKNOWN, f"{label}: the operator may not list its pods")
    counts = pods_seen.count(pods, alias, serving, workload)
    return _by_pods(
        facts, alias, serving, workload, entry, pods, counts, _marked_otherwise(alias, workload, entry)
    )


def _are_older(pods: Sequence[Pod], replicas: Replicas | None) -> bool:
    """Return whether pods were looked at before the counts were written: more are available than were ready."""
    return replicas is not None and sum(pod.ready for pod in pods) < replicas.available


def _by_replicas(version: str, replicas: Replicas | None) -> tuple[PodCount, ...]:
    """Return the counts of a workload all of whose pods run one version."""
    if replicas is None:
        return ()
    pods = min(replicas.updated, replicas.total)  # what its controller keeps of an old template serves nobody
    return (PodCount(version=version, pods=pods, ready=min(replicas.available, pods)),)


def _by_pods(
    facts: Facts,
    alias: ModelAlias,
    serving: Serving,
    workload: Workload,
    entry: ServingStatus,
    pods: Sequence[Pod],
    counts: tuple[PodCount, ...],
    lost: str,
) -> _Found:
    """Judge a workload by its pods, where its template and counts do not tell."""
    label, desired, replicas = _label(serving), entry.desired, workload.replicas()
    ready = sum(item.ready for item in counts)
    others = [item for item in counts if item.version not in {None, desired} and item.ready]
    if others:
        named = ", ".join(f"{item.ready} run version {item.version}" for item in others)
        return _Found(ServingState.DIVERGED, f"{label}: of {ready} ready pods {named}{lost}", counts)
    if any(item.version is None and item.ready for item in counts):
        message = f"{label}: which version its pods loaded is not known before the next move{lost}"
        return _Found(ServingState.UNKNOWN, message, counts)
    enough = replicas is None or (ready > 0 and replicas.available >= replicas.needed(entry.short or 0))
    if enough and (replicas is not None or workload.is_rolled()):
        return _Found(ServingState.UP_TO_DATE, lost.removeprefix("; "), counts)
    why = "; ".join(filter(None, [workload.why_not_rolled(), pods_seen.cause(facts, pods)]))
    failed = alias.status.history[-1:] and alias.status.history[-1].outcome is Outcome.FAILED
    return _Found(ServingState.FAILED if failed else ServingState.DEGRADED, f"{label}: {why}{lost}", counts)


def _elsewhere(
    facts: Facts, alias: ModelAlias, serving: Serving, workload: Workload, entry: ServingStatus
) -> _Found:
    """Tell what a workload asks for that is pinned to another version, and who wrote it."""
    asks = f"version {entry.asked}" if entry.asked else f"no version of {alias.spec.model}"
    pods = pods_seen.pods_of(facts, workload.ref) or ()
    message = f"{_label(serving)} asks for {asks}, not for version {entry.desired}{_writer(workload)}"
    return _Found(ServingState.DIVERGED, message, pods_seen.count(pods, alias, serving, workload))


def _marked_otherwise(alias: ModelAlias, workload: Workload, entry: ServingStatus) -> str:
    """Tell who took away the mark of a template whose pods resolve the alias themselves."""
    adopted = alias.status.history[-1:] and alias.status.history[-1].is_first_sight
    if entry.asked == entry.desired or (entry.asked is None and adopted):
        return ""
    marked = f"version {entry.asked}" if entry.asked else "no version"
    return f"; its template is marked for {marked}{_writer(workload)}"


def _is_certain(alias: ModelAlias, serving: Serving, entry: ServingStatus, workload: Workload) -> bool:
    """Return whether every pod of the newest template runs the version that the template asks for."""
    if entry.asked != entry.desired:
        return False
    if serving.mode is LoadMode.PINNED:
        return True
    observed, annotation = alias.status.observed, workload.marks.get(alias.metadata.name, "")
    return observed is not None and observed.strayed_at is None and epoch_of(annotation) == observed.rolled


def _accepted_shortfall(before: ServingStatus | None, replicas: Replicas | None) -> int:
    """Return how many replicas a rollout accepted as missing, until they are there."""
    if before is None or before.short is None or replicas is None:
        return 0
    return before.short if replicas.available < replicas.desired else 0


def _writer(workload: Workload) -> str:
    """Name who wrote last, as far as managedFields say: who only takes fields away leaves no entry there."""
    return f"; the last known writer is {workload.last_writer}" if workload.last_writer else ""


def _label(serving: Serving) -> str:
    return f"{serving.kind} {serving.name}"
