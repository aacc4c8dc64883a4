"""How rules of several sources become one set of rules.

The table of a class has one way for each of its fields. What is said first stands: what comes after may add and
tighten. A source says a field when it sets it; what it leaves out is said by the others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from pydantic.alias_generators import to_camel

from modelalias.api.fields import Value, duration
from modelalias.api.policy import Approval, ApprovalRequired, Eligibility, Pins, Policy, Soak
from modelalias.api.policy_status import PolicyRule
from modelalias.api.tag_schema import TagRule, TagRules, TagSchema
from modelalias.api.windows import WindowKind
from modelalias.api.workload import Rollout


class Clash(Exception):
    """Two sources contradict each other; the message says where."""


class Said(NamedTuple):
    """What a source says."""

    source: str
    value: Any


class Merged(NamedTuple):
    """What results, and where it comes from."""

    value: Any
    rules: tuple[PolicyRule, ...]


Way = Callable[[str, Sequence[Said]], Merged]
"""Merges what was said of a field, at least once; takes the path of the field. Raises `Clash`."""


def merge_fields(path: str, ways: Mapping[str, Way], said: Sequence[Said]) -> Merged:
    """Merge each field that some source sets; return the fields by their names."""
    fields: dict[str, Any] = {}
    rules: list[PolicyRule] = []
    for name, way in ways.items():
        of_field = [
            Said(source, getattr(value, name)) for source, value in said if name in value.model_fields_set
        ]
        set_ = [item for item in of_field if item.value is not None]
        if set_:
            merged = way(f"{path}.{to_camel(name)}", set_)
            fields[name] = merged.value
            rules += merged.rules
    return Merged(fields, tuple(rules))


def named(path: str, said: Sequence[Said]) -> Merged:
    """Put lists of named items together; a name that was used cannot be used again."""
    sources: dict[str, str] = {}
    for source, items in said:
        for item in items:
            if item.name in sources:
                raise Clash(
                    f"{path}[{item.name}] stands in {sources[item.name]} and again in {source}, which may add rules "
                    "and not redefine them: give it another name, or take it out of one of them"
                )
            sources[item.name] = source
    rules = (_rule(f"{path}[{name}]", source) for name, source in sources.items())
    return Merged(tuple(item for _, items in said for item in items), tuple(rules))


def last(path: str, said: Sequence[Said]) -> Merged:
    """Take what the closest source says: a default, no rule."""
    return Merged(said[-1].value, (_rule(path, said[-1].source),))


def _same(path: str, said: Sequence[Said]) -> Merged:
    """Take what one source says; others may only repeat it."""
    for first, second in pairwise(said):
        if first.value != second.value:
            raise Clash(
                f"{path} stands in {first.source} and otherwise in {second.source}: one of them may say it"
            )
    return Merged(said[0].value, (_rule(path, said[0].source),))


def _most(rank: Callable[[Any], Any]) -> Way:
    """Return the way that takes the strictest value, that of the highest rank."""

    def way(path: str, said: Sequence[Said]) -> Merged:
        strictest = max(said, key=lambda item: rank(item.value))  # the first of several
        return Merged(strictest.value, (_rule(path, strictest.source),))

    return way


def _narrowest(path: str, said: Sequence[Said]) -> Merged:
    """Take the shortest list, which the others must contain."""
    least = min(said, key=lambda item: len(set(item.value)))
    for other in said:
        if not set(least.value) <= set(other.value):
            raise Clash(
                f"{path}: {least.source} and {other.source} name different ones: one has to name fewer"
            )
    return Merged(least.value, (_rule(path, least.source),))


def _all_of(path: str, said: Sequence[Said]) -> Merged:
    """Put lists of sentences together, each once."""
    sources: dict[str, str] = {}
    for source, items in said:
        for item in items:
            sources.setdefault(item, source)
    return Merged(tuple(sources), tuple(_rule(path, source) for source in dict.fromkeys(sources.values())))


def _tags(path: str, said: Sequence[Said]) -> Merged:
    """Put required tags together; "*" may become a value."""
    sources: dict[str, Said] = {}
    for source, tags in said:
        for key, value in tags.items():
            known = sources.get(key)
            if known is not None and known.value != value and "*" not in {known.value, value}:
                raise Clash(f"{path}[{key}] has one value in {known.source} and another in {source}")
            if known is None or known.value == "*" != value:
                sources[key] = Said(source, value)
    rules = (_rule(f"{path}[{key}]", item.source) for key, item in sources.items())
    return Merged({key: item.value for key, item in sources.items()}, tuple(rules))


def _tag_schema(path: str, said: Sequence[Said]) -> Merged:
    """Put schemas together: what any of them requires, and of each tag the rules of all of them."""
    required = {key: source for source, schema in reversed(said) for key in schema.required}
    of_tag: dict[str, list[TagRules]] = {}
    rules = [_rule(f"{path}.required[{key}]", source) for key, source in required.items()]
    for source, schema in said:
        for key, item in schema.properties.items():
            of_tag.setdefault(key, []).append(item)
            rules.append(_rule(f"{path}.properties[{key}]", source))
    merged = {
        "required": tuple(sorted(required)),
        "properties": {key: _all_rules(items) for key, items in of_tag.items()},
    }
    return Merged(TagSchema.model_validate(merged), tuple(rules))


def _all_rules(said: Sequence[TagRules]) -> TagRules:
    """Return rules on a tag that hold where all of these do, whichever comes first."""
    if len(said) == 1:
        return said[0]
    parts = {part for item in said for part in (item.alone, *item.all_of)} - {TagRule()}
    first, *others = sorted(parts, key=TagRule.model_dump_json) or [TagRule()]
    descriptions = (item.description for item in said if item.description)
    return TagRules(
        **{name: getattr(first, name) for name in first.model_fields_set},
        description=min(descriptions, default=None),
        all_of=tuple(others),
    )


def _soak(path: str, said: Sequence[Said]) -> Merged:
    """Take the longest soak; all must be of the same alias."""
    names = {item.value.alias: item.source for item in reversed(said)}
    if len(names) > 1:
        where = ", ".join(f"{alias} in {source}" for alias, source in sorted(names.items()))
        raise Clash(f"{path} may be of one alias, and is of {where}")
    longest: Callable[[Soak], Any] = lambda soak: duration(soak.for_)  # noqa: E731 - a rank, as the others are
    return _most(longest)(path, said)


def _windows(path: str, said: Sequence[Said]) -> Merged:
    """Put windows together; what is allowed outside of them may come from one source only.

    A second source with Allow windows would open what is closed by the first.
    """
    allowing = [source for source, items in said if any(item.kind is WindowKind.ALLOW for item in items)]
    if len(allowing) > 1:
        raise Clash(
            f"{path} of kind Allow stand in {allowing[0]} and again in {allowing[1]}: one of them may say when "
            "something may begin, and Deny windows may be added"
        )
    rules = tuple(_rule(path, source) for source, items in said if items)
    return Merged(tuple(item for _, items in said for item in items), rules)


def _whole(kind: type[Value], ways: Mapping[str, Way]) -> Way:
    """Return the way that merges field by field."""

    def way(path: str, said: Sequence[Said]) -> Merged:
        merged = merge_fields(path, ways, said)
        return Merged(kind.model_validate(merged.value), merged.rules)

    return way


def _approval(path: str, said: Sequence[Said]) -> Merged:
    """Tighten who approves, when, and what they confirm."""
    merged = merge_fields(path, _APPROVAL, said)
    fields, rules = dict(merged.value), merged.rules
    named_by = {item.source: item.value for item in said if item.value.users or item.value.groups}
    if named_by:
        who = [Said(source, _who(rules)) for source, rules in named_by.items()]
        least = _narrowest(f"{path}.users and groups", who).rules[0].from_
        fields |= {name: getattr(named_by[least], name) for name in _WHO}
        rules += tuple(_rule(f"{path}.{name}", least) for name in _WHO if fields[name])
    return Merged(Approval.model_validate(fields), rules)


def _who(rules: Approval) -> tuple[tuple[str, str], ...]:
    """Return who may approve: users and groups as one list, because either may."""
    return tuple((kind, name) for kind in _WHO for name in getattr(rules, kind))


def _rule(path: str, source: str) -> PolicyRule:
    return PolicyRule(rule=path, from_=source)


def _ranks(order: Iterable[Any]) -> Way:
    ranks = {value: rank for rank, value in enumerate(order)}
    return _most(ranks.__getitem__)


_WHO: Final = ("users", "groups")
_yes: Final = _most(bool)
_no: Final = _most(lambda value: not value)
_highest: Final = _most(lambda value: value)
_shortest: Final = _most(lambda value: -duration(value))

_ELIGIBILITY: Final[Mapping[str, Way]] = {
    "require_tags": _tags,
    "tag_schema": _tag_schema,
    "require_alias": _same,
    "soak": _soak,
    "require_signature": _yes,
}
_APPROVAL: Final[Mapping[str, Way]] = {
    "required": _ranks((ApprovalRequired.NEVER, ApprovalRequired.ON_INCONCLUSIVE, ApprovalRequired.ALWAYS)),
    "minimum": _highest,
    "allow_self": _no,
    "wait_for": _shortest,
    "checklist": _all_of,
}
_POLICY: Final[Mapping[str, Way]] = {
    "eligibility": _whole(Eligibility, _ELIGIBILITY),
    "gates": named,
    "evaluation": _same,
    "wait_for_run": _shortest,
    "approval": _approval,
    "concurrency": _same,
    "request_tags": _narrowest,
    "pins": _ranks((Pins.TRUSTED, Pins.GATED)),
    "auto_promote": _same,
    "retention": last,
    "windows": _windows,
}
POLICY: Final[Mapping[str, Way]] = {name: _POLICY.get(name, _same) for name in Policy.model_fields}
"""How each field of `Policy` is merged; one that has no way of its own may be said by one source only."""
ROLLOUT: Final[Mapping[str, Way]] = dict.fromkeys(Rollout.model_fields, last)
