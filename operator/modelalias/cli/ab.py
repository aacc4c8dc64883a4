"""`modelalias ab`: the two sides of a split by a live metric, and how many more requests a decision needs."""

import argparse
import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from modelalias.api.fields import ShortDuration, duration
from modelalias.cli import proportions, session, split_sides
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.proportions import Aims
from modelalias.cli.split_metric import BUILT_IN, WINDOW, Metric
from modelalias.cli.split_report import Report
from modelalias.core.errors import InvalidRequest
from modelalias.servers import Credentials, PrometheusSettings

_URI: Final = "MODELALIAS_PROMETHEUS_URI"
_FILES: Final = {
    f"MODELALIAS_PROMETHEUS_{name.upper()}": name
    for name in ("token_file", "username_file", "password_file", "ca_file")
}

_MORE: Final = f"""\
Reads from the ModelAlias which version each side serves and since when the requests are split like that, and from
Prometheus how many requests each version had since then and how many of them were events: failures, or whatever
the queries count. Writes nothing.

A metric is --metric NAME, of what the example serving app counts ({", ".join(BUILT_IN)}), or two queries of your own.
In these $version, $model and $namespace stand inside of string literals, as in monitors, and {WINDOW} for how far
back is looked.

The test is the two-sided one of two proportions, intervals are Wilson's and Newcombe's. They are right for one metric
that is looked at once, after as many requests as were planned: who looks again and again, or at many metrics, sees a
difference where there is none more often than --alpha says.

examples:
  %(prog)s fraud-champion --metric failed --min-effect 0.005
  %(prog)s shop-champion --higher-is-better --since 1h -o markdown \\
    --events 'sum(increase(orders_total{{version="$version"}}[{WINDOW}]))' \\
    --trials 'sum(increase(visits_total{{version="$version"}}[{WINDOW}]))'

exit status:
  0   compared, whatever the result
  2   not compared: no split, no data, no requests, or what was needed could not be read: standard error says why

environment:
  {_URI}             default of --prometheus-uri
  MODELALIAS_PROMETHEUS_TOKEN_FILE      a file with a token, or
  MODELALIAS_PROMETHEUS_USERNAME_FILE   and
  MODELALIAS_PROMETHEUS_PASSWORD_FILE   files with user name and password
  MODELALIAS_PROMETHEUS_CA_FILE         certificates to trust
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "ab",
        help="compare the two sides of a split by a live metric",
        description="Compare the two sides of a split by a live metric.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", help="name of the ModelAlias with spec.traffic")
    parser.add_argument(
        "--metric", metavar="NAME", help=f"what counts as an event: {', '.join(BUILT_IN)}; or both of:"
    )
    parser.add_argument("--events", metavar="QUERY", help="a query for the number of events of a version")
    parser.add_argument("--trials", metavar="QUERY", help="a query for the number of its requests")
    parser.add_argument(
        "--higher-is-better", action="store_true", help="an event is what one wants, such as an order"
    )
    parser.add_argument(
        "--since",
        metavar="DURATION",
        help="how far back to look, such as 1h; default: since the requests are split like this",
    )
    parser.add_argument(
        "--min-effect",
        type=float,
        metavar="SHARE",
        help="the smallest difference of the rates that matters, such as 0.005 for half a percentage point",
    )
    parser.add_argument(
        "--alpha",
        type=float,
        default=Aims.alpha,
        metavar="P",
        help="how often a difference may be seen where there is none; default: %(default)s",
    )
    parser.add_argument(
        "--power",
        type=float,
        default=Aims.power,
        metavar="P",
        help="how often a difference shall be seen that is there; default: %(default)s",
    )
    parser.add_argument(
        "--prometheus-uri", metavar="URI", help="address of Prometheus before /api/v1, without credentials"
    )
    parser.add_argument(
        "-o", "--output", choices=("table", "json", "markdown"), default="table", help="default: table"
    )
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    metric, aims, last = _metric(options), _aims(options), _last(options.since)
    settings = prometheus(options.prometheus_uri, os.environ)
    proportions.require()

    async def compared(cluster: PersonsCluster) -> Report:
        return await report(cluster, options.name, settings, metric, aims, last)

    found = session.with_cluster(options, compared)
    match options.output:
        case "json":
            return json.dumps(found.result, indent=2) + "\n", 0
        case "markdown":
            return found.markdown, 0
        case _:
            return found.table, 0


async def report(
    cluster: PersonsCluster,
    name: str,
    settings: PrometheusSettings,
    metric: Metric,
    aims: Aims,
    last: timedelta | None,
) -> Report:
    """Read the split and what was counted since, and compare."""
    # imported late: loading an HTTP client takes longer than everything else
    from modelalias.adapters.prometheus import Prometheus  # noqa: PLC0415

    split = split_sides.of(await cluster.alias(name), cluster.now(), last)
    source = Prometheus(settings)
    try:
        champion, challenger = await split_sides.counted(source, split, metric)
    finally:
        await source.close()
    comparison = proportions.compare(champion, challenger, aims)
    return Report(split, metric, aims, champion, challenger, comparison)


def prometheus(uri: str | None, environ: Mapping[str, str]) -> PrometheusSettings:
    """Return which Prometheus is asked, and with which credentials: the user's own choice and nobody else's."""
    address = uri or environ.get(_URI)
    if not address:
        raise InvalidRequest(f"which Prometheus? Give --prometheus-uri or set {_URI}")
    files = {field: Path(environ[name]) for name, field in _FILES.items() if environ.get(name)}
    try:
        return PrometheusSettings(uri=address, credentials=Credentials(**files))
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise InvalidRequest(
            f"the address or the credentials of Prometheus cannot be used: {wrong}"
        ) from None


def _metric(options: argparse.Namespace) -> Metric:
    given = (options.events, options.trials)
    if options.metric is None:
        if None in given:
            raise InvalidRequest("give --metric, or both --events and --trials")
        return Metric("events", *given)
    if any(given):
        raise InvalidRequest("give either --metric, or --events and --trials")
    if options.metric not in BUILT_IN:
        raise InvalidRequest(
            f"--metric {options.metric}: there are {', '.join(BUILT_IN)}; others need --events and --trials"
        )
    return BUILT_IN[options.metric]


def _aims(options: argparse.Namespace) -> Aims:
    least = options.min_effect
    chances = {"--alpha": options.alpha, "--power": options.power, "--min-effect": least}
    for flag, value in chances.items():
        if value is not None and not 0 < value < 1:
            raise InvalidRequest(f"{flag} takes a number between 0 and 1")
    return Aims(options.alpha, options.power, least, options.higher_is_better)


def _last(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return duration(TypeAdapter(ShortDuration).validate_python(text))
    except ValidationError:
        raise InvalidRequest(
            f"--since takes a duration of at most 30 days, such as 1h or 30m, not {text}"
        ) from None
