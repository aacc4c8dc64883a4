"""`modelalias status`: the state of a ModelAlias or of a request, now, as it changes, or once the request has ended."""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Final

from modelalias.api.alias import ModelAlias
from modelalias.api.fields import duration
from modelalias.api.request import PromotionRequest
from modelalias.cli import (
    alias_report,
    following,
    heartbeat,
    kubernetes_yaml,
    listed_objects,
    markdown_report,
    named_objects,
    output,
    report,
    session,
    waiting,
)
from modelalias.cli.cluster import Kind, PersonsCluster
from modelalias.cli.following import Key, Wanted
from modelalias.cli.table_watch import Report, Show
from modelalias.cli.waiting import Clock, Ending
from modelalias.core.errors import InvalidRequest

_MORE: Final = """\
NAME is that of a ModelAlias or of a PromotionRequest; where there are both, both are shown. Of two with the same
name, alias/NAME and request/NAME mean one, and --wait, --watch, -o json and -o yaml the request.

examples:
  %(prog)s churn-champion
  %(prog)s churn-champion --watch
  %(prog)s request/churn-v4 -o yaml
  %(prog)s churn-v4 --wait --timeout 1h -o json > verdict.json

exit status:
  0     the state was printed; with --wait: the request succeeded
  1     with --wait: the request was refused, failed, undone, aborted or deleted; with --watch: it was deleted
  2     with --wait: the request has not ended in time; or the state could not be read: standard error says why
  130   --watch was interrupted
"""

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
        "-o",
        "--output",
        choices=("text", "json", "yaml", "markdown"),
        default="text",
        help="json, yaml: the same fields; default: text",
    )
    add_watch_flag(parser)
    add_wait_flags(parser)
    heartbeat.add_flag(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def add_watch_flag(parser: argparse.ArgumentParser, elsewhere: str = "what is new is printed") -> None:
    """Add the option that makes a command go on showing what changes."""
    parser.add_argument(
        "-w",
        "--watch",
        action="store_true",
        help=f"go on until interrupted: a terminal is drawn anew, elsewhere {elsewhere}",
    )


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
    if options.watch and (options.wait or options.output != "text"):
        raise InvalidRequest("--watch shows text until it is interrupted: not with --wait and -o")
    return session.with_cluster(options, lambda cluster: show(cluster, options))


async def show(cluster: PersonsCluster, options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    kind, name = named_objects.parse(options.name)
    if options.wait:
        if kind is Kind.ALIASES:
            raise InvalidRequest("--wait waits for a request to end: an alias has no end")
        return await wait(cluster, await cluster.request(name), options.timeout, options.output)
    alias, request = await named_objects.find(cluster, kind, name)
    runs = await heartbeat.look(cluster, options.operator_namespace)
    if runs.is_silent:
        output.tell(runs.sentence)
    if options.watch:
        redraws = sys.stdout.isatty()
        return "", await watch(cluster, request or alias, output.show, waiting.clock(), redraws=redraws)
    if options.output in {"json", "yaml"}:
        of_alias = None if alias is None else alias_report.as_json(alias, cluster.now())
        shown = of_alias if request is None else report.as_json(request)
        return as_data(shown, options.output), Ending.SUCCEEDED
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
        texts.append(output.lines([runs.sentence, *heartbeat.where_to_look(options.operator_namespace)]))
    return "\n".join(texts), Ending.SUCCEEDED


async def watch(
    cluster: PersonsCluster,
    item: PromotionRequest | ModelAlias | None,
    show: Show,
    clock: Clock,
    *,
    redraws: bool,
) -> Ending:
    """Show a request or an alias whenever it has changed, until it is deleted or nobody reads on."""
    assert item is not None  # noqa: S101 - one of both was found
    model = type(item)
    kind = Kind.REQUESTS if model is PromotionRequest else Kind.ALIASES
    key = Key(item.metadata.namespace, item.metadata.name)
    wanted = Wanted(kind=kind, namespace=key.namespace, selector=f"metadata.name={key.name}")
    drawn = Report(show, redraws=redraws)
    async with aclosing(following.follow(cluster, wanted, output.tell, clock)) as looks:
        async for objects in looks:
            there = objects.get(key)
            if (
                there is None or following.uid_of(there) != item.metadata.uid
            ):  # or another one has its name now
                output.tell(f"{named_objects.word(kind)} {key.name} was deleted")
                return Ending.NOT_SUCCEEDED
            latest = listed_objects.read(model, there)
            text = (
                report.text(latest)
                if isinstance(latest, PromotionRequest)
                else alias_report.text(latest, cluster.now())
            )
            if not drawn.look(text):
                break
    return Ending.SUCCEEDED


def as_data(shown: object, form: str) -> str:
    """Return what programs read, as JSON or as YAML."""
    text = json.dumps(shown, indent=2)
    return f"{text}\n" if form == "json" else kubernetes_yaml.dump(json.loads(text))


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
        case "json" | "yaml":
            return as_data(report.as_json(request), form)
        case "markdown":
            return markdown_report.of_request(request)
        case _:
            return report.text(request)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"([0-9]{1,9}[dhms]){1,4}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 90s or 1h30m")
    return duration(text).total_seconds()
