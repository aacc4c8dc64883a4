"""What runs in the process of an operator: a command, or the same program in a fork that has imported it."""

import os
import sys
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

PROGRAM: Final = "modelalias.__main__"
COMMAND: Final = (sys.executable, "-W", "error::ResourceWarning", "-m", "modelalias")


def serve(environ: Mapping[str, str], log: Path, command: tuple[str, ...]) -> None:
    """Be an operator in a fork, or a command in its place if there is one."""
    with log.open("ab") as output:
        for standard in (1, 2):
            os.dup2(output.fileno(), standard)
    if command:
        os.chdir(log.parent)
        os.execve(command[0], command, environ)  # noqa: S606 - a program of our own
    warnings.simplefilter("error", ResourceWarning)
    os.environ.clear()
    os.environ.update(environ)
    sys.exit(import_module(PROGRAM).main())
