"""`modelalias rollback`, also `undo`: file a request to go back to a version that the alias had."""

import argparse
from typing import Any, Final

from modelalias.cli import file_request, filing

_MORE: Final = """\
Files a PromotionRequest with operation Rollback, in your name. Gates are not judged and nobody has to approve, so it
goes only to a version that this ModelAlias has accepted. Automatic steps are on hold afterwards.

examples:
  %(prog)s churn-champion -m "complaints from the branch" --wait
  %(prog)s churn-champion --to-version 2 -m "3 and 4 are slow"
  %(prog)s churn-champion -m "complaints" --dry-run | kubectl create -f -

exit status:
  0   the request was filed; with --wait: it succeeded, also where there was nothing to do
  1   with --wait: the request was refused, failed, aborted or deleted
  2   with --wait: the request has not ended in time; or it was not filed: standard error says why
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command under both names, and its arguments."""
    _add(commands, "rollback", "ask to go back to a version that the alias had")
    _add(commands, "undo", "ask to go back to a version that the alias had: another name for rollback")


def _add(commands: "argparse._SubParsersAction[Any]", name: str, text: str) -> None:
    parser = commands.add_parser(
        name,
        help=text,
        description="Ask to go back to a version that the alias had: file a PromotionRequest.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("alias", metavar="ALIAS", help="name of the ModelAlias")
    parser.add_argument(
        "--to-version", metavar="N", help="default: the version that was accepted before the current one"
    )
    parser.add_argument("-m", "--reason", metavar="WHY", required=True, help="why; it is kept in the history")
    file_request.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    return file_request.run(
        filing.going_back(options.alias, options.to_version, options.reason, options.name), options
    )
