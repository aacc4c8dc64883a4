"""`modelalias status`: how a request stands, now or once it has ended."""

import argparse
import json
import re
from typing import Any, Final

from modelalias.api.fields import duration
from modelalias.api.request import PromotionRequest
from modelalias.cli import output, report, session, waiting
from modelalias.cli.cluster import Cluster
from modelalias.cli.waiting import Ending

_MORE: Final = """\
examples:
  %(prog)s churn-v4
  %(prog)s churn-v4 --wait --timeout 1h -o json > verdict.json

exit status:
  0   told; with --wait: the request succeeded
  1   with --wait: it was refused, failed, undone, stopped or deleted
  2   with --wait: it has not ended in time; or nothing could be said: the message on standard error says why
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "status",
        help="say how a request stands, or wait for its end",
        description="Say how a request stands, or wait for its end.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("request", metavar="REQUEST", help="name of the PromotionRequest")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default: text")
    add_wait_flags(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def add_wait_flags(parser: argparse.ArgumentParser) -> None:
    """Add what makes a command wait for the end of a request."""
    parser.add_argument(
        "--wait", action="store_true", help="wait until it has ended; each step is told on standard error"
    )
    parser.add_argument(
        "--timeout", type=_seconds, default="10m", metavar="TIME", help="such as 90s or 1h30m; default: 10m"
    )


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return what is to be printed, and the status."""

    async def look(cluster: Cluster) -> tuple[str, int]:
        request = await cluster.request(options.request)
        if not options.wait:
            return written(request, options.output), Ending.SUCCEEDED
        return await wait(cluster, request, options.timeout, options.output)

    return session.with_cluster(options, look)


async def wait(
    cluster: Cluster, request: PromotionRequest, seconds: float, form: str | None
) -> tuple[str, int]:
    """Wait for the request's end, and return how it stands then and the status."""
    found, ending = await waiting.until_ended(cluster, request, seconds, output.tell, waiting.clock())
    return written(found, form), ending


def written(request: PromotionRequest, form: str | None) -> str:
    """Write how a request stands as text or as JSON, or its name alone."""
    if form == "name":
        return output.lines([request.metadata.name])
    return json.dumps(report.as_json(request), indent=2) + "\n" if form == "json" else report.text(request)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"([0-9]{1,9}[dhms]){1,4}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time such as 90s or 1h30m")
    return duration(text).total_seconds()
