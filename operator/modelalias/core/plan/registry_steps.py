"""The steps of a plan in the registry: aliases, the records of versions, tags, the source alias."""

from collections.abc import Iterator

from modelalias.api.alias import Bearing, ModelAlias, Plan
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase
from modelalias.core.errors import NotFound, VersionNotFound
from modelalias.core.judging import tag_keys
from modelalias.core.ledger import history
from modelalias.core.ledger.accepted import is_same
from modelalias.core.ledger.record_text import tag_key
from modelalias.core.ledger.signed_record import place_of, record_of, write
from modelalias.core.ledger.version_record import VersionRecord
from modelalias.core.plan.same_version import refuse_another
from modelalias.core.plan.step import CannotGoOn, Step
from modelalias.core.protocol.decision import Do
from modelalias.core.protocol.effects import DeleteAlias, Effect, SetAlias, TagVersion
from modelalias.core.protocol.facts import Facts
from modelalias.ports import ModelVersion, Notary


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
        if (
            present != move.named and move.name == alias.spec.alias
        ):  # previousAlias is written whoever moved it
            yield CannotGoOn(
                failure=Reason.STALE_CHAMPION,
                message=f"someone moved alias {move.name} to {present or 'nothing'} while it was being moved "
                f"from {move.named or 'nothing'} to {move.to or 'nothing'}",
            )
        if move.name == alias.spec.alias:
            yield from refuse_another(alias, plan, facts)
        yield _unless_refused(_point(alias, move.name, move.to), facts)


def restore_aliases(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    """Move back each alias that names its new version."""
    try:
        aliases = facts.aliases(alias.spec.model)
    except NotFound:
        return
    for move in reversed(plan.aliases):
        if move.from_ != move.to and aliases.get(move.name) == move.to:
            another = (
                next(refuse_another(alias, plan, facts), None) if move.name == alias.spec.alias else None
            )
            if another is not None:
                yield another
                continue
            yield _unless_refused(_point(alias, move.name, move.from_), facts)


def record_move(
    alias: ModelAlias, plan: Plan, facts: Facts, notary: Notary, phase: Phase | None = None
) -> Iterator[Step]:
    """Record on its version how the move ended, once it has, where the registry takes that.

    Without the record only replays are not known. Without a phase that is how the plan ends as it stands.
    """
    move = history.moved(plan, alias.spec.alias)
    if move.to is None or move.to == move.from_:
        return
    try:
        version = facts.version(alias.spec.model, move.to)
    except NotFound as error:
        if plan.bearing is Bearing.FORWARD:
            yield CannotGoOn(failure=Reason.VERSION_GONE, message=str(error))
        return
    before = record_of(notary, alias, version)
    record = before.with_promotion(plan, alias.spec.alias, phase)
    if before == record:
        return
    effect = _record(notary, alias, version, record)
    if plan.bearing is Bearing.FORWARD and isinstance(facts.failure(effect), VersionNotFound):
        yield _unless_refused(effect, facts)
    elif facts.failure(effect) is None:
        yield Do(effect)


def record_replacement(alias: ModelAlias, plan: Plan, facts: Facts, notary: Notary) -> Iterator[Step]:
    """Write on the version that was replaced what replaced it; the promotion does not depend on it."""
    move = history.moved(plan, alias.spec.alias)
    if move.from_ is None or move.from_ == move.to:
        return
    try:
        version = facts.version(alias.spec.model, move.from_)
    except NotFound:
        return
    current = alias.status.current
    if current is not None and current.version == move.from_ and not is_same(version, current):
        return  # made anew under its number: nobody accepted this one
    before = record_of(notary, alias, version)
    record = before.replaced_by(plan, alias.spec.alias, alias.status)
    if record != before:
        effect = _record(notary, alias, version, record)
        if facts.failure(effect) is None:
            yield Do(effect)


def withdraw_replacement(alias: ModelAlias, plan: Plan, facts: Facts, notary: Notary) -> Iterator[Step]:
    """Undo what was done when everything else was.

    The replaced version's record tells of it, and so goes last.
    """
    move = history.moved(plan, alias.spec.alias)
    if move.from_ is None or move.from_ == move.to:
        return
    try:
        aliases = facts.aliases(alias.spec.model)
        version = facts.version(alias.spec.model, move.from_)
    except NotFound:
        return
    before = record_of(notary, alias, version)
    record = before.without_replacement(plan)
    if record == before or aliases.get(alias.spec.alias) != move.from_:
        return
    source = plan.source_alias
    if source is not None and source.name not in aliases:
        effect: Effect = SetAlias(model=alias.spec.model, alias=source.name, version=source.version)
        yield _unless_refused(effect, facts)
    effect = _record(notary, alias, version, record)
    if facts.failure(effect) is None:
        yield Do(effect)


def on_success(alias: ModelAlias, plan: Plan, facts: Facts, notary: Notary) -> Iterator[Step]:
    """Set the request's tags, record the replacement, remove the source alias, and last record the success."""
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
    yield from record_replacement(alias, plan, facts, notary)
    source = plan.source_alias
    if source is not None and facts.aliases(alias.spec.model).get(source.name) == source.version:
        yield _unless_refused(DeleteAlias(model=alias.spec.model, alias=source.name), facts)
    yield from record_move(alias, plan, facts, notary)


def _point(alias: ModelAlias, name: str, version: str | None) -> Effect:
    model = alias.spec.model
    if version is None:
        return DeleteAlias(model=model, alias=name)
    return SetAlias(model=model, alias=name, version=version)


def _record(notary: Notary, alias: ModelAlias, version: ModelVersion, record: VersionRecord) -> TagVersion:
    tag = (tag_key(alias.spec.alias), write(notary, place_of(alias, version), record))
    return TagVersion(model=alias.spec.model, version=version.version, tags=(tag,), optional=True)


def _unless_refused(effect: Effect, facts: Facts) -> Do | CannotGoOn:
    """Write to the registry, unless it refused this very write for good."""
    refused = facts.failure(effect)
    if refused is None:
        return Do(effect)
    reason = Reason.VERSION_GONE if isinstance(refused, VersionNotFound) else Reason.INVALID
    return CannotGoOn(failure=reason, message=str(refused))
