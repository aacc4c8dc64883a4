"""Arguments, dispatch, and failures as one line and an exit status."""

import argparse
import io
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Final, NoReturn

from modelalias.cli import output
from modelalias.core.errors import OperatorError

FAILED: Final = 2
"""The command could not do its work. argparse ends with the same status after a wrong call."""
INTERRUPTED: Final = 130

COMMANDS: Final[Mapping[str, str]] = {
    "gate": "gate",
    "promote": "promote",
    "rollback": "rollback",
    "undo": "rollback",
    "retry": "retry",
    "list": "listing",
    "status": "status",
    "events": "events",
    "explain": "explain",
    "serving": "serving",
    "approve": "approve",
    "reject": "approve",
    "abort": "abort",
    "pin": "pin",
    "unpin": "pin",
    "suspend": "suspend",
    "resume": "suspend",
    "release": "release",
    "ack": "ack",
    "history": "history",
    "export": "export",
    "lineage": "lineage",
    "compare": "compare",
    "verify": "verify",
    "attest": "attest",
    "aliases": "aliases",
    "resolve": "resolve",
    "adopt": "adopt",
    "ab": "ab",
    "dashboard": "dashboard",
    "doctor": "doctor",
    "completion": "completion",
}
"""The module of each command: only that of the command that was typed is imported, all of them for the help."""

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
    options = parser(sys.argv[1:] if arguments is None else arguments).parse_args(arguments)
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


def parser(arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the command that is typed, or of all commands where none is."""
    whole = _Parser(
        prog=_program(),
        description="Promote, approve and roll back MLflow models by alias.",
        allow_abbrev=False,
    )
    whole.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    if arguments[:1] == ["--version"]:
        return whole
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in _modules(arguments):
        import_module(f"modelalias.cli.{module}").add(commands)
    return whole


def _modules(arguments: Sequence[str]) -> Sequence[str]:
    """Return which modules are needed; what stands before a command takes no values."""
    typed = next((word for word in arguments if not word.startswith("-")), "")
    return [COMMANDS[typed]] if typed in COMMANDS else list(dict.fromkeys(COMMANDS.values()))


def _program() -> str:
    """Return the name that was typed: kubectl starts a program named for the plugin."""
    return _PLUGIN.replace("-", " ", 1) if Path(sys.argv[0]).name.startswith(_PLUGIN) else "modelalias"
