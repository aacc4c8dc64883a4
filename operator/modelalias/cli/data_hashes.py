"""Which data a run learned from: what each source in the registry says, and whether they agree.

Whoever may write in the registry can have written each of them, so that agreement is a good sign and no proof.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelalias.ports import DataPointer, ModelVersion, RunDetails

PARAMETER: Final = "data_md5"
TAGS: Final = ("data_md5", "training_data")
_POINTER: Final = "DVC pointer of the run"
_MD5: Final = re.compile(r"[0-9a-f]{32}(\.dir)?")


class Agreement(StrEnum):
    """Whether the sources that name an MD5 name the same one."""

    AGREE = "Agree"
    DIFFER = "Differ"
    ONE_SOURCE = "OneSource"
    """Only one names one."""
    UNKNOWN = "Unknown"
    """None does."""


@dataclass(frozen=True)
class DataHash:
    """What one source says."""

    source: str
    says: str

    @property
    def is_md5(self) -> bool:
        """Return whether it can be compared: MLflow's own digests, names and addresses are no MD5 of the data."""
        return _MD5.fullmatch(self.says) is not None

    @property
    def is_pointer(self) -> bool:
        """Return whether a DVC pointer says it."""
        return self.source.startswith(_POINTER)


@dataclass(frozen=True)
class DataHashes:
    """What all sources say."""

    hashes: Sequence[DataHash]

    @property
    def agreement(self) -> Agreement:
        """Return whether the sources agree; of a source that names several, one has to fit."""
        by_source = self._by_source()
        if len(by_source) < 2:  # noqa: PLR2004 - it takes two to agree
            return Agreement.ONE_SOURCE if by_source else Agreement.UNKNOWN
        return Agreement.AGREE if set.intersection(*by_source.values()) else Agreement.DIFFER

    @property
    def md5(self) -> str | None:
        """Return the MD5 on which all sources agree, or that the only one names."""
        if self.agreement in {Agreement.DIFFER, Agreement.UNKNOWN}:
            return None
        return min(set.intersection(*self._by_source().values()))

    def _by_source(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for item in self.hashes:
            if item.is_md5:
                found.setdefault(_kind(item.source), set()).add(item.says)
        return found


def of(version: ModelVersion, run: RunDetails | None, pointers: Sequence[DataPointer]) -> DataHashes:
    """Gather what the run, its files and the version's tags say."""
    return DataHashes(tuple(_gathered(version, run, pointers)))


def _gathered(
    version: ModelVersion, run: RunDetails | None, pointers: Sequence[DataPointer]
) -> Iterator[DataHash]:
    if run is not None:
        if PARAMETER in run.parameters:
            yield DataHash(f"parameter {PARAMETER} of the run", run.parameters[PARAMETER])
        for tag in TAGS:
            if tag in run.tags:
                yield DataHash(f"tag {tag} of the run", run.tags[tag])
        for item in run.datasets:
            if item.is_training:
                yield DataHash(f"dataset of the run: {item.name}", item.digest)
    for pointer in pointers:
        named = f" ({pointer.data})" if pointer.data else ""
        yield DataHash(f"{_POINTER}: {pointer.file}{named}", pointer.md5 or pointer.problem)
    for tag in TAGS:
        if tag in version.tags:
            yield DataHash(f"tag {tag} of the version", version.tags[tag])


def _kind(source: str) -> str:
    """Return what is one source however many hashes it names: all datasets, all pointers."""
    return source.partition(":")[0]
