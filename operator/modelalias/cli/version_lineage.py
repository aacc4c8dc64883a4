"""Where a version comes from and how its aliases came to it, as read from a registry.

What anybody may write there is what the registry says; what a record with a valid signature says is proved.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from modelalias.cli import data_hashes, record_reference
from modelalias.cli.data_hashes import DataHashes
from modelalias.cli.public_keys import NoKeys
from modelalias.cli.record_reference import Reference
from modelalias.cli.registry_answers import answered
from modelalias.cli.verification import Validity, Verification, verify
from modelalias.core.errors import RunNotFound, Unreadable
from modelalias.core.judging import origin
from modelalias.core.ledger.version_record import Proof
from modelalias.ports import DataPointer, ModelVersion, Registry, RunDetails, Verifier

GIT_COMMIT: Final = "mlflow.source.git.commit"
RECORD_TAG: Final = "modelalias."
NOT_CHECKED: Final = "no public key was given: use --public-key or --public-keys"


@dataclass(frozen=True)
class Trust:
    """The public keys that are believed, None where nothing can be checked, and the registry's name if it matters."""

    keys: Verifier | None
    registry: str | None = None


@dataclass(frozen=True)
class Record:
    """What the record of the version under one alias was found to be."""

    alias: str
    verification: Verification
    is_checked: bool
    """Whether there were keys to check its signature with."""

    @property
    def is_proved(self) -> bool:
        """Return whether what it says is proved: signed with a known key, and standing as things are now."""
        return self.verification.validity is Validity.VALID

    @property
    def is_claim(self) -> bool:
        """Return whether it has a signature that nobody has checked."""
        return not self.is_checked and self.verification.sealed.proof is Proof.UNKNOWN_KEY

    @property
    def parts(self) -> Mapping[str, object]:
        """Return what it says, as proved or as a claim; nothing where it is neither."""
        return self.verification.sealed.parts if self.is_proved or self.is_claim else {}


@dataclass(frozen=True)
class Lineage:
    """A version with all that is known of it."""

    asked: str | None
    """The alias that led to it."""
    version: ModelVersion
    aliases: Sequence[str]
    """Those that name it, sorted."""
    run: RunDetails | None
    foreign: str
    """Why the run is not the one that made it; "" where nothing speaks against it."""
    data: DataHashes
    no_files: str
    """Why the run's files could not be looked at for DVC pointers; "" where they could."""
    records: Sequence[Record]
    """Of the alias that was asked for, of those that name it, and of any other that has one."""

    @property
    def git_commit(self) -> str | None:
        """Return the commit of the code that the run says it was started from."""
        return None if self.run is None else self.run.tags.get(GIT_COMMIT)

    @property
    def tags(self) -> Mapping[str, str]:
        """Return the version's tags that are no records."""
        tags = self.version.tags
        return {key: tags[key] for key in sorted(tags) if not key.startswith(RECORD_TAG)}


async def read(registry: Registry, reference: Reference, trust: Trust) -> Lineage:
    """Read the lineage of a version; raise `NotFound` where there is no such alias, version or model."""
    by_alias = await registry.aliases(reference.model)
    number = reference.version or record_reference.named_by(by_alias, reference)
    version = await registry.version(reference.model, number)
    aliases = sorted(alias for alias, named in by_alias.items() if named == number)
    (run, foreign), (pointers, no_files) = await asyncio.gather(
        _run(registry, version), _pointers(registry, version.run_id)
    )
    return Lineage(
        asked=reference.alias,
        version=version,
        aliases=aliases,
        run=run,
        foreign=foreign,
        data=data_hashes.of(version, run, pointers),
        no_files=no_files,
        records=tuple(_records(version, reference.alias, aliases, trust)),
    )


async def _run(registry: Registry, version: ModelVersion) -> tuple[RunDetails | None, str]:
    if version.run_id is None:
        return None, ""
    run = (await registry.run_details([version.run_id])).get(version.run_id)
    if run is None:
        return None, ""
    name = f"version {version.version}"
    return run, await answered(registry, partial(origin.why_not_made_by, name, version, run))


async def _pointers(registry: Registry, run_id: str | None) -> tuple[Sequence[DataPointer], str]:
    if run_id is None:
        return (), ""
    try:
        return await registry.data_pointers(run_id), ""
    except RunNotFound:
        return (), ""
    except Unreadable as error:
        return (), str(error)


def _records(
    version: ModelVersion, asked: str | None, aliases: Sequence[str], trust: Trust
) -> Iterator[Record]:
    """Verify each record; that of an alias which names the version must also say why it does."""
    first = [asked] if asked else []
    for alias in dict.fromkeys([*first, *aliases, *record_reference.recorded_aliases(version.tags)]):
        found = record_reference.found(version, alias, by_alias=alias in aliases)
        verification = verify(trust.keys or NoKeys(), found, trust.registry)
        yield Record(alias, verification, is_checked=trust.keys is not None)
