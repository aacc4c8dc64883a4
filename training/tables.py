"""The churn table: made by formula from a seed, or read from a file.

Always named by the MD5 of its bytes. The customers are invented, the problem is honest: churn is drawn from a
probability that depends on the features and on how they act together, so a better model is better for a
reason, and no model is perfect.
"""

import argparse
import hashlib
import io
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

FEATURES = (
    "tenure_months",
    "contract_months",
    "monthly_charges",
    "support_calls",
    "late_payments",
    "usage_gb",
    "age",
)
TARGET = "churned"
DEFAULT_ROWS = 6000
DEFAULT_SEED = 20240601
HOLDOUT_SEED = 20250301
"""Of the fresh holdout: not the seed that models are trained from."""
_HELD_OUT = 0.25
_SPLIT_SEED = 7


class Population(StrEnum):
    """Whose churn a generated table shows; the customers of one seed are the same in both."""

    ORDINARY = "ordinary"
    PROMOTION = "promotion"
    """a discount is about to end: who signed up lately leaves, and hardly anything else matters. Easier to
    predict."""


class DataError(ValueError):
    """The data or the pointer to it cannot be used; a person must look."""


class Table(BaseModel):
    """A churn table as the bytes of its CSV file, which is what is hashed, versioned and trained on."""

    model_config = ConfigDict(frozen=True)

    csv: bytes
    source: str

    @property
    def md5(self) -> str:
        """The MD5 that DVC writes into a pointer for a file with these bytes."""
        return hashlib.md5(self.csv, usedforsecurity=False).hexdigest()

    def frame(self) -> pd.DataFrame:
        """Return the table as floats, one column per feature and the target.

        Raises:
            DataError: it is not a churn table, or holds something other than finite numbers.
        """
        try:
            frame = pd.read_csv(io.BytesIO(self.csv), dtype=float)
        except ValueError as error:
            raise DataError(f"{self.source}: not a table of numbers: {error}") from error
        missing = sorted({*FEATURES, TARGET} - set(frame.columns))
        if missing:
            raise DataError(f"{self.source}: without the columns {', '.join(missing)}")
        frame = frame[[*FEATURES, TARGET]]
        if not np.isfinite(frame.to_numpy()).all():
            raise DataError(f"{self.source}: holds values that are missing or not finite")
        if set(frame[TARGET]) != {0.0, 1.0}:
            raise DataError(f"{self.source}: {TARGET} must be 0 or 1, and both must occur")
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


def generate(
    rows: int = DEFAULT_ROWS, seed: int = DEFAULT_SEED, population: Population = Population.ORDINARY
) -> Table:
    """Make the table: same rows, seed and population, same bytes.

    Raises:
        DataError: no table can be made of such numbers.
    """
    if rows < 1 or seed < 0:
        raise DataError(f"a table of {rows} rows from seed {seed}: rows must be 1 or more, a seed 0 or more")
    random = np.random.default_rng(seed)
    tenure = random.integers(1, 73, rows)
    contract = random.choice([1, 12, 24], rows, p=[0.55, 0.25, 0.2])
    charges = np.round(random.normal(62, 22, rows).clip(18, 140), 2)
    calls = random.poisson(1.4, rows)
    late = random.poisson(0.6, rows)
    usage = np.round(random.gamma(2.5, 6, rows), 1)
    age = random.integers(18, 85, rows)
    frame = pd.DataFrame(
        dict(zip(FEATURES, (tenure, contract, charges, calls, late, usage, age), strict=True))
    )
    frame[TARGET] = (random.random(rows) < _churn_probability(frame, population)).astype(int)
    # Fixed decimals and line ends: the bytes, and with them the hash, are the same on every machine.
    text = frame.to_csv(index=False, float_format="%.2f", lineterminator="\n")
    return Table(csv=text.encode("ascii"), source=f"generated from seed {seed}, population {population}")


def _churn_probability(frame: pd.DataFrame, population: Population) -> NDArray[np.float64]:
    logit = _ordinary(frame) if population is Population.ORDINARY else _during_promotion(frame)
    odds: NDArray[np.float64] = np.exp(logit.to_numpy(dtype=float))
    return odds / (1 + odds)


def _ordinary(frame: pd.DataFrame) -> pd.Series:
    monthly = (frame["contract_months"] == 1).astype(float)
    tenure = (frame["tenure_months"] - 36) / 21
    charges = (frame["monthly_charges"] - 62) / 22
    calls = frame["support_calls"] - 1.4
    alone = -1.2 - 0.9 * tenure + 0.4 * charges + 1.0 * monthly + 0.35 * calls + 0.4 * frame["late_payments"]
    together = (
        0.6 * monthly * charges - 0.6 * monthly * tenure + 0.4 * calls * charges - 0.3 * tenure * charges
    )
    return alone + together - 0.25 * (frame["usage_gb"] - 15) / 9.5


def _during_promotion(frame: pd.DataFrame) -> pd.Series:
    return -2.0 - 3.0 * (frame["tenure_months"] - 36) / 21 - 0.5 * (frame["monthly_charges"] - 62) / 22


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


def split(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows to train on and the rows held out, the same ones for the same table."""
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(frame))
    held_out = round(len(frame) * _HELD_OUT)
    return frame.iloc[order[held_out:]], frame.iloc[order[:held_out]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the generated table to a file, to be put under DVC or looked at, and print its MD5."""
    parser = argparse.ArgumentParser(prog="python -m training.tables", description=main.__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, default=DEFAULT_ROWS)
    parser.add_argument("--data-seed", type=int, default=DEFAULT_SEED)
    parser.add_argument(
        "--population", type=Population, choices=tuple(Population), default=Population.ORDINARY
    )
    options = parser.parse_args(arguments)
    try:
        table = generate(options.rows, options.data_seed, options.population)
    except DataError as error:
        parser.error(str(error))
    options.path.write_bytes(table.csv)
    sys.stdout.write(f"{table.md5}\n")


if __name__ == "__main__":
    main()
