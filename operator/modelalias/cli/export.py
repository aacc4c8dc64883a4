"""`modelalias export`: write the ledger of one alias or of all as JSON lines."""

import argparse
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from modelalias import settings
from modelalias.cli import export_file, ledger_lines, output, registry_reading, session
from modelalias.cli.cluster import Kind, ObjectMissing, PersonsCluster
from modelalias.cli.export_file import Write
from modelalias.cli.ledger_lines import Body, Line
from modelalias.core.errors import InvalidRequest, NotFound, OperatorError
from modelalias.core.ledger.record_text import tag_key
from modelalias.ports import Registry

COMPLETE: Final = 0
INCOMPLETE: Final = 1

_MORE: Final = """\
Writes ModelAliases, their moves, their requests and, with --records-from, the records of the versions that
they name: one JSON object a line, each with a "type" (docs/export.md). Nothing is changed.

examples:
  %(prog)s churn-champion > churn.jsonl
  %(prog)s --all -n ml --output ml.jsonl
  %(prog)s -A --output ledger.jsonl --records-from https://mlflow.example.com

exit status:
  0   everything was written
  1   it was written, but a record could not be read: standard error says why
  2   it was not written, or not to its end (the last line has the type End): standard error says why

Credentials for --records-from come from the environment, as for modelalias gate.
"""
_PROGRESS: Final = 1_000
"""After how many objects standard error says how far it is."""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "export",
        help="write the history, the requests and the records of aliases as JSON lines",
        description="Write the history, the requests and the records of aliases as JSON lines.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("alias", nargs="?", metavar="ALIAS", help="name of the ModelAlias")
    parser.add_argument("--all", action="store_true", help="all ModelAliases and requests of the namespace")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="those of all namespaces")
    parser.add_argument("--output", metavar="FILE", help="write to this file; default: standard output")
    parser.add_argument(
        "--records-from",
        metavar="URI",
        help="address of the MLflow server, without credentials: write the records on versions too",
    )
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Write the lines; return no more output, and the exit status."""
    everything = options.all or options.all_namespaces
    if everything == (options.alias is not None):
        raise InvalidRequest("export what? give the name of a ModelAlias, or --all, or -A")
    if options.all_namespaces and options.namespace:
        raise InvalidRequest("-n and -A exclude each other")

    async def write(cluster: PersonsCluster) -> int:
        namespace = "" if options.all_namespaces else cluster.namespace
        aliases = await _aliases(cluster, namespace, options.alias)
        async with _registry(options.records_from) as registry:
            if registry is not None:
                _must_be_of_one_registry(aliases)
            with export_file.opened(options.output) as write_text:
                sheet = _Sheet(write_text)
                with_records = registry is not None
                now = datetime.now(UTC)
                sheet.write(ledger_lines.head(namespace, options.alias, now, with_records=with_records))
                await _write(cluster, registry, namespace, options.alias, aliases, sheet)
        if options.output:
            output.tell(f"{sheet.lines} lines written to {options.output}")
        return INCOMPLETE if sheet.misses_something else COMPLETE

    return "", session.with_cluster(options, write)


class _Sheet:
    """Writes lines and counts them."""

    def __init__(self, write_text: Write) -> None:
        self._write_text = write_text
        self.lines = 0
        self.misses_something = False

    def write(self, line: Line) -> None:
        self._write_text(json.dumps(line, separators=(",", ":")) + "\n")
        self.lines += 1

    def miss(self, what: str, error: OperatorError) -> None:
        """Write that something could not be read, and tell it."""
        self.misses_something = True
        self.write(ledger_lines.missing(what, str(error)))
        output.tell(f"not exported: {what}: {error}")


async def _aliases(cluster: PersonsCluster, namespace: str, name: str | None) -> Sequence[Body]:
    found = [
        item
        async for item in cluster.every(Kind.ALIASES, namespace)
        if name is None or item["metadata"]["name"] == name
    ]
    if name is not None and not found:
        raise ObjectMissing(f"there is no ModelAlias {name} in namespace {namespace}")
    return found


async def _write(
    cluster: PersonsCluster,
    registry: Registry | None,
    namespace: str,
    name: str | None,
    aliases: Sequence[Body],
    sheet: _Sheet,
) -> None:
    report = _progress("ModelAliases", output.tell)
    for item in aliases:
        for line in ledger_lines.of_alias(item):
            sheet.write(line)
        report()
    named: dict[tuple[str, str], set[str]] = {_key(item): ledger_lines.versions_of(item) for item in aliases}
    report = _progress("requests", output.tell)
    async for item in cluster.every(Kind.REQUESTS, namespace):
        of = ledger_lines.alias_of(item)
        if name is not None and of != name:
            continue
        sheet.write(ledger_lines.of_request(item))
        report()
        named.setdefault((item["metadata"]["namespace"], of or ""), set()).update(
            ledger_lines.versions_of(item)
        )
    if registry is not None:
        report = _progress("records", output.tell)
        for item in aliases:
            await _write_records(registry, item, named[_key(item)], sheet, report)
    sheet.write(ledger_lines.end(sheet.lines))


async def _write_records(
    registry: Registry, alias: Body, versions: Iterable[str], sheet: _Sheet, report: Callable[[], None]
) -> None:
    model, key = alias["spec"]["model"], tag_key(alias["spec"]["alias"])
    for number in sorted(versions, key=lambda number: (len(number), number)):
        try:
            record = (await registry.version(model, number)).tags.get(key)
        except NotFound:
            continue  # a version that is gone took its record along
        except OperatorError as error:
            sheet.miss(f"record of version {number} of {model}", error)
            continue
        if record is not None:
            sheet.write(ledger_lines.of_record(alias, number, key, record))
            report()


def _progress(what: str, tell: Callable[[str], None]) -> Callable[[], None]:
    """Return what is to be called for each object; it says how far it is after each thousand."""
    count = 0

    def report() -> None:
        nonlocal count
        count += 1
        if count % _PROGRESS == 0:
            tell(f"{count} {what} so far")

    return report


def _key(item: Body) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _must_be_of_one_registry(aliases: Iterable[Body]) -> None:
    names = sorted({item["spec"].get("registry", "default") for item in aliases})
    if len(names) > 1:
        raise InvalidRequest(
            f"--records-from names one server, and these ModelAliases are of several registries: {', '.join(names)}; "
            "export them one by one"
        )


@asynccontextmanager
async def _registry(uri: str | None) -> AsyncIterator[Registry | None]:
    if uri is None:
        yield None
        return
    async with registry_reading.opened(settings.client(uri)) as registry:
        yield registry
