"""The look at the workloads while nothing moves, and how soon a change is told.

A status must not change with every breath of a pod: fewer available pods count once that has lasted, and what
was told is told anew a minute later at the earliest. What pods run instead is told at once.
"""

from datetime import timedelta
from typing import Final

from modelalias.api.alias import ModelAlias, Serving, ServingState, ServingStatus, Verify
from modelalias.core.errors import Refused
from modelalias.core.protocol.answers import ANSWER_POLL
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft
from modelalias.core.protocol.facts import Failed
from modelalias.core.serving.standing import asked_version, standing
from modelalias.core.serving.verification import Proof, proof
from modelalias.ports import WorkloadRef

QUIET: Final = timedelta(seconds=60)
"""How long what was told of the workloads stays as it is."""

DIP: Final = timedelta(seconds=30)
"""How long fewer pods than wanted may be available before it is told; with none it is told at once."""

TROUBLE_POLL: Final = timedelta(seconds=60)
"""How often a workload is looked at that is not as it should be: its pods, or one without the label, change
without any watch telling of it."""

_TROUBLED: Final = frozenset({ServingState.DEGRADED, ServingState.FAILED, ServingState.DIVERGED})

_ASKED: Final = frozenset({ServingState.UP_TO_DATE, ServingState.DEGRADED, ServingState.UNKNOWN})


def look(
    context: Context, alias: ModelAlias, draft: Draft, *, at_once: bool = False
) -> tuple[ServingStatus, ...]:
    """Return how each workload of the spec stands now, as far as it is time to tell, or all of it at once.

    Raises `Needed` for what has to be read.
    """
    known = {(item.kind, item.name): item for item in alias.status.serving}
    quiet = context.serving.quiet_until
    if quiet is not None and context.now < quiet and not at_once:
        draft.wake(quiet)
        return tuple(known.get((item.kind, item.name), _unknown(alias, item)) for item in alias.spec.serving)
    return tuple(
        _look_at(context, alias, item, known.get((item.kind, item.name)), draft)
        for item in alias.spec.serving
    )


def _look_at(
    context: Context, alias: ModelAlias, serving: Serving, before: ServingStatus | None, draft: Draft
) -> ServingStatus:
    try:
        if before is not None and _only_dips(context, alias, serving, before, draft):
            return before
        entry = standing(context.facts, alias, serving, before)
        entry = _verified(context, alias, serving, entry)
        workload = context.facts.workload(_ref(alias, serving))
    except Failed as failed:
        draft.wake(context.now + ANSWER_POLL)
        if isinstance(failed.error, Refused):
            return _dated(context, _unknown(alias, serving, f"it cannot be read: {failed.error}"), before)
        return before or _unknown(alias, serving)
    watched = workload is not None and workload.managed
    unsettled = _TROUBLED if watched else _TROUBLED | {ServingState.MISSING}
    lost_label = not watched and workload is not None and alias.metadata.name in workload.marks
    unproved = serving.verify is not None and entry.desired is not None and not entry.verified
    if entry.state in unsettled or lost_label or unproved:
        draft.wake(context.now + TROUBLE_POLL)
    return _dated(context, entry, before)


def _only_dips(
    context: Context, alias: ModelAlias, serving: Serving, before: ServingStatus, draft: Draft
) -> bool:
    """Return whether fewer pods are available for a moment only, as far as one can tell yet."""
    ref = WorkloadRef(kind=before.kind, namespace=alias.metadata.namespace, name=before.name)
    since = context.serving.dips.get(ref)
    if since is None or before.state is not ServingState.UP_TO_DATE or context.now >= since + DIP:
        return False
    workload = context.facts.workload(ref)
    replicas = None if workload is None else workload.replicas()
    if workload is None or workload.uid != before.uid or replicas is None or not replicas.available:
        return False
    if asked_version(alias, serving, workload) != before.asked:
        return False
    draft.wake(since + DIP)
    return True


def _verified(context: Context, alias: ModelAlias, serving: Serving, entry: ServingStatus) -> ServingStatus:
    """Ask the ready pods, where the owner wants that; what they say outweighs what their template says."""
    if serving.verify is None or entry.desired is None or entry.state not in _ASKED:
        return entry
    found = _proof(context, alias, serving, serving.verify, entry.desired)
    said = found.message and f"{serving.kind} {serving.name}: {found.message}"
    unknown = entry.state is ServingState.UNKNOWN
    known_now = unknown and found.verified is not None
    message = "; ".join(filter(None, [said, "" if known_now else entry.message]))
    state = entry.state
    if found.verified is False:
        state = ServingState.DIVERGED
    elif known_now:
        state = (
            ServingState.UP_TO_DATE if _is_enough(context, alias, serving, entry) else ServingState.DEGRADED
        )
    served = entry.desired if found.verified else None if found.verified is False else entry.served
    return entry.changed(state=state, verified=found.verified, served=served, message=message)


def _is_enough(context: Context, alias: ModelAlias, serving: Serving, entry: ServingStatus) -> bool:
    """Return whether as many replicas are available as are needed."""
    workload = context.facts.workload(_ref(alias, serving))
    replicas = None if workload is None else workload.replicas()
    return replicas is None or replicas.available >= replicas.needed(entry.short or 0)


def _proof(context: Context, alias: ModelAlias, serving: Serving, verify: Verify, version: str) -> Proof:
    try:
        answers = context.facts.pod_answers(_ref(alias, serving), verify)
        return proof(answers, alias.spec.model, version)
    except Failed as failed:
        if not isinstance(failed.error, Refused):
            raise
        return Proof(None, f"its pods cannot be asked: {failed.error}")


def _dated(context: Context, entry: ServingStatus, before: ServingStatus | None) -> ServingStatus:
    """Keep since when it stands so."""
    same = before is not None and (before.state, before.uid) == (entry.state, entry.uid)
    since = before.since if same and before is not None else None
    return entry.changed(since=since or context.now)


def _unknown(alias: ModelAlias, serving: Serving, message: str = "") -> ServingStatus:
    current = alias.status.current
    return ServingStatus(
        kind=serving.kind,
        name=serving.name,
        desired=None if current is None else current.version,
        state=ServingState.UNKNOWN,
        message=f"{serving.kind} {serving.name}: {message}" if message else "",
    )


def _ref(alias: ModelAlias, serving: Serving) -> WorkloadRef:
    return WorkloadRef(kind=serving.kind, namespace=alias.metadata.namespace, name=serving.name)
