"""What can stand where somebody types: the program `kubectl_complete-modelalias`.

kubectl starts it with the words behind `kubectl modelalias`, of which the last one is being typed, and reads what a
program made with cobra prints: a completion on each line, a tab and what it is, and at the end a directive. The lines
of `modelalias completion` start it with what argcomplete understands.
"""

import argparse
import io
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from argcomplete.completers import FilesCompleter, SuppressCompleter
from argcomplete.finders import CompletionFinder

from modelalias.cli import main as cli

NO_FILES: Final = 4
"""cobra's directive not to add names of files."""
FILES: Final = 0
_FILE_VALUES: Final = frozenset({"FILE", "DIR"})
_SHELL: Final = {
    "_ARGCOMPLETE": "1",
    "_ARGCOMPLETE_IFS": "\n",
    "_ARGCOMPLETE_DFS": "\t",
    "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
    "_ARGCOMPLETE_SHELL": "fish",
}
"""How argcomplete is asked for a completion and what it is on each line, and to escape nothing."""

Complete = Callable[[str, str, argparse.Namespace], Iterable[str]]
"""Given the metavar of an argument, the beginning of its value, and what else was typed: the names there are."""
KNOWN: Final = frozenset({"ALIAS", "REQUEST", "NAME", "KIND", "--MODELALIAS", "--NAMESPACE", "--CONTEXT"})
"""Arguments whose names are asked for, by their metavars; with -- those of options."""


class _Finder(CompletionFinder):
    """Finds completions without a stream for debugging, which would be another's file descriptor."""

    def _init_debug_stream(self) -> None:
        """Open none."""


def main() -> int:
    """Print what can stand in place of the last word."""
    # imported late: a test gives names of its own
    from modelalias.cli.completed_names import names  # noqa: PLC0415

    if "_ARGCOMPLETE" in os.environ:
        _find(parser(_words(os.environ), names), None)
        return 0
    sys.stdout.write(cobra(sys.argv[1:], names))
    return 0


def cobra(words: Sequence[str], complete: Complete) -> str:
    """Return what kubectl reads for these words."""
    typed = [*words] or [""]
    line = " ".join(["modelalias", *(shlex.quote(word) for word in typed[:-1]), typed[-1]])
    os.environ.update(_SHELL, COMP_LINE=line, COMP_POINT=str(len(line)))  # this process does nothing else
    found, known = io.StringIO(), parser(typed[:-1], complete)
    _find(known, found)
    lines = [item.rstrip("\t") for item in found.getvalue().split("\n") if item]
    directive = FILES if _takes_file(known, typed) else NO_FILES
    return "".join(f"{item}\n" for item in [*lines, f":{directive}"])


def parser(words: Sequence[str], complete: Complete) -> argparse.ArgumentParser:
    """Return the parser for these words, whose arguments know how they are completed."""
    known = cli.parser(words)
    for command in _commands(known).values():
        for action in command._actions:  # noqa: SLF001 - argparse has no other way
            completer = _completer(action, complete)
            if completer is not None:
                action.completer = completer  # type: ignore[attr-defined]  # argcomplete reads it
    return known


def _find(known: argparse.ArgumentParser, stream: io.StringIO | None) -> None:
    """Write what fits, as the environment says; without a stream to the shell."""
    _Finder()(
        known,
        always_complete_options=False,
        exit_method=_ended,
        output_stream=stream,
        default_completer=SuppressCompleter(),
    )


def _ended(status: int) -> None:
    """Go on after what was found; without anybody to tell it, end."""
    if status:
        sys.exit(status)


def _completer(action: argparse.Action, complete: Complete) -> Callable[..., Any] | None:
    """Return what completes an argument; None leaves it to its choices."""
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    if action.option_strings:
        return FilesCompleter() if metavar in _FILE_VALUES else _named(f"--{metavar}", complete)
    return None if action.choices else _named(metavar, complete)


def _named(what: str, complete: Complete) -> Callable[..., Iterable[str]] | None:
    if what not in KNOWN:
        return None

    def completer(*, prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
        return complete(what, prefix, parsed_args)

    return completer


def _commands(known: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """Return the parsers of the commands."""
    found = (item for item in known._actions if isinstance(item, argparse._SubParsersAction))  # noqa: SLF001
    return next((item.choices for item in found), {})


def _takes_file(known: argparse.ArgumentParser, words: Sequence[str]) -> bool:
    """Return whether the word before the last one is an option whose value is a file."""
    command = _commands(known).get(next((word for word in words if not word.startswith("-")), ""))
    if command is None or len(words) < 2:  # noqa: PLR2004 - an option and its value
        return False
    option = words[-1].partition("=")[0] if "=" in words[-1] else words[-2]
    return any(
        option in action.option_strings and action.metavar in _FILE_VALUES
        for action in command._actions  # noqa: SLF001 - as above
    )


def _words(environ: Mapping[str, str]) -> Sequence[str]:
    """Return the words of a shell's line behind the program, but for the one that is being typed."""
    line = environ.get("COMP_LINE", "")[: int(environ.get("COMP_POINT", "0"))]
    words = line.split()
    return words[1:] if line[-1:].isspace() else words[1:-1]


if __name__ == "__main__":
    sys.exit(main())
