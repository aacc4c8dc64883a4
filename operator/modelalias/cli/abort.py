"""`modelalias abort`: stop a request; what it has begun is undone."""

import argparse
from typing import Any, Final

from modelalias.cli import edits, output, session, word
from modelalias.cli.cluster import Cluster

_MORE: Final = """\
Sets spec.abort. What the request has begun is undone by the operator; status --wait tells how that goes.

examples:
  %(prog)s churn-v4
  %(prog)s churn-v4 --dry-run > edit.yaml
  kubectl patch promotionrequests.modelalias.dev churn-v4 --type=json --patch-file=edit.yaml

exit status:
  0   the abort is asked for, or was already
  2   not asked for: the message on standard error says why
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "abort",
        help="stop a request",
        description="Stop a request.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("request", metavar="REQUEST", help="name of the PromotionRequest")
    edits.add_flags(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return what is to be printed, and the status."""
    prints = edits.wants_print(options)

    async def stop(cluster: Cluster) -> str:
        request = await cluster.request(options.request)
        if not prints:
            new = await edits.carry_out(cluster, request, word.abort)
            return output.lines(
                [f"request {options.request}: {'abort asked for' if new else 'abort was asked for already'}"]
            )
        edit = word.abort(request)
        if edit is None:
            output.tell("nothing to do: abort was asked for already")
        return "" if edit is None else edits.text(edit, options.output)

    return session.with_cluster(options, stop), 0
