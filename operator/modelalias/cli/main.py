"""Arguments, dispatch, and failures as one line and an exit status."""

import argparse
import io
import re
import sys
import traceback
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Final, NoReturn

from modelalias.cli import (
    ab,
    abort,
    ack,
    adopt,
    aliases,
    approve,
    attest,
    compare,
    explain,
    export,
    gate,
    history,
    lineage,
    output,
    pin,
    promote,
    release,
    resolve,
    serving,
    status,
    verify,
)
from modelalias.core.errors import OperatorError

FAILED: Final = 2
"""The command could not do its work. argparse ends with the same status after a wrong call."""
INTERRUPTED: Final = 130

COMMANDS: Final = (
    gate,
    promote,
    status,
    explain,
    serving,
    approve,
    abort,
    pin,
    release,
    ack,
    history,
    export,
    lineage,
    compare,
    verify,
    attest,
    aliases,
    resolve,
    adopt,
    ab,
)

_PLUGIN: Final = "kubectl-modelalias"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Report a wrong call without the password that may be part of it."""
        super().error(re.sub(r"//[^\s/]*@", "//", message))


class _Version(argparse.Action):
    """Looks up the version only if it is asked for: that takes time."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        sys.stdout.write(f"modelalias {metadata.version('modelalias')}\n")
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a character that the terminal lacks is no failure
    options = parser().parse_args(arguments)
    try:
        text, exit_status = options.run(options)
    except OperatorError as error:
        output.tell(f"modelalias: {error}")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - a bug is no verdict; Python's exit status for it means refused
        traceback.print_exc()
        return FAILED
    output.show(text)
    return int(exit_status)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    whole = _Parser(
        prog=_program(),
        description="Promote, approve and roll back MLflow models by alias.",
        allow_abbrev=False,
    )
    whole.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return whole


def _program() -> str:
    """Return the name that was typed: kubectl starts a program named for the plugin."""
    return _PLUGIN.replace("-", " ", 1) if Path(sys.argv[0]).name.startswith(_PLUGIN) else "modelalias"
