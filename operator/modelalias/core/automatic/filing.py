"""Which request the operator files next in its own name, and what the status says of monitors and candidates."""

from modelalias.api.alias import ModelAlias, ModelAliasStatus, MonitorStatus
from modelalias.core.automatic import promotion, rollback
from modelalias.core.monitoring.writing import merged, worth_writing
from modelalias.core.protocol.answers import ANSWER_POLL
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft
from modelalias.core.protocol.effects import FileRequest
from modelalias.core.protocol.facts import Failed
from modelalias.core.status import monitors


def next_request(context: Context, alias: ModelAlias, draft: Draft) -> tuple[ModelAlias, FileRequest | None]:
    """Return the request that the operator files next, and the alias with what its status says of that.

    A rollback comes before a promotion.
    """
    try:
        alias, effect = _watched(context, alias, draft)
        if effect is not None:
            return alias, effect
        candidate = promotion.wanted(context, alias)
    except Failed:
        draft.wake(context.now + ANSWER_POLL)
        return alias, None
    rule = alias.spec.policy.auto_promote
    if candidate.again or (rule is not None and rule.from_versions is not None):
        draft.wake(context.now + promotion.SEARCH)
    return alias.with_status(alias.status.with_auto_promote(candidate.status)), candidate.effect


def _watched(context: Context, alias: ModelAlias, draft: Draft) -> tuple[ModelAlias, FileRequest | None]:
    """Bring the monitors up to date where that is worth a write, and return the rollback that follows from them."""
    written = alias.status.monitors
    seen = merged(alias.spec.monitors, context.by_itself.monitors, written)
    followed = rollback.follow(context, alias.with_status(alias.status.with_monitors(seen)))
    if followed.again:
        draft.wake(context.now + promotion.SEARCH)
    draft.wake(followed.opens)
    status = followed.status
    worth = worth_writing(written, status.monitors, context.now, context.by_itself.monitors_written)
    if not worth.now:
        status = status.with_monitors(written)
    draft.wake(worth.later)
    draft.wake(monitors.next_change(status, context.now))
    return alias.with_status(status), followed.effect


def while_away(
    context: Context,
    alias: ModelAlias,
    draft: Draft,
    why: str = "nothing is rolled back while the registry does not answer",
) -> ModelAliasStatus:
    """Return the status with the monitors as they stand while nothing follows from them, and why not."""
    seen = _seen(context, alias)
    status = rollback.while_away(alias.with_status(alias.status.with_monitors(seen)), why)
    written = context.by_itself.monitors_written
    worth = worth_writing(alias.status.monitors, status.monitors, context.now, written)
    draft.wake(worth.later)
    status = status if worth.now else alias.status
    draft.wake(monitors.next_change(status, context.now))
    return status


def _seen(context: Context, alias: ModelAlias) -> tuple[MonitorStatus, ...]:
    """Return how the monitors stand; while the rules are not known, those that a policy gave are kept."""
    written, known = alias.status.monitors, context.by_itself.monitors
    if context.policies.problem is None:
        return merged(alias.spec.monitors, known, written)
    return tuple(known.get(item.name, item) for item in written)
