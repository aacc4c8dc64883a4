"""Programs of this repository in forks of a process that has imported them.

Importing what the operator and the command line need takes two seconds of processor time, which the tests would
spend two hundred times over. A fork has arguments, environment, folder, input, output, status and signals of its
own; what it cannot show is that a Python which has imported nothing starts, which a few tests show.
"""

import os
import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final, NamedTuple

PRELOADED: Final = ("modelalias.__main__", "modelalias.cli.main")


class Place(NamedTuple):
    """Where a program runs: its environment, its folder, and the files of its input and output."""

    environ: Mapping[str, str]
    folder: str
    files: tuple[str, str, str]


def forks() -> ForkServerContext:
    """Return what forks; its process starts with the first fork and ends with the caller's."""
    context = get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED])
    return context


def move_to(place: Place) -> None:
    """Be in that place from now on."""
    reads, writes = os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, file in enumerate(place.files):
        opened = os.open(file, writes if number else reads, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    # as Python opens them when it starts: those of the caller know another kind of file, or none
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(place.folder)
    os.environ.clear()
    os.environ.update(place.environ)


def call(module: str, words: Sequence[str], place: Place) -> None:
    """Do what the console script does that calls `main` of this module; the first word is its name."""
    move_to(place)
    sys.argv = [*words]
    main: Callable[[], int] = import_module(module).main
    sys.exit(main())


def run_script(script: Path, place: Place) -> None:
    """Do what `python script` does."""
    move_to(place)
    sys.argv = [str(script)]
    runpy.run_path(str(script), run_name="__main__")
