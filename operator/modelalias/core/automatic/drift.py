"""Correcting drift: setting the alias back, or taking over what somebody moved it to."""

from collections.abc import Iterable

from modelalias.api.alias import (
    Drift,
    LoadMode,
    ModelAlias,
    Operation,
    Outcome,
    Plan,
    ServingState,
    ServingStatus,
)
from modelalias.core.errors import NotFound
from modelalias.core.ledger.accepted import is_same
from modelalias.core.plan.build import build_correction
from modelalias.core.protocol.answers import ANSWER_POLL, Answered, NotReady, Proceeds, VerdictSoFar
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft
from modelalias.core.protocol.facts import Failed
from modelalias.core.serving.look import look
from modelalias.core.status.drift import has_drifted, is_contended, why_left


def correction(context: Context, alias: ModelAlias, draft: Draft) -> Proceeds | None:
    """Return the plan that corrects a drift as `spec.drift` says; None where there is none to correct now."""
    status = alias.status
    if status.current is None and alias.spec.drift is not Drift.ADOPT:
        return None
    left = why_left(context, alias)
    if left is not None:
        draft.wake(left.until)
        return None
    try:
        plan = _plan(context, alias, draft)
    except NotFound:
        return None
    except Failed:
        draft.wake(context.now + ANSWER_POLL)
        return None
    except Answered as answered:
        draft.wake(answered.answer.until if isinstance(answered.answer, NotReady) else None)
        return None
    return None if plan is None else Proceeds(plan, VerdictSoFar())


def _plan(context: Context, alias: ModelAlias, draft: Draft) -> Plan | None:
    if has_drifted(alias.status):
        named = context.facts.aliases(alias.spec.model).get(alias.spec.alias)
        if alias.status.observed is None or named != alias.status.observed.version:
            return None  # it was moved again: the next snapshot tells
        return (
            _restored(context, alias, named, draft)
            if alias.spec.drift is Drift.RESTORE
            else _adopted(context, alias, named)
        )
    return _rolled_after(context, alias, draft)


def _restored(context: Context, alias: ModelAlias, named: str | None, draft: Draft) -> Plan | None:
    """Set the alias back; workloads are rolled only where pods may have loaded what it named meanwhile."""
    current = alias.status.current
    if current is None:
        return None
    version = context.facts.version(alias.spec.model, current.version)
    if not is_same(version, current):
        return None  # made anew under its number: nobody accepted this one
    reason = f"drift: {alias.spec.drift}: somebody moved {alias.spec.alias} from {current.version} to {named or 'nothing'}"
    if _has_strayed(alias, look(context, alias, draft, at_once=True)):
        try:
            return build_correction(context, alias, version, Operation.RESTORE, reason, rolls=True)
        except Answered:
            pass  # a workload that cannot be rolled now must not keep the alias from being set back
    return build_correction(context, alias, version, Operation.RESTORE, reason, rolls=False)


def _adopted(context: Context, alias: ModelAlias, named: str | None) -> Plan | None:
    """Take over the version that somebody moved the alias to."""
    if named is None:
        return None
    version = context.facts.version(alias.spec.model, named)
    current = alias.status.current
    before = "nothing" if current is None else current.version
    reason = f"drift: {alias.spec.drift}: somebody moved {alias.spec.alias} from {before} to {named}"
    return build_correction(context, alias, version, Operation.ADOPT, reason, rolls=True)


def _rolled_after(context: Context, alias: ModelAlias, draft: Draft) -> Plan | None:
    """Roll pods that started between the look and the move back, and so may have loaded another version."""
    status = alias.status
    last, current = status.history[-1:], status.current
    if alias.spec.drift is not Drift.RESTORE or alias.spec.suspend or current is None or not last:
        return None
    was_set_back = last[0].operation is Operation.RESTORE and last[0].outcome is Outcome.SUCCEEDED
    if not was_set_back or is_contended(context, alias) or not _has_strayed(alias, status.serving):
        return None
    if not _has_strayed(alias, look(context, alias, draft, at_once=True)):
        return None
    version = context.facts.version(alias.spec.model, current.version)
    if not is_same(version, current):
        return None
    reason = f"drift: {alias.spec.drift}: pods started while {alias.spec.alias} named another version"
    return build_correction(context, alias, version, Operation.RESTORE, reason, rolls=True)


def _has_strayed(alias: ModelAlias, serving: Iterable[ServingStatus]) -> bool:
    """Return whether pods that resolve the alias themselves run, or may run, another version."""
    resolving = {(item.kind, item.name) for item in alias.spec.serving if item.mode is LoadMode.ALIAS}
    return any(
        item.state is ServingState.UNKNOWN or any(count.version != item.desired for count in item.pods)
        for item in serving
        if (item.kind, item.name) in resolving
    )
