"""The tag on versions that an alias has left behind (`policy.retention`): a note, by which nothing is decided.

Where something is decided by a tag of that name it is not written, and is taken away again.
Looked at last, when nothing else is to be done, so that a registry that does not take the tag keeps nothing from
moving. The status remembers which versions have it; where that is as it should be, the registry is asked nothing.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from modelalias.api.alias import (
    ArchivedVersion,
    HistoryEntry,
    ModelAlias,
    ModelAliasStatus,
    Outcome,
    Retention,
)
from modelalias.api.fields import timestamp_text
from modelalias.core.errors import NotFound
from modelalias.core.judging import retention_tag, tag_keys
from modelalias.core.ledger import accepted
from modelalias.core.protocol.answers import ANSWER_POLL
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft
from modelalias.core.protocol.effects import Effect, TagVersion, UntagVersion
from modelalias.core.protocol.facts import Facts, Failed
from modelalias.ports import Aliases, ModelVersion

RETRY: Final = timedelta(minutes=5)
"""When a tag is tried again that the registry did not take."""
_MOST: Final = 40
"""Versions that are looked after, the newest; the status has room for a few that the history forgot."""

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def followed(context: Context, alias: ModelAlias, draft: Draft) -> ModelAliasStatus:
    """Return the status with the versions that have the tag, once they do; what is to be written is left in the draft."""
    rules = alias.spec.policy.retention
    if rules is None or alias.spec.suspend or draft.effect is not None or not draft.records:
        return alias.status
    if context.policies.problem is not None:
        return alias.status
    try:
        return _followed(context, alias, rules, draft)
    except NotFound:  # the model is gone
        return alias.status
    except Failed:
        draft.wake(context.now + ANSWER_POLL)
        return alias.status


def noticed(
    context: Context, alias: ModelAlias, status: ModelAliasStatus, version: ModelVersion | None
) -> ModelAliasStatus:
    """Return the status after a look at a version that the alias came to, which may have the tag from long ago."""
    rules = alias.spec.policy.retention
    if rules is None or version is None or not _is_ours(alias, version.tags.get(rules.tag)):
        return status
    if not retention_tag.is_fit(context, alias):  # what a policy reads may be of somebody else
        return status
    if version.version in {item.version for item in status.archived}:
        return status
    return status.with_archived((*status.archived, ArchivedVersion(version=version.version, tag=rules.tag)))


def _followed(context: Context, alias: ModelAlias, rules: Retention, draft: Draft) -> ModelAliasStatus:
    status, known = alias.status, {item.version: item for item in alias.status.archived}
    order = tuple(_accepted(status))
    kept, behind = set(order[: rules.keep]), order[rules.keep :][:_MOST]
    if not retention_tag.is_fit(context, alias):
        kept, behind = {*order, *known}, ()
    renamed = {item.version for item in known.values() if item.tag not in {None, rules.tag}} & set(behind)
    differs = bool(set(behind) - known.keys() or kept & known.keys() or renamed)
    if not (differs or known):
        return status
    aliases = _aliases(context, alias, draft, differs=differs)
    if aliases is None:
        return status
    named = set(aliases.values())
    wanted = [version for version in behind if version not in named]
    away = [item for item in known.values() if item.version in kept | named | renamed]
    wanted, away = _due(context, rules, wanted, away, known, draft)
    for version, effect, after in _steps(context.facts, alias, rules, away, wanted, known):
        if effect is None:
            known.pop(version, None)
            if after is not None:
                known[version] = after
        else:
            draft.do(effect)
            return status
    return status.with_archived(known.values())


def _due(
    context: Context,
    rules: Retention,
    wanted: Iterable[str],
    away: Iterable[ArchivedVersion],
    known: Container[str],
    draft: Draft,
) -> tuple[list[str], list[ArchivedVersion]]:
    """Leave those out that the registry did not take a moment ago: each pass would ask it again."""
    later = context.tags_put_off
    giving = {
        item: later[item, rules.tag] for item in wanted if (item, rules.tag) in later and item not in known
    }
    taking = {
        item.version: later[item.version, item.tag]
        for item in away
        if item.tag is not None and (item.version, item.tag) in later
    }
    draft.wake(min((*giving.values(), *taking.values()), default=None))
    return (
        [item for item in wanted if item not in giving],
        [item for item in away if item.version not in taking],
    )


def _accepted(status: ModelAliasStatus) -> Iterator[str]:
    """Yield the versions that the alias accepted, each once, the one accepted last first."""
    present = (item.version for item in (status.current, status.previous) if item is not None)
    yield from dict.fromkeys((*present, *_path(reversed(status.history))))


def _path(entries: Iterable[HistoryEntry]) -> Iterator[str]:
    for entry in entries:
        versions = (entry.to if entry.outcome is Outcome.SUCCEEDED else None, entry.from_)
        yield from (item for item in versions if item is not None)


def _aliases(context: Context, alias: ModelAlias, draft: Draft, *, differs: bool) -> Aliases | None:
    """Return the aliases of the model; None where they are known by the next snapshot only, or the model is gone.

    A snapshot that is older than what was written here last shows what was before. Where something is to be
    tagged the registry is asked instead.
    """
    snapshot = context.registry.snapshot
    if snapshot is None or snapshot.after_last_write:
        return None if snapshot is None else snapshot.aliases
    if differs:
        return context.facts.aliases(alias.spec.model)
    draft.wake(context.now + ANSWER_POLL)  # the next snapshot may be like this one, and wakes nobody then
    return None


def _steps(
    facts: Facts,
    alias: ModelAlias,
    rules: Retention,
    away: Iterable[ArchivedVersion],
    wanted: Sequence[str],
    known: Mapping[str, ArchivedVersion],
) -> Iterator[tuple[str, Effect | None, ArchivedVersion | None]]:
    """Yield each version with what is to be written, and with what is known of it once nothing is.

    `known` changes meanwhile: a tag of another name is removed before the version is given its new one. Those that
    the history still has stand last, and so are forgotten last.
    """
    for item in away:
        yield item.version, _taking_away(alias, item, facts), None
    for version in reversed(wanted):
        if version in known:
            yield version, None, known[version]
        else:
            yield version, _giving(alias, version, rules, facts), _archived(alias, version, rules, facts)


def _taking_away(alias: ModelAlias, item: ArchivedVersion, facts: Facts) -> Effect | None:
    """Return how a version loses its tag; None where it has none of ours."""
    if item.tag is None:
        return None
    version = _read(alias, item.version, facts)
    if version is None or not _is_ours(alias, version.tags.get(item.tag)):
        return None
    return UntagVersion(model=alias.spec.model, version=item.version, key=item.tag)


def _giving(alias: ModelAlias, number: str, rules: Retention, facts: Facts) -> Effect | None:
    """Return how a version gets the tag; None where it has one of that name, or is another version by now."""
    version = _read(alias, number, facts)
    if version is None or tag_keys.find(version.tags, rules.tag) is not None:
        return None
    left = next((item.at for item in reversed(alias.status.history) if _leaves(item, number)), None)
    value = alias.spec.alias if left is None else f"{alias.spec.alias} {timestamp_text(left)}"
    tags = ((rules.tag, value),)
    return TagVersion(model=alias.spec.model, version=number, tags=tags, optional=True, patient=False)


def _leaves(entry: HistoryEntry, version: str) -> bool:
    moved = entry.outcome in {Outcome.SUCCEEDED, Outcome.FAILED}
    return moved and entry.from_ == version and entry.to != version


def _archived(alias: ModelAlias, number: str, rules: Retention, facts: Facts) -> ArchivedVersion:
    version = _read(alias, number, facts)
    is_ours = version is not None and _is_ours(alias, version.tags.get(rules.tag))
    return ArchivedVersion(version=number, tag=rules.tag if is_ours else None)


def _read(alias: ModelAlias, number: str, facts: Facts) -> ModelVersion | None:
    """Return a version as the registry has it; None where it is gone, or made anew under its number."""
    try:
        version = facts.version(alias.spec.model, number)
    except NotFound:
        return None
    is_another = accepted.is_number_known(alias.status, number) and not accepted.is_known(
        alias.status, version
    )
    return None if is_another else version


def _is_ours(alias: ModelAlias, value: str | None) -> bool:
    """Return whether a tag's value is one that this alias writes: what others wrote is left alone."""
    if value is None:
        return False
    name, _, left = value.partition(" ")
    return name == alias.spec.alias and (not left or _TIME.fullmatch(left) is not None)
