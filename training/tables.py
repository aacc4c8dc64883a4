"""Tables as the bytes of their CSV file, which is what is hashed, versioned and trained on.

Made from a seed, or read from a file, or named by a DVC pointer; always known by the MD5 of the bytes.
"""

import hashlib
import io
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

_HELD_OUT = 0.25
_SPLIT_SEED = 7


class DataError(ValueError):
    """The data or the pointer to it cannot be used; a person must look."""


class Table(BaseModel):
    """A table as the bytes of its CSV file."""

    model_config = ConfigDict(frozen=True)

    csv: bytes
    source: str

    @classmethod
    def of(cls, frame: pd.DataFrame, source: str) -> "Table":
        """Write a frame with fixed decimals and line ends: the bytes and their hash are the same everywhere."""
        text = frame.to_csv(index=False, float_format="%.2f", lineterminator="\n")
        return cls(csv=text.encode("ascii"), source=source)

    @property
    def md5(self) -> str:
        """The MD5 that DVC writes into a pointer for a file with these bytes."""
        return hashlib.md5(self.csv, usedforsecurity=False).hexdigest()

    def numbers(self, columns: tuple[str, ...]) -> pd.DataFrame:
        """Return these columns as floats.

        Raises:
            DataError: one is missing, or holds something other than finite numbers.
        """
        try:
            frame = pd.read_csv(io.BytesIO(self.csv), dtype=float)
        except ValueError as error:
            raise DataError(f"{self.source}: not a table of numbers: {error}") from error
        missing = sorted(set(columns) - set(frame.columns))
        if missing:
            raise DataError(f"{self.source}: without the columns {', '.join(missing)}")
        frame = frame[list(columns)]
        if not np.isfinite(frame.to_numpy()).all():
            raise DataError(f"{self.source}: holds values that are missing or not finite")
        return frame


class DvcPointer(BaseModel):
    """The one output that a `.dvc` file stands for."""

    model_config = ConfigDict(frozen=True)

    md5: str = Field(pattern=r"^[0-9a-f]{32}$")
    path: str = Field(min_length=1)


class _DvcFile(BaseModel):
    outs: tuple[DvcPointer, ...] = Field(min_length=1, max_length=1)


def read_dvc_pointer(text: str) -> DvcPointer:
    """Read a `.dvc` file's text.

    Raises:
        DataError: it is not a pointer to exactly one file with an MD5 (folders, `<md5>.dir`, are not supported).
    """
    try:
        return _DvcFile.model_validate(yaml.safe_load(text)).outs[0]
    except (yaml.YAMLError, ValidationError) as error:
        raise DataError("not a DVC pointer to one file with an md5") from error


def write_pointer(path: Path, table: Table) -> None:
    """Write the pointer to a file that holds the table, as `dvc add` does."""
    pointer = {"md5": table.md5, "size": len(table.csv), "hash": "md5", "path": path.name}
    path.with_name(f"{path.name}.dvc").write_text(
        yaml.safe_dump({"outs": [pointer]}, sort_keys=False), encoding="utf-8"
    )


def read(path: Path) -> Table:
    """Read a table from a CSV file.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        return Table(csv=path.read_bytes(), source=path.name)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error


def read_tracked(pointer_file: Path, otherwise: Table) -> Table:
    """Return the table that a `.dvc` file points to, after comparing its MD5.

    The file beside the pointer is used when it is there (`dvc pull`), else the generated table given as `otherwise`.

    Raises:
        DataError: the bytes are not those that the pointer names: a model must not carry the hash of other data.
    """
    try:
        pointer = read_dvc_pointer(pointer_file.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{pointer_file}: {error.strerror}") from error
    beside = pointer_file.parent / pointer.path
    table = read(beside) if beside.exists() else otherwise
    if table.md5 != pointer.md5:
        raise DataError(
            f"{pointer_file.name} names data with md5 {pointer.md5}, but {table.source} has {table.md5}"
        )
    return table


def choose(file: Path | None, pointer: Path | None, otherwise: Table) -> Table:
    """Return the table of a file, else the one given; with a DVC pointer, only if that is what it names.

    Raises:
        DataError: a file cannot be read, or the pointer names other data.
    """
    table = read(file) if file else otherwise
    return read_tracked(pointer, otherwise=table) if pointer else table


def split_at_random(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows to train on and the rows held out, the same ones for the same table."""
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(frame))
    held_out = round(len(frame) * _HELD_OUT)
    return frame.iloc[order[held_out:]], frame.iloc[order[:held_out]]
