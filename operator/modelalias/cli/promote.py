"""`modelalias promote`: file a promotion request in the caller's name."""

import argparse
from typing import Any, Final

from modelalias.api.request import RequestOperation
from modelalias.cli import file_request, filing
from modelalias.core.errors import InvalidRequest

_MORE: Final = """\
examples:
  %(prog)s churn-champion --version 4 --reason "retrained on Q3" --wait
  %(prog)s churn-champion --from-alias challenger --delete-source-alias
  %(prog)s churn-champion --run-id "$RUN_ID" --wait --timeout 1h -o json > verdict.json
  %(prog)s churn-champion --operation Swap --reason "try the other"
  %(prog)s churn-champion --version 4 --dry-run | kubectl create -f -

exit status:
  0   the request was filed; with --wait: it succeeded, also where there was nothing to do
  1   with --wait: the request was refused, failed, undone, aborted or deleted; with --must-exist: the model
      has no alias of the name in --from-alias
  2   with --wait: the request has not ended in time; or it was not filed: standard error says why
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "promote",
        help="ask to move an alias to another version",
        description="Ask to move an alias to another version: file a PromotionRequest.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("alias", metavar="ALIAS", help="name of the ModelAlias")
    _add_source(parser)
    _add_options(parser)
    file_request.add_flags(parser)
    parser.set_defaults(run=run)


def _add_source(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to promote")
    source = group.add_mutually_exclusive_group()
    source.add_argument("--version", metavar="N", help="a version of the model")
    source.add_argument(
        "--run-id", metavar="ID", help="the model of a run; it is registered if it is not registered yet"
    )
    source.add_argument(
        "--from-alias", metavar="ALIAS", help="the version that another alias of the model names"
    )
    source.add_argument(
        "--previous",
        action="store_true",
        help="the previous version; this is a rollback and needs a --reason",
    )
    group.add_argument(
        "--must-exist",
        action="store_true",
        help="with --from-alias and --wait: exit status 1 if the model has no such alias",
    )
    group.add_argument(
        "--artifact-path", metavar="PATH", help="with --run-id: path of the model in the run's artifacts"
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("options of the request")
    group.add_argument(
        "--operation",
        choices=[str(item) for item in RequestOperation],
        help="default: Promote; with --previous: Rollback",
    )
    group.add_argument(
        "-m",
        "--reason",
        metavar="WHY",
        help="why; it is kept in the history; required for a rollback, a swap and --skip-gates",
    )
    group.add_argument(
        "--expected-current", metavar="N", help="reject the request unless the alias still names this version"
    )
    group.add_argument(
        "--skip-gates",
        action="store_true",
        help="emergency: do not judge the gates; needs the verb bypass and an approval",
    )
    group.add_argument(
        "--verdict-only", action="store_true", help="give the verdict and change nothing (spec.dryRun)"
    )
    group.add_argument(
        "--delete-source-alias",
        action="store_true",
        help="remove the alias in --from-alias after the promotion",
    )
    group.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set this tag on the version, if policy.requestTags allows it; can be given several times",
    )
    group.add_argument(
        "--expires-after", metavar="TIME", help="give up if it has not begun after this time; default: 7d"
    )
    group.add_argument(
        "--ttl-seconds-after-finished",
        type=int,
        metavar="N",
        help="delete the request this many seconds after its end",
    )


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    if options.must_exist and not (options.from_alias and options.wait):
        raise InvalidRequest(
            "--must-exist needs --from-alias and --wait: only the operator looks the alias up"
        )
    return file_request.run(filing.typed(options), options, source_must_exist=options.must_exist)
