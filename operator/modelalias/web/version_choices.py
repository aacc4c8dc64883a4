"""The versions that a person chooses from: those that the page of the model knows, with what is known of them. Pure."""

from collections.abc import Sequence
from typing import Final

from modelalias.api.alias import ModelAlias
from modelalias.web.model_versions import ModelView, VersionRow
from modelalias.web.view import Notice, View

MOST: Final = 12
"""Versions that are offered, the newest first; any other can be typed."""


class Choice(View):
    """A version of the model."""

    version: str
    values: tuple[str, ...]
    """Metrics on which the ModelAliases of the model judge, each with its value."""
    marks: tuple[str, ...]
    """What it is to the ModelAlias, then to others of the model."""


class Choices(View):
    """What is offered, and why versions of the registry are not, where it could not be read."""

    offered: tuple[Choice, ...] = ()
    left_out: int = 0
    notices: tuple[Notice, ...] = ()


def choices(model: ModelView, alias: ModelAlias, *, without: str | None = None) -> Choices:
    """Return the newest versions of the model, without one to which it makes no sense to go."""
    rows = [row for row in model.versions if row.number != without]
    offered = tuple(_choice(row, model, alias) for row in rows[:MOST])
    return Choices(
        offered=offered,
        left_out=len(rows) - len(offered),
        notices=tuple(item for item in model.notices if item.is_error),
    )


def _choice(row: VersionRow, model: ModelView, alias: ModelAlias) -> Choice:
    values = zip(model.metrics, row.values, strict=True)
    return Choice(
        version=row.number,
        values=tuple(f"{metric} {value.shown}" for metric, value in values if value.shown),
        marks=tuple(_marks(row, model, alias)),
    )


def _marks(row: VersionRow, model: ModelView, alias: ModelAlias) -> Sequence[str]:
    """Return the first mark of each ModelAlias, which is what the version is to it now."""
    own = alias.metadata.namespace, alias.metadata.name
    named = [
        ((item.namespace, item.name), marks[0].badge.word.lower())
        for item, marks in zip(model.rows, row.marks, strict=True)
        if marks
    ]
    return [
        *(word for whose, word in named if whose == own),
        *(f"{whose[1]}: {word}" for whose, word in named if whose != own),
    ]
