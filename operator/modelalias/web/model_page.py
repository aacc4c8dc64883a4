"""`/m/{registry}/{model}`: the versions of one model beside its aliases in all namespaces."""

import asyncio
import importlib
from collections.abc import Sequence

from pydantic import ValidationError
from starlette.responses import Response

from modelalias.api.alias import ModelAlias
from modelalias.cli import compared_versions
from modelalias.cli.cluster import Kind
from modelalias.cli.compared_versions import Chosen
from modelalias.core.errors import OperatorError, Refused
from modelalias.web import board, model_versions
from modelalias.web.model_versions import ModelView
from modelalias.web.reading import Reader
from modelalias.web.registries import Opened
from modelalias.web.view import Notice
from modelalias.web.visit import Visit


async def model_page(visit: Visit) -> Response:
    """Show which alias of a model names which version, and how the versions compare."""
    where = visit.parameter("registry"), visit.parameter("model")
    return await visit.answer("model.html", await read(visit, *where, visit.reader.namespace))


async def read(visit: Visit, registry: str, model: str, namespace: str) -> ModelView:
    """Read the model; its ModelAliases in that one namespace where the person may not list in all."""
    aliases, cluster = await _aliases(visit.reader, registry, model, namespace)
    site = visit.site.registries.named(registry)
    chosen, registered = await _versions(site.opened, model)
    view = model_versions.view(registry, model, aliases, site.links, chosen)
    return view.changed(notices=(*cluster, *registered))


async def _aliases(
    reader: Reader, registry: str, model: str, namespace: str
) -> tuple[Sequence[ModelAlias], tuple[Notice, ...]]:
    """Read the ModelAliases of the model."""
    selector = f"spec.model={board.selected(model)}"
    notices: tuple[Notice, ...] = ()
    try:
        page = await reader.page(Kind.ALIASES, "", selector=selector)
    except Refused as error:
        if not namespace:
            raise
        page = await reader.page(Kind.ALIASES, namespace, selector=selector)
        notices = (Notice(text=f"Only ModelAliases of namespace {namespace} are shown: {error}."),)
    found = []
    for body in page.items:
        try:
            alias = ModelAlias.model_validate(body)
        except ValidationError:
            where = board.key(body)
            notices = (*notices, Notice(text=f"{where.namespace}/{where.name}: {board.UNREADABLE}"))
            continue
        if alias.spec.registry == registry:
            found.append(alias)
    return found, notices


async def _versions(opened: Opened | None, model: str) -> tuple[Chosen | None, tuple[Notice, ...]]:
    """Read the newest versions and those that an alias names; say why where that is not possible."""
    if opened is None:
        return None, ()
    # MLflow takes a second to load, in which other pages go on
    await asyncio.to_thread(importlib.import_module, "modelalias.adapters.mlflow_registry")
    try:
        async with opened() as registry:
            return await compared_versions.newest(registry, model, model_versions.MOST), ()
    except OperatorError as error:
        text = f"The registry could not be read, so that this is what the cluster knows: {error}."
        return None, (Notice(text=text, is_error=True),)
