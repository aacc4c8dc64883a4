"""`modelalias abort`: stop a request; what it has begun is undone."""

import argparse
from typing import Any, Final

from modelalias.cli import abort_edit, edits, output, session
from modelalias.cli.cluster import PersonsCluster

_MORE: Final = """\
Sets spec.abort. The operator then undoes what the request has begun.
To watch it: modelalias status REQUEST --wait

examples:
  %(prog)s churn-v4
  %(prog)s churn-v4 --dry-run > edit.yaml
  kubectl patch promotionrequests.modelalias.dev churn-v4 --type=json --patch-file=edit.yaml

exit status:
  0   the abort was requested, now or before
  2   the abort was not requested; standard error says why
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "abort",
        help="stop a request and undo what it has begun",
        description="Stop a request and undo what it has begun.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("request", metavar="REQUEST", help="name of the PromotionRequest")
    edits.add_flags(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    only_prints = edits.only_prints(options)

    async def stop(cluster: PersonsCluster) -> str:
        request = await cluster.request(options.request)
        if not only_prints:
            is_new = await edits.carry_out(cluster, request, abort_edit.edit)
            return output.lines(
                [f"request {options.request}: abort {'requested' if is_new else 'was requested before'}"]
            )
        new_edit = abort_edit.edit(request)
        if new_edit is None:
            output.tell("nothing to do: abort was requested before")
        return "" if new_edit is None else edits.text(new_edit, options.output)

    return session.with_cluster(options, stop), 0
