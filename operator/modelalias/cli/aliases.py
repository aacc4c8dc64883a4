"""`modelalias aliases`: the aliases of a registry, and on request who manages them."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from modelalias.api.alias import ModelAlias
from modelalias.cli import managed_aliases, output, registry_reading, session
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.managed_aliases import AliasKey, Managed
from modelalias.core.errors import InvalidRequest
from modelalias.ports import Aliases, Registry

_MORE: Final = f"""\
One call for a model, one for each thousand models of a registry. Writes nothing, and asks no cluster without
--managed, which shows the ModelAlias that manages each alias, or writes it as its previousAlias, as far as you may list them.

examples:
  %(prog)s
  %(prog)s churn -o json
  %(prog)s --managed -n ml

exit status:
  0   the aliases were printed, or there are none
  2   they could not be read: standard error says why

{registry_reading.ENVIRONMENT}"""

_COLUMNS: Final = ("MODEL", "ALIAS", "VERSION")
_MANAGED: Final = ("MODELALIAS", "PHASE")


class Listed(NamedTuple):
    """An alias, the version that it names, and the ModelAliases that manage it; None where nobody asked."""

    key: AliasKey
    version: str
    managed_by: Sequence[ModelAlias] | None


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "aliases",
        help="list the aliases of a registry and the versions that they name",
        description="List the aliases of a registry and the versions that they name.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("model", nargs="?", metavar="MODEL", help="the registered model; default: all")
    registry_reading.add_flags(parser)
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")
    parser.add_argument("--managed", action="store_true", help="show which ModelAlias manages an alias")
    parser.add_argument(
        "-A", "--all-namespaces", action="store_true", help="with --managed: ModelAliases of all namespaces"
    )
    parser.add_argument(
        "--registry",
        metavar="NAME",
        default="default",
        help="with --managed: the registry's name in the operator's configuration; default: default",
    )
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    if options.all_namespaces and not options.managed:
        raise InvalidRequest("-A needs --managed")
    if options.all_namespaces and options.namespace:
        raise InvalidRequest("-n and -A exclude each other")

    async def read(registry: Registry) -> Mapping[str, Aliases]:
        if options.model is None:
            return await registry_reading.settled(registry.snapshot)
        return {options.model: await registry.aliases(options.model)}

    async def who_manages(cluster: PersonsCluster) -> Managed:
        namespace = "" if options.all_namespaces else cluster.namespace
        found = await managed_aliases.read(cluster, namespace, options.registry)
        written = {key: (item,) for key, item in managed_aliases.written(found).items()}
        return {**written, **managed_aliases.managed(found)}

    by_model = registry_reading.with_registry(options, read)
    listed = joined(by_model, session.with_cluster(options, who_manages) if options.managed else None)
    return as_json(listed) if options.output == "json" else text(listed, managed=options.managed), 0


def joined(by_model: Mapping[str, Aliases], managed: Managed | None) -> Sequence[Listed]:
    """Return the aliases in order, each with the ModelAliases that manage it."""
    keys = sorted(AliasKey(model, alias) for model, aliases in by_model.items() for alias in aliases)
    return [
        Listed(key, by_model[key.model][key.alias], None if managed is None else managed.get(key.folded, ()))
        for key in keys
    ]


def text(listed: Sequence[Listed], *, managed: bool) -> str:
    """Return the aliases as a table, or a sentence if there are none."""
    if not listed:
        return output.lines(["there are no aliases"])
    columns = (*_COLUMNS, *_MANAGED) if managed else _COLUMNS
    return output.lines(output.aligned([columns, *map(_row, listed)]))


def as_json(listed: Sequence[Listed]) -> str:
    """Return the aliases as JSON."""
    return json.dumps([_fields(item) for item in listed], indent=2) + "\n"


def _row(item: Listed) -> Sequence[str]:
    cells = (*item.key, item.version)
    if item.managed_by is None:
        return cells
    names = ", ".join(managed_aliases.name(one) for one in item.managed_by)
    phases = ", ".join(_phase(one) or output.NOTHING for one in item.managed_by)
    return (*cells, names, phases)


def _fields(item: Listed) -> Mapping[str, object]:
    fields: dict[str, object] = {**item.key._asdict(), "version": item.version}
    if item.managed_by is not None:
        fields["managedBy"] = [
            {"namespace": one.metadata.namespace, "name": one.metadata.name, "phase": _phase(one)}
            for one in item.managed_by
        ]
    return fields


def _phase(item: ModelAlias) -> str | None:
    return None if item.status.phase is None else item.status.phase.value
