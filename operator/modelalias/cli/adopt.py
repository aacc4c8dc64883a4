"""`modelalias adopt`: write ModelAliases for the aliases of a registry, and change nothing."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from modelalias.api.alias import ModelAlias
from modelalias.cli import (
    adoption,
    adoption_folder,
    adoption_manifests,
    managed_aliases,
    output,
    registry_reading,
    session,
    workload_search,
)
from modelalias.cli.adoption import Adopted, Adoption, Wanted
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.workload_search import Loading
from modelalias.core.errors import OperatorError, Refused
from modelalias.ports import RegisteredModel, Registry

STAGES_FOLDER: Final = "stages"
SCRIPT: Final = "set_aliases.py"

_MORE: Final = f"""\
Writes one ModelAlias for each alias, without rules and without workloads, which its owner adds. Once they are applied,
the operator takes over what each alias names, and moves and rolls nothing. The registry and the cluster are only read.

An alias such as prev-champion beside champion becomes its previousAlias. What is managed already is left out, as far as
you may list ModelAliases. What is left out, and why, is told on standard error. With --to, models that use stages get
ModelAliases for staging and production as well, in the folder {STAGES_FOLDER}, with {SCRIPT}, which sets these aliases.

examples:
  %(prog)s | kubectl apply -f -
  %(prog)s --model 'fraud-*' --alias champion -n risk --find-workloads --to deploy/aliases

exit status:
  0   everything that can be managed and is not yet was written
  2   nothing was written, or not all: standard error says why

{registry_reading.ENVIRONMENT}"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "adopt",
        help="write ModelAliases for the aliases of a registry",
        description="Write ModelAliases for the aliases that a registry has.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    registry_reading.add_flags(parser)
    for option, what in (("--model", "models"), ("--alias", "aliases")):
        parser.add_argument(
            option,
            action="append",
            default=[],
            metavar="NAME",
            help=f"only {what} of this name, which may hold * and ?; can be given several times",
        )
    parser.add_argument(
        "--registry",
        metavar="NAME",
        default="default",
        help="the registry's name in the operator's configuration; default: default",
    )
    parser.add_argument(
        "--to", metavar="DIR", type=Path, help="write a file for each; default: standard output"
    )
    parser.add_argument(
        "--all", action="store_true", help="write those that are managed already as well, and ask no cluster"
    )
    parser.add_argument(
        "--find-workloads",
        action="store_true",
        help="put the workloads of the namespace into serving whose variables or arguments hold models:/MODEL@ALIAS",
    )
    session.add_flags(parser)
    parser.set_defaults(run=run)


class _Seen(NamedTuple):
    """What a cluster was seen to have."""

    namespace: str
    existing: Sequence[ModelAlias]
    loading: Loading


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the manifests, unless they go into a folder, and the exit status."""

    async def read(registry: Registry) -> Mapping[str, RegisteredModel]:
        return await registry_reading.settled(registry.registered_models)

    models = registry_reading.with_registry(options, read)
    seen = _look(options)
    wanted = Wanted(tuple(options.model), tuple(options.alias))
    adopted = adoption.choose(models, wanted, seen.existing, seen.namespace)
    namespace = seen.namespace if options.find_workloads else options.namespace
    for message in (*adopted.messages, *_loading_stages(adopted.of_stages(), seen.loading)):
        output.tell(message)

    def manifest(item: Adopted) -> str:
        workloads = seen.loading.of_alias(item.key)
        return adoption_manifests.manifest(item, namespace, options.registry, workloads)

    manifests = {item: manifest(item) for item in adopted.adopted}
    if options.to is None:
        return _as_text(adopted, manifests), 0
    _write(options.to, adopted, manifests)
    return "", 0


def _look(options: argparse.Namespace) -> _Seen:
    """Look at the cluster; go on without one, unless the options ask for it."""

    async def look(cluster: PersonsCluster) -> _Seen:
        existing = () if options.all else await _existing(cluster, options.registry)
        loading = await workload_search.search(cluster) if options.find_workloads else Loading()
        return _Seen(cluster.namespace, existing, loading)

    blind = _Seen(options.namespace or "", (), Loading())
    if options.all and not options.find_workloads:
        return blind
    try:
        return session.with_cluster(options, look)
    except OperatorError as error:
        if options.find_workloads or options.kubeconfig or options.context or options.acts_as:
            raise
        output.tell(f"what is managed already is not known, so nothing is left out for it: {error}")
        return blind


async def _existing(cluster: PersonsCluster, registry: str) -> Sequence[ModelAlias]:
    try:
        return await managed_aliases.read(cluster, "", registry)
    except Refused:
        output.tell(
            f"you may not list the ModelAliases of all namespaces: only those of {cluster.namespace} are known"
        )
        return await managed_aliases.read(cluster, cluster.namespace, registry)


def _loading_stages(items: Sequence[Adopted], loading: Loading) -> Iterator[str]:
    for item in items:
        for ref in loading.of_stage(item.key.model, item.stage or ""):
            uri = f"models:/{item.key.model}"
            yield f"{ref.kind} {ref.name} loads {uri}/{item.stage}: let it load {uri}@{item.key.alias}"


def _as_text(adopted: Adoption, manifests: Mapping[Adopted, str]) -> str:
    models = sorted({item.key.model for item in adopted.of_stages()})
    if models:
        named = f"{', '.join(models[:3])}{', ...' if models[3:] else ''}"
        output.tell(
            f"models that use stages: {len(models)} ({named}); --to DIR writes what takes their place"
        )
    texts = [manifests[item] for item in adopted.of_aliases()]
    if not texts:
        output.tell("there is nothing to adopt")
    return "---\n".join(texts)


def _write(folder: Path, adopted: Adoption, manifests: Mapping[Adopted, str]) -> None:
    stages = folder / STAGES_FOLDER
    for item, text in manifests.items():
        place = (folder if item.stage is None else stages) / f"{item.name}.yaml"
        _write_one(place, text)
    if adopted.of_aliases():
        output.tell(f"ModelAliases: {len(adopted.of_aliases())}; kubectl apply -f {folder}")
    if adopted.of_stages():
        script = stages / SCRIPT
        _write_one(script, adoption_manifests.script(adopted.of_stages()))
        output.tell(
            f"ModelAliases for stages: {len(adopted.of_stages())}; python {script}, "
            f"and once it has set the aliases kubectl apply -f {stages}"
        )
    if not manifests:
        output.tell("there is nothing to adopt")


def _write_one(place: Path, text: str) -> None:
    if not adoption_folder.write_new(place, text):
        output.tell(f"left as it is: {place} is there already, and differs from what would be written now")
