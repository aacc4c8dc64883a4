"""`modelalias status`: the state of a request, now or once it has ended."""

import argparse
import json
import re
from typing import Any, Final

from modelalias.api.fields import duration
from modelalias.api.request import PromotionRequest
from modelalias.cli import output, report, session, waiting
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.waiting import Ending

_MORE: Final = """\
examples:
  %(prog)s churn-v4
  %(prog)s churn-v4 --wait --timeout 1h -o json > verdict.json

exit status:
  0   the state was printed; with --wait: the request succeeded
  1   with --wait: the request was refused, failed, undone, aborted or deleted
  2   with --wait: the request has not ended in time; or the state could not be read: standard error says why
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "status",
        help="show the state of a request, or wait until it has ended",
        description="Show the state of a request, or wait until it has ended.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("request", metavar="REQUEST", help="name of the PromotionRequest")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default: text")
    add_wait_flags(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def add_wait_flags(parser: argparse.ArgumentParser, until: str = "the request has ended") -> None:
    """Add the options that make a command wait for an end."""
    parser.add_argument(
        "--wait",
        action="store_true",
        help=f"wait until {until}; each step is reported on standard error",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default="10m",
        metavar="TIME",
        help="how long --wait waits, such as 90s or 1h30m; default: 10m",
    )


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""

    async def show(cluster: PersonsCluster) -> tuple[str, int]:
        request = await cluster.request(options.request)
        if not options.wait:
            return formatted(request, options.output), Ending.SUCCEEDED
        return await wait(cluster, request, options.timeout, options.output)

    return session.with_cluster(options, show)


async def wait(
    cluster: PersonsCluster, request: PromotionRequest, seconds: float, form: str | None
) -> tuple[str, int]:
    """Wait for the request's end, and return its state then and the exit status."""
    latest, ending = await waiting.until_ended(cluster, request, seconds, output.tell, waiting.clock())
    return formatted(latest, form), ending


def formatted(request: PromotionRequest, form: str | None) -> str:
    """Return the state of a request as text or as JSON, or its name alone."""
    if form == "name":
        return output.lines([request.metadata.name])
    return json.dumps(report.as_json(request), indent=2) + "\n" if form == "json" else report.text(request)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"([0-9]{1,9}[dhms]){1,4}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 90s or 1h30m")
    return duration(text).total_seconds()
