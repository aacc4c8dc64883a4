"""Arguments, dispatch, and failures as one line and a status."""

import argparse
import io
import re
import sys
import traceback
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Final, NoReturn

from modelalias.cli import abort, approve, gate, history, output, promote, status
from modelalias.core.errors import OperatorError

FAILED: Final = 2
"""Nothing was judged. argparse ends with the same when it is called wrongly."""
INTERRUPTED: Final = 130

COMMANDS: Final = (gate, promote, status, approve, abort, history)

_PLUGIN: Final = "kubectl-modelalias"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Refuse what was typed, without the password that may stand in it."""
        super().error(re.sub(r"//[^\s/]*@", "//", message))


class _Version(argparse.Action):
    """Looks up the version when it is asked for, not at every start."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        sys.stdout.write(f"modelalias {metadata.version('modelalias')}\n")
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a terminal cannot show is no failure
    options = parser().parse_args(arguments)
    try:
        text, ended = options.run(options)
    except OperatorError as error:
        output.tell(f"modelalias: {error}")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - a bug is no verdict, and Python's own status for it would say "refused"
        traceback.print_exc()
        return FAILED
    output.show(text)
    return int(ended)


def parser() -> argparse.ArgumentParser:
    """Return what understands the arguments of every command."""
    found = _Parser(
        prog=_called(), description="MLflow model aliases as Kubernetes resources.", allow_abbrev=False
    )
    found.add_argument("--version", action=_Version, nargs=0, help="say which release this is, and leave")
    commands = found.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return found


def _called() -> str:
    """Return what was typed: kubectl starts a program of the plugin's name."""
    return _PLUGIN.replace("-", " ", 1) if Path(sys.argv[0]).name.startswith(_PLUGIN) else "modelalias"
