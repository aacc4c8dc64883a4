"""`modelalias gate`: the operator's verdict on a version, for the pipeline that made it."""

import argparse
import asyncio
import json
from datetime import UTC, datetime
from typing import Any, Final

from modelalias import settings
from modelalias.api.alias import ModelAlias
from modelalias.cli import alias_file, table
from modelalias.cli.rehearsal import GateOutcome, Rehearsal, rehearse
from modelalias.core.errors import Refused
from modelalias.settings import ClientSettings

STATUS: Final = {GateOutcome.PASSED: 0, GateOutcome.REFUSED: 1, GateOutcome.INCONCLUSIVE: 2}

_MORE: Final = """\
The rules are those of the ModelAlias in the file, the numbers those in MLflow, the champion is what the alias holds now.
Nothing is written anywhere, and no cluster is asked.

example:
  %(prog)s -f alias.yaml --version 4 --tracking-uri https://mlflow.example.com
  %(prog)s -f alias.yaml --version "$VERSION" -o json > verdict.json

exit status:
  0   passed, or the alias holds the version already
  1   refused
  2   inconclusive, or nothing could be judged: the message on standard error says why

environment:
  MLFLOW_TRACKING_URI                                    where --tracking-uri is left out
  MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD     or
  MLFLOW_TRACKING_TOKEN                                  credentials, as MLflow's own client takes them
  MLFLOW_TRACKING_SERVER_CERT_PATH                       certificates to trust
  MLFLOW_TRACKING_INSECURE_TLS                           true: trust any certificate
"""

_NO_CREDENTIALS: Final = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"


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
        "-f", "--filename", required=True, metavar="FILE", help="the ModelAlias, as YAML; - is standard input"
    )
    parser.add_argument("--name", help="which ModelAlias, where the file has several")
    parser.add_argument(
        "--version", required=True, metavar="N", help="the version of the model that is to be judged"
    )
    parser.add_argument(
        "--tracking-uri", metavar="URI", help="address of the MLflow server, without credentials"
    )
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return what is to be printed, and the status."""
    alias = alias_file.read(options.filename, options.name)
    found = asyncio.run(_judge(settings.client(options.tracking_uri), alias, options.version))
    text = json.dumps(found.result, indent=2) + "\n" if options.output == "json" else table.text(found)
    return text, STATUS[found.outcome]


async def _judge(registry: ClientSettings, alias: ModelAlias, version: str) -> Rehearsal:
    # loading MLflow takes longer than all the rest
    from modelalias.adapters.mlflow_errors import Unauthorized  # noqa: PLC0415
    from modelalias.adapters.mlflow_registry import open_registry  # noqa: PLC0415

    opened = open_registry(registry, _never)
    try:
        return await rehearse(opened, alias, version, datetime.now(UTC))
    except Unauthorized as error:
        raise error if registry.given.are_set else Refused(f"{error}: {_NO_CREDENTIALS}") from error
    finally:
        await opened.close()


def _never() -> None:
    raise AssertionError("this command writes nothing")
