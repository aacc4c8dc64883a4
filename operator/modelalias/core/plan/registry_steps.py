"""The steps of a plan in the registry: aliases, the records of versions, tags, the source alias."""

from collections.abc import Iterator

from modelalias.api.alias import Bearing, ModelAlias, Plan
from modelalias.api.conditions import Reason
from modelalias.core.errors import NotFound, VersionNotFound
from modelalias.core.judging import tag_keys
from modelalias.core.ledger import history
from modelalias.core.ledger.record_text import fit, parse, tag_key
from modelalias.core.plan.step import CannotGoOn, Step
from modelalias.core.protocol.decision import Do
from modelalias.core.protocol.effects import DeleteAlias, Effect, SetAlias, TagVersion
from modelalias.core.protocol.facts import Facts


def move_aliases(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    """Move each alias that does not name its new version yet; somebody else's move turns the plan round."""
    try:
        aliases = facts.aliases(alias.spec.model)
    except NotFound as error:
        yield CannotGoOn(failure=Reason.MODEL_NOT_FOUND, message=str(error))
        return
    for move in plan.aliases:
        present = aliases.get(move.name)
        if present == move.to:
            continue
        if present != move.from_:
            yield CannotGoOn(
                failure=Reason.STALE_CHAMPION,
                message=f"someone moved alias {move.name} to {present or 'nothing'} while it was being moved "
                f"from {move.from_ or 'nothing'} to {move.to or 'nothing'}",
            )
        yield _unless_refused(_point(alias, move.name, move.to), facts)


def restore_aliases(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    """Move back each alias that names its new version."""
    try:
        aliases = facts.aliases(alias.spec.model)
    except NotFound:
        return
    for move in reversed(plan.aliases):
        if move.from_ != move.to and aliases.get(move.name) == move.to:
            yield _unless_refused(_point(alias, move.name, move.from_), facts)


def record_move(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    """Record the move on its version, where the registry takes that.

    Without the record only replays are not known.
    """
    move, key = history.moved(plan, alias.spec.alias), tag_key(alias.spec.alias)
    if move.to is None or move.to == move.from_:
        return
    try:
        before = facts.version(alias.spec.model, move.to).tags.get(key)
    except NotFound as error:
        if plan.bearing is Bearing.FORWARD:
            yield CannotGoOn(failure=Reason.VERSION_GONE, message=str(error))
        return
    record = fit(parse(before).with_promotion(plan, alias.spec.alias))
    if before == record:
        return
    effect = _record(alias, move.to, key, record)
    if plan.bearing is Bearing.FORWARD and isinstance(facts.failure(effect), VersionNotFound):
        yield _unless_refused(effect, facts)
    elif facts.failure(effect) is None:
        yield Do(effect)


def record_replacement(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    """Write on the version that was replaced what replaced it; the promotion does not depend on it."""
    move, key = history.moved(plan, alias.spec.alias), tag_key(alias.spec.alias)
    if move.from_ is None or move.from_ == move.to:
        return
    try:
        before = parse(facts.version(alias.spec.model, move.from_).tags.get(key))
    except NotFound:
        return
    record = before.replaced_by(plan, alias.spec.alias, alias.status)
    if record != before:
        effect = _record(alias, move.from_, key, fit(record))
        if facts.failure(effect) is None:
            yield Do(effect)


def withdraw_replacement(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    """Undo what was done when everything else was.

    The replaced version's record tells of it, and so goes last.
    """
    move, key = history.moved(plan, alias.spec.alias), tag_key(alias.spec.alias)
    if move.from_ is None or move.from_ == move.to:
        return
    try:
        aliases = facts.aliases(alias.spec.model)
        before = parse(facts.version(alias.spec.model, move.from_).tags.get(key))
    except NotFound:
        return
    record = before.without_replacement(plan)
    if record == before or aliases.get(alias.spec.alias) != move.from_:
        return
    source = plan.source_alias
    if source is not None and source.name not in aliases:
        effect: Effect = SetAlias(model=alias.spec.model, alias=source.name, version=source.version)
        yield _unless_refused(effect, facts)
    effect = _record(alias, move.from_, key, fit(record))
    if facts.failure(effect) is None:
        yield Do(effect)


def on_success(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    """Set the request's tags, record the replacement and remove the source alias."""
    version = history.moved(plan, alias.spec.alias).to
    if plan.tags and version is not None:
        try:
            tags = facts.version(alias.spec.model, version).tags
        except NotFound as error:
            yield CannotGoOn(failure=Reason.VERSION_GONE, message=str(error))
            return
        # a value that somebody set meanwhile stays
        missing = tuple(item for item in sorted(plan.tags.items()) if tag_keys.find(tags, item[0]) is None)
        if missing:
            yield _unless_refused(TagVersion(model=alias.spec.model, version=version, tags=missing), facts)
    yield from record_replacement(alias, plan, facts)
    source = plan.source_alias
    if source is not None and facts.aliases(alias.spec.model).get(source.name) == source.version:
        yield _unless_refused(DeleteAlias(model=alias.spec.model, alias=source.name), facts)


def _point(alias: ModelAlias, name: str, version: str | None) -> Effect:
    model = alias.spec.model
    if version is None:
        return DeleteAlias(model=model, alias=name)
    return SetAlias(model=model, alias=name, version=version)


def _record(alias: ModelAlias, version: str, key: str, record: str) -> TagVersion:
    return TagVersion(model=alias.spec.model, version=version, tags=((key, record),), optional=True)


def _unless_refused(effect: Effect, facts: Facts) -> Do | CannotGoOn:
    """Write to the registry, unless it refused this very write for good."""
    refused = facts.failure(effect)
    if refused is None:
        return Do(effect)
    reason = Reason.VERSION_GONE if isinstance(refused, VersionNotFound) else Reason.INVALID
    return CannotGoOn(failure=reason, message=str(refused))
