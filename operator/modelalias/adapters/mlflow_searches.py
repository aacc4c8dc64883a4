"""Reading many models, or many versions, by one search.

Names are written by people: those that cannot stand in a filter are left out, and so is whatever a search does not
find or does not tell as the read of the thing itself would. Whoever asked reads that by itself.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote_plus

from modelalias.adapters.mlflow_calls import Calls
from modelalias.adapters.mlflow_copies import is_copy
from modelalias.adapters.mlflow_version_search import is_plain_name
from modelalias.adapters.mlflow_versions import VERSION, model_version
from modelalias.adapters.mlflow_wire import ListedModel, Models
from modelalias.core.errors import InvalidRequest
from modelalias.ports import Aliases, ModelVersion

LONGEST_FILTER: Final = 3000
"""Characters as they go over the wire: a server or a proxy may take no more than 4,094 for a whole address."""

MOST_FOUND: Final = 1000
"""Versions that one search may find."""

SPARE: Final = 4
"""A search of versions may find so many times as many as were asked for: those numbered between them come along."""

MOST_BETWEEN: Final = 20
"""Versions of one model are one search with up to so many others numbered between them: each is named, to be left out.

MLflow reads a filter of more in as long as two versions by themselves.
"""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Numbered(NamedTuple):
    """A version by its model's name and its number."""

    model: str
    version: str


class Searches:
    """The searches of one registry; after it refused one, as older servers do, it is asked for none of that kind."""

    def __init__(self, models: Models, calls: Calls) -> None:
        self._models, self._calls = models, calls
        self._refused: set[str] = set()

    async def aliases(self, names: Sequence[str]) -> Mapping[str, Aliases]:
        """Return the aliases of models.

        A model that shows none is left out: there are registries whose lists carry no aliases.
        """
        plain = [name for name in names if is_plain_name(name)]
        pages = await self._searched("models", _filters(plain, ""), self._page)
        found = {model.name: model.aliases for page in pages for model in page}
        return {
            name: {item.alias: item.version for item in found[name]}
            for name in plain
            if found.get(name) and all(VERSION.fullmatch(item.version) for item in found[name])
        }

    async def versions(self, wanted: Sequence[Numbered]) -> Mapping[Numbered, ModelVersion]:
        """Return versions, each as a read of its own would tell it."""
        plain = [item for item in wanted if is_plain_name(item.model) and VERSION.fullmatch(item.version)]
        of_one = _of_one_model(plain)
        if of_one is not None:
            pages = await self._searched("versions of a model", (of_one,), self._versions)
        else:
            filters = [text for near in _near(plain) for text in _filters(*near)]
            pages = await self._searched("versions", filters, self._versions)
        found = {Numbered(item.model, item.version): item for page in pages for item in page}
        return {item: found[item] for item in plain if item in found}

    async def _searched(
        self, kind: str, filters: Iterable[str], search: Callable[[str], Awaitable[Sequence[T]]]
    ) -> Sequence[Sequence[T]]:
        if kind in self._refused:
            return ()
        try:
            return await asyncio.gather(*map(search, filters))
        except InvalidRequest as error:
            self._refused.add(kind)
            _log.info("the registry does not search %s by names, so each is read by itself: %s", kind, error)
            return ()

    async def _page(self, wanted: str) -> Sequence[ListedModel]:
        read = partial(self._models.page_of_models, ListedModel, MOST_FOUND, None, wanted)
        return (await self._calls.run(read, ahead=True)).registered_models

    async def _versions(self, wanted: str) -> Sequence[ModelVersion]:
        search = partial(self._models.search_model_versions, wanted, max_results=MOST_FOUND)
        found = await self._calls.run(search, ahead=True)
        return [model_version(item) for item in found if not is_copy(item)]


def _filters(names: Sequence[str], beside: str) -> Iterator[str]:
    """Write filters for these names, each short enough for an address."""
    text = ""
    for name in dict.fromkeys(names):
        longer = f"{text}, '{name}'" if text else f"'{name}'"
        if text and len(quote_plus(longer)) > LONGEST_FILTER:
            yield _in(text, beside)
            longer = f"'{name}'"
        text = longer
    if text:
        yield _in(text, beside)


def _in(names: str, beside: str) -> str:
    return f"name IN ({names}){beside}"


def _of_one_model(wanted: Sequence[Numbered]) -> str | None:
    """Write a filter that finds these versions alone, as servers without `IN` know it; None where there is none."""
    if len({item.model for item in wanted}) != 1 or len(wanted) == 1:
        return None
    numbers = {int(item.version) for item in wanted}
    low, high = min(numbers), max(numbers)
    if high - low + 1 - len(numbers) > MOST_BETWEEN:
        return None
    others = (f" AND version_number != {number}" for number in range(low, high) if number not in numbers)
    text = f"name = '{wanted[0].model}'{_between(low, high)}{''.join(others)}"
    return text if len(quote_plus(text)) <= LONGEST_FILTER else None


def _near(wanted: Sequence[Numbered]) -> Iterator[tuple[Sequence[str], str]]:
    """Group what is asked for by numbers that lie near each other: the names of each group, and its bounds.

    A filter cannot name pairs, so a search finds every version of these models within the bounds. One that is
    alone needs no search.
    """
    group: list[Numbered] = []
    for item in sorted(wanted, key=lambda item: int(item.version)):
        if group and _may_find([*group, item]) > min(MOST_FOUND, SPARE * (len(group) + 1)):
            yield _bounded(group)
            group = []
        group.append(item)
    if group:
        yield _bounded(group)


def _may_find(group: Sequence[Numbered]) -> int:
    models = len({item.model for item in group})
    return models * (int(group[-1].version) - int(group[0].version) + 1)


def _bounded(group: Sequence[Numbered]) -> tuple[Sequence[str], str]:
    bounds = _between(int(group[0].version), int(group[-1].version))
    return [item.model for item in group] if len(group) > 1 else (), bounds


def _between(low: int, high: int) -> str:
    return f" AND version_number >= {low} AND version_number <= {high}"
