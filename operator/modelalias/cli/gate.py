"""`modelalias gate`: the operator's verdict on a version, for the pipeline that trained it."""

import argparse
import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from modelalias import settings
from modelalias.api.alias import ModelAlias
from modelalias.cli import alias_file, markdown_report, registry_reading, table
from modelalias.cli.rehearsal import rehearse
from modelalias.cli.rehearsed import GateOutcome, Rehearsal
from modelalias.core.errors import InvalidRequest
from modelalias.settings import ClientSettings

STATUS: Final = {GateOutcome.PASSED: 0, GateOutcome.REFUSED: 1, GateOutcome.INCONCLUSIVE: 2}

_MORE: Final = f"""\
Takes the rules from the ModelAlias in the file, and from the PromotionPolicies and ClusterPromotionPolicies that are in
it as well and hold for it; the metrics are MLflow's. The champion is the version that the alias names in MLflow now.
Needs no cluster and writes nothing.

examples:
  %(prog)s -f alias.yaml --version 4 --tracking-uri https://mlflow.example.com
  %(prog)s -f alias.yaml --version "$VERSION" -o json > verdict.json

exit status:
  0   passed, or the alias names the version already
  1   refused
  2   inconclusive, or the version could not be judged: standard error says why

{registry_reading.ENVIRONMENT}"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "gate",
        help="judge a version as the operator would, without a cluster",
        description="Judge a model version as the operator would, without a cluster.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "-f",
        "--filename",
        required=True,
        metavar="FILE",
        help="file with the ModelAlias as YAML; - is standard input",
    )
    parser.add_argument("--name", help="name of the ModelAlias, if the file has several")
    parser.add_argument("--version", required=True, metavar="N", help="the model version to judge")
    registry_reading.add_flags(parser)
    parser.add_argument(
        "-o", "--output", choices=("table", "json", "markdown"), default="table", help="default: table"
    )
    parser.add_argument(
        "--markdown", metavar="FILE", help="write the same verdict as Markdown into this file as well"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    alias = alias_file.read(options.filename, options.name)
    rehearsal = asyncio.run(_judge(settings.client(options.tracking_uri), alias, options.version))
    if options.markdown is not None:
        _write(Path(options.markdown), _formatted(rehearsal, "markdown"))
    return _formatted(rehearsal, options.output), STATUS[rehearsal.outcome]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"cannot write {path}: {error.strerror or error}") from error


def _formatted(rehearsal: Rehearsal, form: str) -> str:
    if form == "json":
        return json.dumps(rehearsal.result, indent=2) + "\n"
    return markdown_report.of_rehearsal(rehearsal) if form == "markdown" else table.text(rehearsal)


async def _judge(client: ClientSettings, alias: ModelAlias, version: str) -> Rehearsal:
    async with registry_reading.opened(client) as registry:
        return await rehearse(registry, alias, version, datetime.now(UTC))
