"""`python -m training.data FILE`: write a pipeline's generated table, to be put under DVC or looked at.

Prints its MD5. `--dvc` writes the pointer beside it, as `dvc add` does.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from training.pipeline import ORDINARY
from training.pipelines import NAMES, pipeline
from training.tables import DataError, write_pointer


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table and print its MD5."""
    parser = argparse.ArgumentParser(prog="python -m training.data", description=main.__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--pipeline", choices=NAMES, default="churn")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--data-seed", type=int)
    parser.add_argument("--population", default=ORDINARY)
    parser.add_argument("--dvc", action="store_true", help="also write the .dvc pointer beside it")
    options = parser.parse_args(arguments)
    try:
        table = pipeline(options.pipeline).generate(options.rows, options.data_seed, options.population)
    except DataError as error:
        parser.error(str(error))
    options.path.write_bytes(table.csv)
    if options.dvc:
        write_pointer(options.path, table)
    sys.stdout.write(f"{table.md5}\n")


if __name__ == "__main__":
    main()
