"""Which aliases of a registry ModelAliases are written for, and why the others have none."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from pydantic import ValidationError

from modelalias.api import unfit
from modelalias.api.alias import ModelAlias, ModelAliasSpec
from modelalias.cli import adoption_names, managed_aliases
from modelalias.cli.managed_aliases import AliasKey, Managed
from modelalias.ports import Aliases, RegisteredModel

STAGES: Final = {"Staging": "staging", "Production": "production"}
"""The alias that takes the place of each stage; what is Archived needs none."""

_ALIKE: Final = "another alias differs from it only in case, and MLflow on MySQL takes them for one"

_PREVIOUS: Final = (
    "prev-{}",
    "prev_{}",
    "previous-{}",
    "previous_{}",
    "{}-prev",
    "{}_prev",
    "{}-previous",
    "{}_previous",
)


class Adopted(NamedTuple):
    """An alias that a ModelAlias is written for."""

    key: AliasKey
    version: str
    name: str
    previous: str | None
    """The alias for the version that was replaced, where the model has one."""
    stage: str | None
    """The stage that the alias takes the place of; None where the registry has the alias."""


class Wanted(NamedTuple):
    """Which aliases are asked for, by name or by pattern; nothing given means all."""

    models: Sequence[str] = ()
    aliases: Sequence[str] = ()

    def has_model(self, model: str) -> bool:
        """Return whether the model is asked for."""
        return _fits(model, self.models)

    def has_alias(self, alias: str) -> bool:
        """Return whether aliases of this name are asked for."""
        return _fits(alias, self.aliases)


@dataclass(frozen=True)
class Adoption:
    """The aliases to write ModelAliases for, in order, and what has to be told."""

    adopted: Sequence[Adopted]
    messages: Sequence[str]

    def of_stages(self) -> Sequence[Adopted]:
        """Return those whose alias has to be set first."""
        return [item for item in self.adopted if item.stage is not None]

    def of_aliases(self) -> Sequence[Adopted]:
        """Return those whose alias is there."""
        return [item for item in self.adopted if item.stage is None]


@dataclass
class _Choice:
    wanted: Wanted
    managed: Managed
    """By the folded key."""
    written: Mapping[AliasKey, ModelAlias]
    """What a ModelAlias writes as its previousAlias, by the folded key."""
    alike: Mapping[AliasKey, int]
    """How many aliases have one folded key."""
    messages: list[str] = field(default_factory=list)
    chosen: dict[AliasKey, tuple[str, str | None, str | None]] = field(default_factory=dict)
    """Version, previous alias and stage."""


def choose(
    models: Mapping[str, RegisteredModel],
    wanted: Wanted,
    existing: Sequence[ModelAlias],
    namespace: str,
) -> Adoption:
    """Return what to write for the models, beside the ModelAliases that exist."""
    keys = [AliasKey(model, alias) for model, found in models.items() for alias in _names(found)]
    managed, written = managed_aliases.managed(existing), managed_aliases.written(existing)
    choice = _Choice(wanted, managed, written, Counter(key.folded for key in keys))
    for model, found in sorted(models.items()):
        if wanted.has_model(model):
            _choose_aliases(choice, model, found.aliases)
            _choose_stages(choice, model, found)
    taken = (item.metadata.name for item in existing if item.metadata.namespace == namespace)
    names = adoption_names.names_of(choice.chosen, taken)
    adopted = [Adopted(key, version, names[key], *rest) for key, (version, *rest) in choice.chosen.items()]
    return Adoption(adopted, [*choice.messages, *_renamed(adopted)])


def _names(found: RegisteredModel) -> Iterator[str]:
    """Yield the aliases of a model, and those that its stages would be given."""
    yield from found.aliases
    there = {alias.casefold() for alias in found.aliases}
    yield from (alias for stage, alias in STAGES.items() if stage in found.stages and alias not in there)


def _choose_aliases(choice: _Choice, model: str, aliases: Aliases) -> None:
    fit = [alias for alias in sorted(aliases) if not _objects(choice, AliasKey(model, alias))]
    previous = _previous(choice, model, fit)
    current_of = {before: alias for alias, before in previous.items()}
    for alias in fit:
        key, current = AliasKey(model, alias), current_of.get(alias)
        writer = choice.written.get(key.folded)
        if writer is not None:
            if choice.wanted.has_alias(alias):
                name = managed_aliases.name(writer)
                choice.messages.append(
                    f"left out: {model}@{alias}: ModelAlias {name} has it for previousAlias"
                )
        elif current is not None:
            if choice.wanted.has_alias(alias) or choice.wanted.has_alias(current):
                choice.messages.append(_belongs(key, AliasKey(model, current), choice.managed))
        elif choice.wanted.has_alias(alias) and key.folded not in choice.managed:
            choice.chosen[key] = (aliases[alias], previous.get(alias), None)


def _choose_stages(choice: _Choice, model: str, found: RegisteredModel) -> None:
    by_lower = {alias.lower(): alias for alias in found.aliases}
    for stage, alias in STAGES.items():
        key, version = AliasKey(model, alias), found.stages.get(stage)
        if version is None or key.folded in choice.managed or not choice.wanted.has_alias(alias):
            continue
        there = by_lower.get(alias)
        if there is None:
            if not _objects(choice, key):
                choice.chosen[key] = (version, None, stage)
        elif found.aliases[there] != version:
            choice.messages.append(
                f"left out: the stage {stage} of {model}, which is version {version}: "
                f"its alias {there} names version {found.aliases[there]} already"
            )


def _objects(choice: _Choice, key: AliasKey) -> bool:
    """Return whether no ModelAlias can manage the alias, and tell why."""
    why = _ALIKE if choice.alike.get(key.folded, 0) > 1 else _why_unfit(key)
    if why and choice.wanted.has_alias(key.alias):
        choice.messages.append(f"left out: {key.model}@{key.alias}: {why}")
    return bool(why)


def _why_unfit(key: AliasKey) -> str:
    try:
        ModelAliasSpec(model=key.model, alias=key.alias)
    except ValidationError as error:
        return unfit.message(error)
    return ""


def _previous(choice: _Choice, model: str, aliases: Sequence[str]) -> Mapping[str, str]:
    """Return each alias that has one beside it which by its name is for the version before, with that one."""
    pairs: dict[str, str] = {}
    for alias in (item for item in aliases if AliasKey(model, item).folded not in choice.written):
        found = sorted(name for name in (form.format(alias) for form in _PREVIOUS) if name in aliases)
        keys = [AliasKey(model, name).folded for name in found]
        taken = any(key in choice.managed or key in choice.written for key in keys)
        if len(found) > 1 and choice.wanted.has_alias(alias):
            choice.messages.append(
                f"{model}@{alias}: {' and '.join(found)} could each be its previousAlias: set the right one"
            )
        elif len(found) == 1 and not taken:
            pairs[alias] = found[0]
    return {alias: before for alias, before in pairs.items() if alias not in pairs.values()}


def _belongs(key: AliasKey, current: AliasKey, managed: Managed) -> str:
    """Return why the previous alias of another has no ModelAlias of its own."""
    said = f"{key.model}@{key.alias} is taken for the previousAlias of {current.alias}"
    if current.folded not in managed:
        return f"{said}, whose promotions write it: it has no ModelAlias of its own"
    manager = managed_aliases.name(managed[current.folded][0])
    return f"{said}, which ModelAlias {manager} manages: set spec.previousAlias there"


def _renamed(adopted: Iterable[Adopted]) -> Iterator[str]:
    for item in adopted:
        if adoption_names.would_share(item.key, item.name):
            yield f"{item.key.model}@{item.key.alias} is named {item.name}: its plain name is another's"


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(name == item or fnmatchcase(name, item) for item in patterns)
