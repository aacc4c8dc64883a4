"""What commands that edit one ModelAlias have in common: their arguments, and the edit printed for kubectl."""

import argparse
from collections.abc import Callable
from typing import Any

from modelalias.cli import edits, output, session
from modelalias.cli.alias_edit import AliasEdit


def add(
    commands: "argparse._SubParsersAction[Any]",
    name: str,
    text: str,
    more: str,
    run: Callable[[argparse.Namespace], tuple[str, int]],
) -> argparse.ArgumentParser:
    """Add a command and the arguments that all of them have."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("alias", metavar="ALIAS", help="name of the ModelAlias")
    edits.add_flags(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)
    return parser


def printed(edit: AliasEdit | None, nothing: str, options: argparse.Namespace) -> str:
    """Return the edit for kubectl; where there is none, tell why and return nothing."""
    if edit is None:
        output.tell(f"nothing to do: {nothing}")
        return ""
    return edits.text(edit, options.output)
