"""`modelalias events`: what the operator has told of aliases, requests and workloads, now and as it comes."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final

from modelalias.api.alias import ModelAlias
from modelalias.api.fields import GROUP, timestamp_text
from modelalias.api.request import PromotionRequest
from modelalias.cli import ages, following, named_objects, object_events, output, session, status, waiting
from modelalias.cli.cluster import Kind, PersonsCluster
from modelalias.cli.following import Objects, Wanted
from modelalias.cli.object_events import ObjectEvent
from modelalias.cli.table_watch import Drawn, Rows, Show
from modelalias.cli.waiting import Clock
from modelalias.core.errors import InvalidRequest

_MORE: Final = """\
The newest Event stands last. Of a ModelAlias those on its requests and its workloads are shown as well; without a name all
of the namespace. The API server keeps Events for an hour unless it is told otherwise: what has to last stands in
modelalias history.

examples:
  %(prog)s
  %(prog)s churn-champion --watch
  %(prog)s request/churn-v4 -o json

exit status:
  0     they were printed, or there are none
  2     they could not be read; standard error says why
  130   --watch was interrupted
"""

COLUMNS: Final = ("AGE", "TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE")
_OURS: Final = f"reportingComponent={GROUP}/operator"

Matches = Callable[[ObjectEvent], bool]


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "events",
        help="show what the operator has told of an alias or a request, and follow it",
        description="Show what the operator has told of an alias or a request.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="name of the ModelAlias or the PromotionRequest; default: all"
    )
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")
    parser.add_argument("-w", "--watch", action="store_true", help="go on until interrupted")
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    if options.watch and options.output != "table":
        raise InvalidRequest("--watch shows a table: not with -o json")

    async def show(cluster: PersonsCluster) -> str:
        matches = await _matching(cluster, options.name)
        if options.watch:
            await watch(cluster, matches, output.show, waiting.clock())
            return ""
        bodies = cluster.every(Kind.EVENTS, cluster.namespace, selector=_OURS)
        found = [object_events.read(body) async for body in bodies]
        events = sorted(filter(matches, found), key=object_events.time_of)
        if options.output == "json":
            return status.as_data([as_json(event) for event in events], "json")
        return text(events, cluster.now())

    return session.with_cluster(options, show), 0


async def watch(cluster: PersonsCluster, matches: Matches, show: Show, clock: Clock) -> None:
    """Show what was told, and what comes, below each other, until nobody reads on."""
    rows = Rows(show, redraws=False, tells_gone=False)  # the API server drops each after an hour or so
    wanted = Wanted(kind=Kind.EVENTS, namespace=cluster.namespace, selector=_OURS)
    async with aclosing(following.follow(cluster, wanted, output.tell, clock)) as looks:
        async for objects in looks:
            shown, drawn = _drawn(objects, matches, cluster.now())
            if not rows.look(shown, drawn):
                return


def of_alias(alias: ModelAlias) -> Matches:
    """Return what takes the Events on an alias, and those that name it: on its requests and workloads."""
    named = {"registry": alias.spec.registry, "model": alias.spec.model, "alias": alias.spec.alias}
    wanted = {f"{GROUP}/{key}": value for key, value in named.items()}

    def matches(event: ObjectEvent) -> bool:
        return event.uid == alias.metadata.uid or wanted.items() <= event.annotations.items()

    return matches


def of_request(request: PromotionRequest) -> Matches:
    """Return what takes the Events on a request, and those that name it: on its alias and the workloads."""

    def matches(event: ObjectEvent) -> bool:
        return (
            event.uid == request.metadata.uid
            or event.annotations.get(f"{GROUP}/request") == request.metadata.name
        )

    return matches


def text(events: Sequence[ObjectEvent], now: datetime) -> str:
    """Return a row for each Event, or a sentence if there are none."""
    if not events:
        return output.lines(["there are no Events: they are kept for an hour or so"])
    return output.lines(output.aligned([COLUMNS, *(row(event, now) for event in events)]))


def row(event: ObjectEvent, now: datetime) -> Sequence[str]:
    """Return the cells."""
    kind = "Warning" if event.is_warning else "Normal"
    about = f"{event.kind}/{event.name}"
    return (ages.age(event.at, now), kind, event.reason, about, str(event.times), event.message)


def as_json(event: ObjectEvent) -> Mapping[str, object]:
    """Return what programs read."""
    return {
        **({} if event.at is None else {"at": timestamp_text(event.at)}),
        "type": "Warning" if event.is_warning else "Normal",
        "reason": event.reason,
        "kind": event.kind,
        "name": event.name,
        "count": event.times,
        "message": event.message,
        "annotations": {key.partition("/")[2]: value for key, value in event.annotations.items()},
    }


async def _matching(cluster: PersonsCluster, name: str | None) -> Matches:
    """Return what takes the Events that are asked for."""
    if name is None:
        return lambda _: True
    alias, request = await named_objects.find(cluster, *named_objects.parse(name))
    wanted = [
        *([] if alias is None else [of_alias(alias)]),
        *([] if request is None else [of_request(request)]),
    ]
    return lambda event: any(matches(event) for matches in wanted)


def _drawn(objects: Objects, matches: Matches, now: datetime) -> tuple[Objects, Drawn]:
    """Return the Events that are shown, as they stand and as rows; those that went are not told."""
    read = {key: object_events.read(body) for key, body in objects.items()}
    keys = sorted(
        (key for key, event in read.items() if matches(event)),
        key=lambda key: object_events.time_of(read[key]),
    )
    return {key: objects[key] for key in keys}, Drawn(COLUMNS, {key: row(read[key], now) for key in keys})
