"""The versions that `modelalias compare` compares, read in few calls however many the model has."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from modelalias.cli.registry_answers import answered
from modelalias.core.judging import origin
from modelalias.core.judging.comparison import Entry
from modelalias.ports import Aliases, ModelVersion, Registry, RunDetails

MOST_NEWEST: Final = 100
"""As many as a registry tells in one call."""

MOST_NAMED: Final = 50
"""Versions that are asked for by number: a call for each."""

_MOST_ALIASED: Final = 20
"""Older versions that are looked at because an alias names them: a call for each."""


@dataclass(frozen=True)
class Chosen:
    """The versions, the newest first, and what was left out as a sentence; "" where nothing was."""

    entries: Sequence[Entry]
    left_out: str = ""


async def by_number(registry: Registry, model: str, numbers: Sequence[str]) -> Chosen:
    """Read these versions; raise `ModelNotFound` or `VersionNotFound`."""
    aliases = await registry.aliases(model)
    return Chosen(await _entries(registry, await _versions(registry, model, numbers), aliases))


async def newest(registry: Registry, model: str, last: int) -> Chosen:
    """Read so many of the newest versions, and those before them that an alias names; raise `ModelNotFound`."""
    aliases = await registry.aliases(model)
    found = await registry.newer_versions(model, {}, None)
    versions = found[-last:]
    if not versions:
        return Chosen(())
    oldest = int(versions[0].version)
    older = sorted({number for number in aliases.values() if int(number) < oldest}, key=int)
    aliased = await _versions(registry, model, older[-_MOST_ALIASED:])
    are_more = len(found) > last or (len(found) == MOST_NEWEST and oldest > 1)
    save = f", save {len(aliased)} that an alias names" if aliased else ""
    left_out = f"versions before {oldest} are left out{save}" if are_more else ""
    return Chosen(await _entries(registry, [*aliased, *versions], aliases), left_out)


async def _versions(registry: Registry, model: str, numbers: Sequence[str]) -> Sequence[ModelVersion]:
    return await asyncio.gather(*(registry.version(model, number) for number in numbers))


async def _entries(registry: Registry, versions: Sequence[ModelVersion], aliases: Aliases) -> Sequence[Entry]:
    runs = await registry.run_details([version.run_id for version in versions if version.run_id])
    ordered = sorted(versions, key=lambda version: -int(version.version))
    return await asyncio.gather(
        *(_entry(registry, version, runs.get(version.run_id or ""), aliases) for version in ordered)
    )


async def _entry(
    registry: Registry, version: ModelVersion, run: RunDetails | None, aliases: Aliases
) -> Entry:
    foreign = ""
    if run is not None:
        name = f"version {version.version}"
        foreign = await answered(registry, partial(origin.why_not_made_by, name, version, run))
    names = sorted(alias for alias, number in aliases.items() if number == version.version)
    return Entry(version=version, run=run, aliases=tuple(names), foreign=foreign)
