"""Choosing a version in a form: what is offered, and what was chosen or typed."""

from modelalias.api.alias import ModelAlias
from modelalias.cli import pin_edit
from modelalias.core.errors import InvalidRequest, OperatorError
from modelalias.web import model_page, model_versions, version_choices
from modelalias.web.forms import Typed, Unfit
from modelalias.web.version_choices import Choices
from modelalias.web.visit import Visit

NUMBER = "number"
"""The field in which any version can be typed, where none of the others is chosen."""


async def offered(visit: Visit, alias: ModelAlias, *, without: str | None = None) -> Choices:
    """Read the versions that a person chooses from, as the page of the model does; at least what the alias remembers."""
    registry, model = alias.spec.registry, alias.spec.model
    try:
        view = await model_page.read(visit, registry, model, alias.metadata.namespace)
    except OperatorError:
        view = model_versions.view(
            registry, model, [alias], visit.site.registries.named(registry).links, None
        )
    return version_choices.choices(view, alias, without=without)


def chosen(typed: Typed, at: str = NUMBER) -> str:
    """Return the version; raise `Unfit`, to be told at that field, where none was chosen or what was typed is none."""
    picked, number = typed.text("version"), typed.text(NUMBER)
    if picked and number and picked != number:
        raise Unfit(
            f"Version {picked} is chosen and {number} typed: which one? Choose “Another”, or clear this.",
            NUMBER,
        )
    text = number or picked
    if not text:
        raise Unfit("Choose a version." if at != NUMBER else "Choose a version, or type its number.", at)
    try:
        pin_edit.must_be_version(text)
    except InvalidRequest as error:
        raise Unfit(f"{error}.", at) from error
    return text
