"""Reading a ModelAlias from a manifest, which may contain other objects as well."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from modelalias.api import unfit
from modelalias.api.alias import ModelAlias
from modelalias.cli import kubernetes_yaml
from modelalias.cli.file_policies import with_policies
from modelalias.core.errors import InvalidRequest
from modelalias.core.plan import rule_faults

STDIN: Final = "-"
KIND: Final = "ModelAlias"


def read(path: str, name: str | None) -> ModelAlias:
    """Read the file, or standard input; raise `InvalidRequest` with the file and what is wrong with it."""
    source = "standard input" if path == STDIN else path
    try:
        if path == STDIN and sys.stdin is None:
            raise InvalidRequest(f"cannot read {source}: it is closed")
        text = (sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()).decode()
    except OSError as error:
        raise InvalidRequest(f"cannot read {source}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"cannot read {source}: it is not UTF-8") from error
    try:
        return pick(text, name)
    except InvalidRequest as error:
        raise InvalidRequest(f"{source}: {error}") from error


def pick(text: str, name: str | None) -> ModelAlias:
    """Return the only ModelAlias among the documents, or the one with that name.

    It has the rules of the policies that are among them and hold for it.
    """
    objects = [*_objects(text)]
    aliases = [body for body in objects if body.get("kind") == KIND]
    if name is not None:
        aliases = [body for body in aliases if _name(body) == name]
    if not aliases:
        raise InvalidRequest(f"it contains no ModelAlias{'' if name is None else f' named {name}'}")
    if len(aliases) > 1:
        raise InvalidRequest(_several(aliases, name))
    # a status belongs to the cluster that the object was copied from
    body = {key: value for key, value in aliases[0].items() if key != "status"}
    try:
        alias = ModelAlias.model_validate(body)
    except ValidationError as error:
        raise InvalidRequest(
            f"{KIND} {_name(body) or 'without a name'} is not valid: {unfit.message(error)}"
        ) from error
    alias = with_policies(alias, objects, _policies_told(aliases[0]))
    fault = rule_faults.fault(alias)
    if fault is not None:
        raise InvalidRequest(f"{KIND} {_name(body)} is not valid: {fault.message}")
    return alias


def _policies_told(body: Mapping[str, Any]) -> Sequence[str]:
    """Return the policies that hold for it in the cluster that it was copied from."""
    status = body.get("status")
    policy = status.get("policy") if isinstance(status, Mapping) else None
    sources = policy.get("sources") if isinstance(policy, Mapping) else None
    return [item for item in sources if isinstance(item, str)] if isinstance(sources, list) else []


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """Return the documents, and the items of those that are lists as `kubectl get -o yaml` writes them."""
    try:
        documents = kubernetes_yaml.load_all(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f"line {mark.line + 1}: "
        raise InvalidRequest(f"{where}{getattr(error, 'problem', None) or 'it is not YAML'}") from error
    except (
        ValueError,
        KeyError,
        RecursionError,
    ) as error:  # infinity, a tag on what it does not fit, a nest of lists
        raise InvalidRequest("it contains YAML that cannot be part of a ModelAlias") from error
    for body in documents:
        items = body.get("items") if isinstance(body, dict) and body.get("kind") == "List" else None
        yield from (item for item in (items if isinstance(items, list) else [body]) if isinstance(item, dict))


def _several(aliases: list[Mapping[str, Any]], name: str | None) -> str:
    if name is not None:
        return f"it contains {len(aliases)} ModelAliases named {name}"
    names = ", ".join(sorted(_name(body) for body in aliases))
    return f"it contains {len(aliases)} ModelAliases: choose one with --name: {names}"


def _name(body: Mapping[str, Any]) -> str:
    metadata = body.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""
