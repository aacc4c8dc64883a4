"""`modelalias explain`: why an alias stands as it does, what would change that, and which requests wait for what."""

import argparse
import textwrap
from typing import Any, Final

from modelalias.cli import heartbeat, open_requests, output, session
from modelalias.cli.cluster import PersonsCluster
from modelalias.core.explanation import explain

WIDTH: Final = 100

_MORE: Final = """\
It says what the operator has written into the statuses of the alias and of its open requests, and looks at nothing
else: see serving for the pods.

examples:
  %(prog)s churn-champion

exit status:
  0   the paragraph was printed
  2   the alias could not be read; standard error says why
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "explain",
        help="say why an alias stands as it does, and what would change that",
        description="Say why an alias stands as it does, and what would change that.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("alias", metavar="ALIAS", help="name of the ModelAlias")
    heartbeat.add_flag(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""

    async def show(cluster: PersonsCluster) -> str:
        alias = await cluster.alias(options.alias)
        await heartbeat.warn(cluster, options.operator_namespace)
        waiting = open_requests.sentences(await open_requests.read(cluster, options.alias))
        return "".join(map(paragraph, [explain(alias, cluster.now()), *waiting]))

    return session.with_cluster(options, show), 0


def paragraph(text: str) -> str:
    """Fold a text into lines; a command in it is never broken at a hyphen."""
    folded = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    return output.lines(folded)
