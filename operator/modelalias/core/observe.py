"""What is looked at before anything is decided for an alias.

The registry's aliases, a soak, a pin that is gone.
"""

from datetime import timedelta
from typing import Final, NamedTuple

from modelalias.api.alias import ModelAlias, ModelAliasStatus, NamedVersion, Observed, Pins, Soaking
from modelalias.api.conditions import Cause, Reason
from modelalias.core.automatic import retention
from modelalias.core.errors import ModelNotFound, Refused, Unanswerable, VersionNotFound
from modelalias.core.judging import evaluation
from modelalias.core.judging.evaluation import Owner
from modelalias.core.ledger import history
from modelalias.core.protocol.answers import ANSWER_POLL
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft
from modelalias.core.protocol.facts import Failed

UNANSWERABLE_POLL: Final = timedelta(minutes=1)
"""How often a model is read that could not be though its registry answers."""


class Observation(NamedTuple):
    """The status after the look at the registry, and why there is nothing to look at."""

    status: ModelAliasStatus
    missing: Cause | None
    refused: Cause | None = None
    """Why this model cannot be read, though its registry answers."""


def observe(context: Context, alias: ModelAlias, draft: Draft) -> Observation:
    """Bring the status up to date with what stands outside.

    What has to be stopped first is left in the draft.
    """
    status, missing, refused = _observe_registry(context, alias, draft)
    if refused is not None:
        return Observation(status, None, refused)
    if context.policies.problem is not None:  # which rules there are is not known, so what they need stays
        return Observation(status, missing)
    status = _observe_soak(context, alias, status)
    return Observation(_without_stale_pin(context, alias, status, draft), missing)


def _observe_registry(context: Context, alias: ModelAlias, draft: Draft) -> Observation:
    """Bring `observed` up to date with the registry, and adopt at first sight what the alias names already."""
    status, spec, snapshot, now = alias.status, alias.spec, context.registry.snapshot, context.now
    aliases = None if snapshot is None else snapshot.aliases
    seen = None if aliases is None else aliases.get(spec.alias)
    if status.observed is not None:
        same = aliases is not None and seen == status.observed.version
        if snapshot is None or same:
            return Observation(status, None)
        if not snapshot.after_last_write:
            draft.wake(now + ANSWER_POLL)  # the next snapshot may be like this one, and wakes nobody then
            return Observation(status, None)
    try:
        first = (
            status.observed is None and seen is not None and snapshot is not None and snapshot.after_creation
        )
        version = seen if first else context.facts.aliases(spec.model).get(spec.alias)
        if status.observed is None:
            status = _first_sight(context, alias, version)
            draft.wake(None if status.observed is not None else now + ANSWER_POLL)
            return Observation(status, None)
    except ModelNotFound as error:
        return Observation(status, Cause(Reason.MODEL_NOT_FOUND, str(error)))
    except Failed as failed:
        lasts = isinstance(failed.error, Unanswerable)
        draft.wake(now + (UNANSWERABLE_POLL if lasts else ANSWER_POLL))
        if lasts or isinstance(failed.error, Refused):
            message = f"model {spec.model} cannot be read: {failed.error}"
            return Observation(status, None, Cause(failed.reason, message))
        return Observation(status, None)
    if version == status.observed.version:
        return Observation(status, None)
    before = status.observed
    observed = Observed(
        version=version,
        at=now,
        epoch=before.epoch + 1,
        own_epoch=before.rolled,
        strayed_at=before.strayed_at or (snapshot.same_until if snapshot else None) or before.at,
    )
    return Observation(status.with_observed(observed), None)


def _first_sight(context: Context, alias: ModelAlias, version: str | None) -> ModelAliasStatus:
    """Take over what the alias names already, as the very version that it is now."""
    observed = Observed(version=version, at=context.now, epoch=0 if version is None else 1, own_epoch=0)
    if version is None:
        return alias.status.with_observed(observed)
    current = NamedVersion(version=version, since=context.now)
    try:
        found = context.facts.version(alias.spec.model, version)
    except VersionNotFound:
        return alias.status  # deleted a moment ago: the next snapshot says what the alias names now
    current = current.changed(run_id=found.run_id, registered_at=found.registered_at)
    status = alias.status.adopted(observed, current, history.adopted(current))
    return retention.noticed(context, alias, status, found)


def _observe_soak(context: Context, alias: ModelAlias, status: ModelAliasStatus) -> ModelAliasStatus:
    """Remember since when the alias of the soak names what it names, as far as the operator has seen it."""
    rules, snapshot = alias.spec.policy.eligibility, context.registry.snapshot
    if rules is None or rules.soak is None:
        return status.with_soaking(None)
    if snapshot is None or snapshot.aliases is None:
        return status
    seen, known = snapshot.aliases.get(rules.soak.alias), status.soaking
    if known is not None and (known.alias, known.version) == (rules.soak.alias, seen):
        return status
    return status.with_soaking(Soaking(alias=rules.soak.alias, version=seen, since=context.now))


def _without_stale_pin(
    context: Context, alias: ModelAlias, status: ModelAliasStatus, draft: Draft
) -> ModelAliasStatus:
    """Drop the verdict on a pin that no longer stands, once nothing is measured for it any more."""
    pin = status.pin
    if pin is None or (alias.spec.version == pin.version and alias.spec.policy.pins is Pins.GATED):
        return status
    try:
        stop = evaluation.leftover(
            pin.evaluation, Owner(context.namespace, alias.metadata.uid), context.facts
        )
    except Failed:
        draft.wake(context.now + ANSWER_POLL)
        return status
    if stop is not None:
        draft.do(stop)
        return status
    return status.with_pin(None)
