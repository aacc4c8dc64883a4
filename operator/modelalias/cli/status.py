"""`modelalias status`: the state of a ModelAlias or of a request, now or once the request has ended."""

import argparse
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from modelalias.api.alias import ModelAlias
from modelalias.api.fields import duration
from modelalias.api.request import PromotionRequest
from modelalias.cli import alias_report, heartbeat, markdown_report, output, report, session, waiting
from modelalias.cli.cluster import ObjectMissing, PersonsCluster
from modelalias.cli.waiting import Ending
from modelalias.core.errors import InvalidRequest, OperatorError, Refused

_MORE: Final = """\
NAME is that of a ModelAlias or of a PromotionRequest; where there are both, both are shown. Of two with the same
name, alias/NAME and request/NAME mean one, and --wait and -o json the request.

examples:
  %(prog)s churn-champion
  %(prog)s churn-v4
  %(prog)s churn-v4 --wait --timeout 1h -o json > verdict.json

exit status:
  0   the state was printed; with --wait: the request succeeded
  1   with --wait: the request was refused, failed, undone, aborted or deleted
  2   with --wait: the request has not ended in time; or the state could not be read: standard error says why
"""


_ALIAS: Final = "alias"
_REQUEST: Final = "request"
_KINDS: Final = {
    **dict.fromkeys((_ALIAS, "malias", "modelalias", "modelaliases"), _ALIAS),
    **dict.fromkeys((_REQUEST, "mpr", "promotionrequest", "promotionrequests"), _REQUEST),
}
_FIRST_STATUS: Final = timedelta(seconds=30)
"""What runs shows something after a second or two, also while the registry does not answer."""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "status",
        help="show the state of an alias or of a request, or wait until the request has ended",
        description="Show the state of an alias or of a request, or wait until the request has ended.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", help="name of the ModelAlias or the PromotionRequest")
    parser.add_argument(
        "-o", "--output", choices=("text", "json", "markdown"), default="text", help="default: text"
    )
    add_wait_flags(parser)
    heartbeat.add_flag(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def add_wait_flags(parser: argparse.ArgumentParser, until: str = "the request has ended") -> None:
    """Add the options that make a command wait for an end."""
    parser.add_argument(
        "--wait",
        action="store_true",
        help=f"wait until {until}; each step is reported on standard error",
    )
    add_timeout_flag(parser, "10m", "how long --wait waits")


def add_timeout_flag(parser: argparse.ArgumentParser, default: str, text: str) -> None:
    """Add the option that says how long a command waits."""
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=default,
        metavar="TIME",
        help=f"{text}, such as 90s or 1h30m; default: {default}",
    )


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    return session.with_cluster(options, lambda cluster: show(cluster, options))


async def show(cluster: PersonsCluster, options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    kind, name = _named(options.name)
    if options.wait:
        if kind == _ALIAS:
            raise InvalidRequest("--wait waits for a request to end: an alias has no end")
        return await wait(cluster, await cluster.request(name), options.timeout, options.output)
    alias, request = await _found(cluster, kind, name)
    runs = await heartbeat.look(cluster, options.operator_namespace)
    if runs.endswith("may be old"):
        output.tell(runs)
    if options.output == "json":
        of_alias = None if alias is None else alias_report.as_json(alias, cluster.now())
        shown = of_alias if request is None else report.as_json(request)
        return json.dumps(shown, indent=2) + "\n", Ending.SUCCEEDED
    if options.output == "markdown":
        documents = [
            *([] if alias is None else [markdown_report.of_alias(alias, cluster.now())]),
            *([] if request is None else [markdown_report.of_request(request)]),
        ]
        return "\n".join(documents), Ending.SUCCEEDED
    texts = [
        *([] if alias is None else [alias_report.text(alias, cluster.now())]),
        *([] if request is None else [report.text(request)]),
    ]
    if _is_late(
        cluster, [item for item in (alias, request) if item is not None and item.status.phase is None]
    ):
        texts.append(output.lines([runs, *heartbeat.where_to_look(options.operator_namespace)]))
    return "\n".join(texts), Ending.SUCCEEDED


def _named(name: str) -> tuple[str | None, str]:
    """Return which kind a name means, None for either, and the name."""
    kind, slash, rest = name.partition("/")
    return (_KINDS.get(kind.lower(), name), rest) if slash else (None, name)


async def _found(
    cluster: PersonsCluster, kind: str | None, name: str
) -> tuple[ModelAlias | None, PromotionRequest | None]:
    """Read what has that name; what the user may not read does not count while there is something else."""
    if kind not in {None, _ALIAS, _REQUEST}:
        raise InvalidRequest(f"{kind} names no kind: say alias/NAME or request/NAME")
    alias, request = None, None
    errors: list[OperatorError] = []
    if kind != _REQUEST:
        try:
            alias = await cluster.alias(name)
        except (ObjectMissing, Refused) as error:
            errors.append(error)
    if kind != _ALIAS:
        try:
            request = await cluster.request(name)
        except (ObjectMissing, Refused) as error:
            errors.append(error)
    if alias is None and request is None:
        refused = next((error for error in errors if isinstance(error, Refused)), None)
        if refused is not None or kind is not None:
            raise refused or errors[0]
        message = f"there is no ModelAlias and no PromotionRequest {name} in namespace {cluster.namespace}"
        raise ObjectMissing(message)
    return alias, request


def _is_late(cluster: PersonsCluster, unseen: Sequence[ModelAlias | PromotionRequest]) -> bool:
    """Return whether one of them has waited for its first status for longer than the operator takes."""
    made = (item.metadata.creation_timestamp for item in unseen)
    return any(at is not None and cluster.now() - at > _FIRST_STATUS for at in made)


async def wait(
    cluster: PersonsCluster, request: PromotionRequest, seconds: float, form: str | None
) -> tuple[str, int]:
    """Wait for the request's end, and return its state then and the exit status."""
    latest, ending = await waiting.until_ended(cluster, request, seconds, output.tell, waiting.clock())
    return formatted(latest, form), ending


def formatted(request: PromotionRequest, form: str | None) -> str:
    """Return the state of a request in a form, or its name alone."""
    match form:
        case "name":
            return output.lines([request.metadata.name])
        case "json":
            return json.dumps(report.as_json(request), indent=2) + "\n"
        case "markdown":
            return markdown_report.of_request(request)
        case _:
            return report.text(request)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"([0-9]{1,9}[dhms]){1,4}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 90s or 1h30m")
    return duration(text).total_seconds()
