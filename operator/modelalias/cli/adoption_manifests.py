"""What `modelalias adopt` writes: a ModelAlias as YAML for each alias, and the lines that set the aliases of stages."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import ValidationError

from modelalias.api import unfit
from modelalias.api.alias import ModelAlias, ModelAliasSpec
from modelalias.api.metadata import Metadata
from modelalias.api.workload import Serving
from modelalias.cli import kubernetes_yaml, output
from modelalias.cli.adoption import Adopted
from modelalias.core.errors import InvalidRequest
from modelalias.ports import WorkloadRef

_SCRIPT: Final = '''\
"""Set the aliases that take the place of stages, each once. Written by modelalias adopt.

Needs mlflow, and MLFLOW_TRACKING_URI. An alias that is there already stays as it is, and none is set where the stage
has another version meanwhile. Nothing else is changed.
"""

from mlflow import MlflowClient

ALIASES = [  # model, alias, version, stage
{rows}]

client = MlflowClient()
for model, alias, version, stage in ALIASES:
    found = client.get_registered_model(model)
    newest = {{item.current_stage: str(item.version) for item in found.latest_versions}}.get(stage)
    if alias in found.aliases:
        print(f"{{model}}@{{alias}}: names version {{found.aliases[alias]}} already")
    elif newest != version:
        print(f"{{model}}@{{alias}}: not set, {{stage}} has version {{newest}} now: write the ModelAliases anew")
    else:
        client.set_registered_model_alias(model, alias, version)
        print(f"{{model}}@{{alias}}: version {{version}}")
'''


def manifest(item: Adopted, namespace: str | None, registry: str, workloads: Sequence[WorkloadRef]) -> str:
    """Return the ModelAlias of an alias, without a rule: those are for its owner to write.

    Raise `InvalidRequest` where a registry has no such name, or a ModelAlias has no room for the workloads.
    """
    try:
        spec = ModelAliasSpec(
            registry=registry,
            model=item.key.model,
            alias=item.key.alias,
            previous_alias=item.previous,
            serving=tuple(Serving(kind=ref.kind, name=ref.name) for ref in workloads),
        )
    except ValidationError as error:
        raise InvalidRequest(f"{item.key.model}@{item.key.alias}: {unfit.message(error)}") from error
    alias = ModelAlias(metadata=Metadata(name=item.name, namespace=namespace or ""), spec=spec)
    body = alias.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    whole: dict[str, Any] = {"apiVersion": alias.api_version, "kind": alias.kind, **body}
    return "".join(
        [
            *(f"# {output.printable(line)}\n" for line in _said(item)),
            kubernetes_yaml.dump(whole),
            *(f"  # {output.printable(line)}\n" for line in _serving(item, workloads)),
        ]
    )


def script(items: Sequence[Adopted]) -> str:
    """Return a program that sets the aliases of stages, as their owner runs it once."""
    rows = ((item.key.model, item.key.alias, item.version, item.stage) for item in items)
    # ascii(): a name is anybody's text, and must not end its quotes or the line
    return _SCRIPT.format(rows="".join(f"    ({', '.join(map(ascii, row))}),\n" for row in rows))


def _said(item: Adopted) -> Iterator[str]:
    key = item.key
    if item.stage is None:
        yield f"{key.model}@{key.alias} is version {item.version}"
    else:
        yield f"takes the place of the stage {item.stage} of {key.model}, whose newest version is {item.version}"
        yield "apply it once the alias is set, so that it is taken over and not reported as moved by hand"
    if item.previous is not None:
        yield f"{item.previous} is taken for its previousAlias, by its name: each promotion will write it"


def _serving(item: Adopted, workloads: Sequence[WorkloadRef]) -> Iterator[str]:
    if not workloads:
        uri = f"models:/{item.key.model}@{item.key.alias}"
        yield f"serving: [{{name: ...}}]   # the workloads that load {uri}, so that they are rolled when it moves"
