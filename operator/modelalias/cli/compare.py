"""`modelalias compare`: versions of a model beside each other, and the best of them by a metric."""

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final

from modelalias import settings
from modelalias.api.gates import Direction
from modelalias.cli import compared_versions, output, registry_reading
from modelalias.cli.compared_versions import MOST_NAMED, MOST_NEWEST, Chosen
from modelalias.cli.comparison_text import ANY_DATA, MORE, Comparison, conclusion
from modelalias.core.errors import InvalidRequest
from modelalias.core.judging.comparison import Criterion, Ranking, named, rank
from modelalias.settings import ClientSettings

_LAST: Final = 20
_EVERY: Final = ""
"""`--lower-is-better` without a name."""
_NONE_IS_BEST: Final = 2

_MORE: Final = f"""\
Shows the metrics of the versions' runs, the parameters that differ, the data they were measured on, and who has
which alias. Needs no cluster and writes nothing.

A value that is missing, NaN or infinite, of a run that is deleted, goes on or did not make the version's model, never
is the best. Values are compared only on the same data: where names, digests or numbers of rows of the runs' datasets
differ or are not known, no version is called the best, unless --any-data is given.

examples:
  %(prog)s churn --metric val_auc
  %(prog)s churn --metric val_auc --metric val_log_loss --lower-is-better val_log_loss -o markdown
  modelalias promote churn-champion --version "$(%(prog)s churn --metric val_auc --best)"

exit status:
  0   compared; with --best: there is a best version
  2   with --best: there is none; or the versions could not be read: standard error says why

{registry_reading.ENVIRONMENT}"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "compare",
        help="compare versions of a model, and name the best by a metric",
        description="Compare versions of a registered model, and name the best of them by a metric.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="MODEL", help="name of the registered model")
    parser.add_argument(
        "--metric",
        action="append",
        required=True,
        metavar="NAME",
        help="a metric, the higher the better; can be given several times",
    )
    parser.add_argument(
        "--lower-is-better",
        action="append",
        nargs="?",
        const=_EVERY,
        default=[],
        metavar="NAME",
        help="one of the metrics is the better the lower it is; without a name: every one",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--versions", metavar="N,M,...", help=f"these versions, at most {MOST_NAMED}")
    which.add_argument(
        "--last",
        type=int,
        default=_LAST,
        metavar="N",
        help=f"the newest N, and those before them that an alias names; default: {_LAST}, at most {MOST_NEWEST}",
    )
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME",
        help="show this parameter in place of those that differ; can be given several times",
    )
    parser.add_argument(
        "--any-data", action="store_true", help="compare across data that differs or is not known"
    )
    registry_reading.add_flags(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--best", action="store_true", help="print the number of the best version, and nothing else"
    )
    form.add_argument(
        "-o", "--output", choices=("table", "json", "markdown"), default="table", help="default: table"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    criteria = _criteria(options.metric, options.lower_is_better)
    if options.best and len(criteria) > 1:
        raise InvalidRequest("--best is about one metric: give --metric once")
    numbers = None if options.versions is None else _numbers(options.versions)
    if not 1 <= options.last <= MOST_NEWEST:
        raise InvalidRequest(f"--last takes a number from 1 to {MOST_NEWEST}")
    client = settings.client(options.tracking_uri)
    chosen = asyncio.run(_read(client, options.model, numbers, options.last))
    if not chosen.entries:
        raise InvalidRequest(f"model {options.model} has no versions")
    rankings = [rank(chosen.entries, criterion, any_data=options.any_data) for criterion in criteria]
    if options.best:
        return _best(rankings[0], chosen)
    comparison = Comparison(options.model, chosen, rankings, options.parameter)
    match options.output:
        case "json":
            return json.dumps(comparison.result, indent=2) + "\n", 0
        case "markdown":
            return comparison.markdown, 0
        case _:
            return comparison.table, 0


async def _read(client: ClientSettings, model: str, numbers: Sequence[str] | None, last: int) -> Chosen:
    async with registry_reading.opened(client) as registry:
        if numbers is not None:
            return await compared_versions.by_number(registry, model, numbers)
        return await compared_versions.newest(registry, model, last)


def _best(ranking: Ranking, chosen: Chosen) -> tuple[str, int]:
    """Return the number of the best version, the older of two that tie: the newer one is no better."""
    if chosen.left_out:
        output.tell(f"modelalias: {chosen.left_out}: {MORE}")
    if not ranking.best:
        output.tell(f"modelalias: {conclusion(ranking)}{f'; {ANY_DATA}' if ranking.groups else ''}")
        return "", _NONE_IS_BEST
    if len(ranking.best) > 1:
        output.tell(f"modelalias: {named(ranking.best)} tie, and {ranking.best[0]} is the oldest of them")
    return f"{ranking.best[0]}\n", 0


def _criteria(metrics: Sequence[str], lower: Sequence[str]) -> Sequence[Criterion]:
    unknown = [name for name in lower if name not in {_EVERY, *metrics}]
    if unknown:
        raise InvalidRequest(f"--lower-is-better {unknown[0]}: there is no --metric {unknown[0]}")
    return [
        Criterion(metric=name, direction=Direction.LOWER if {_EVERY, name} & {*lower} else Direction.HIGHER)
        for name in dict.fromkeys(metrics)
    ]


def _numbers(text: str) -> Sequence[str]:
    numbers = list(dict.fromkeys(part.strip() for part in text.split(",")))
    if not all(number.isdecimal() for number in numbers):
        raise InvalidRequest(f"--versions takes numbers with commas between them, and not {text}")
    if len(numbers) > MOST_NAMED:
        raise InvalidRequest(f"--versions takes at most {MOST_NAMED} versions")
    return numbers
