"""`/m/{registry}/{model}`: the versions of one model beside its aliases in all namespaces."""

import asyncio
import importlib
from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError
from starlette.responses import Response

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest
from modelalias.cli import compared_versions
from modelalias.cli.cluster import Kind
from modelalias.cli.compared_versions import Chosen
from modelalias.core.errors import InvalidRequest, NotFound, OperatorError, Refused, Unavailable
from modelalias.web import awaiting, board, model_versions
from modelalias.web.model_versions import ModelView
from modelalias.web.reading import Reader
from modelalias.web.registries import Opened
from modelalias.web.view import Notice
from modelalias.web.visit import Visit

MOST_ASKED: Final = 20
"""ModelAliases whose requests are read."""
MOST_REQUESTS: Final = 200


async def model_page(visit: Visit) -> Response:
    """Show which alias of a model names which version, and how the versions compare."""
    registry, model = visit.parameter("registry"), visit.parameter("model")
    view = await read(visit, registry, model, visit.reader.namespace)
    if not view.rows and not view.versions and not any(item.is_error for item in view.notices):
        seen = "no ModelAlias that you may see manages an alias of it"
        raise NotFound(f"nothing is known of a model {model} in registry {registry}: {seen}")
    return await visit.answer("model.html", view)


async def read(visit: Visit, registry: str, model: str, namespace: str) -> ModelView:
    """Read the model; its ModelAliases in that one namespace where the person may not list in all."""
    aliases, cluster = await _aliases(visit.reader, registry, model, namespace)
    site = visit.site.registries.named(registry)
    (chosen, registered), requests = await asyncio.gather(
        _versions(site.opened, model),
        asyncio.gather(*(_requests(visit.reader, alias) for alias in aliases[:MOST_ASKED])),
    )
    view = model_versions.view(registry, model, aliases, site.links, chosen, requests)
    return view.changed(notices=(*cluster, *registered))


async def _requests(reader: Reader, alias: ModelAlias) -> Sequence[PromotionRequest]:
    """Read the requests of a ModelAlias; none where they may not be read, since its status says the most."""
    selector = f"spec.aliasRef.name={board.selected(alias.metadata.name)}"
    try:
        page = await reader.page(
            Kind.REQUESTS, alias.metadata.namespace, selector=selector, most=MOST_REQUESTS
        )
    except (Refused, InvalidRequest, Unavailable):
        return ()
    found, _ = awaiting.parsed(page.items)
    return found


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
