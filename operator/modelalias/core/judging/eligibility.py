"""Eligibility: what a version must have before its metrics are looked at.

Tags that are there and look as they should, an alias that it has now, another alias that it has had long
enough, a signature. A rule that is not met refuses the version; one that cannot be told is Inconclusive; a soak
that is not over yet makes the request wait.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from modelalias.api.fields import Value, duration
from modelalias.api.policy import Eligibility, Soak
from modelalias.api.request_status import Check, GateResult
from modelalias.api.tag_schema import TagSchema
from modelalias.core.judging import tag_keys, tag_schema

ANY_VALUE: Final = "*"
OWN_TAGS: Final = "modelalias."
"""How the keys of the operator's records begin."""


class Signature(Value):
    """Whether a version's model has a signature; None when that cannot be told, with the reason in `note`."""

    there: bool | None
    note: str = ""


class Traits(Value):
    """What is known of a version, as far as the rules ask."""

    name: str
    """The version in words, such as `version 4`."""
    tags: Mapping[str, str]
    aliases: frozenset[str]
    """The aliases that it has now."""
    disowned: frozenset[str] = frozenset()
    """Those of them that it has by somebody's hand: the ModelAlias that manages them accepted another version."""
    soaking_since: datetime | None
    """Since when it has had the alias of the soak; None when nobody knows."""
    signature: Signature


class Eligible(Value):
    """How the rules came out; `until` is when a soak will be over that is not over yet."""

    checks: tuple[Check, ...]
    until: datetime | None = None


def judge(rules: Eligibility, traits: Traits, now: datetime) -> Eligible:
    """Judge every rule; a soak that lasts is the last of the checks, as Inconclusive."""
    checks = [*_tags(rules.require_tags, traits)]
    if rules.tag_schema is not None:
        checks += _tag_schema(rules.tag_schema, traits)
    if rules.require_alias is not None:
        checks.append(_alias(rules.require_alias, traits))
    if rules.require_signature:
        checks.append(_signature(traits))
    until = None
    if rules.soak is not None:
        check, until = _soak(rules.soak, traits, now)
        checks.append(check)
    return Eligible(checks=tuple(checks), until=until)


def refused(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the rules that are not met."""
    return tuple(item for item in checks if item.result is GateResult.FAILED)


def unclear(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the rules of which nobody can tell."""
    return tuple(item for item in checks if item.result is GateResult.INCONCLUSIVE)


def sentence(check: Check) -> str:
    """Say in words how a rule came out."""
    return f"{check.rule}: {check.message}"


def _tags(wanted: Mapping[str, str], traits: Traits) -> Iterator[Check]:
    for key, value in sorted(wanted.items()):
        there = traits.tags.get(key)
        rule = f"requireTags {key}={value}"
        if _is_own(key):
            yield _failed(rule, _proves_nothing(key))
        elif there is None:
            yield _failed(rule, f"{traits.name} has no tag {key}")
        elif value not in {ANY_VALUE, there}:
            yield _failed(rule, f"{traits.name} has {key}={there[:200]}")
        else:
            yield Check(rule=rule, result=GateResult.PASSED, message=f"{key}={there[:200]}")


def _tag_schema(schema: TagSchema, traits: Traits) -> Iterator[Check]:
    for key, wrong in tag_schema.faults(schema, traits.name, traits.tags):
        rule = f"tagSchema {key}"
        if _is_own(key):
            yield _failed(rule, _proves_nothing(key))
        elif wrong:
            yield _failed(rule, wrong)
        else:
            yield Check(rule=rule, result=GateResult.PASSED, message=f"{key}={traits.tags[key][:200]}")


def _is_own(key: str) -> bool:
    return tag_keys.plain(key).startswith(OWN_TAGS)


def _proves_nothing(key: str) -> str:
    return (
        f"the operator writes {key} also when it refuses a version, so it proves nothing: "
        "ask for the alias with requireAlias or soak"
    )


def _alias(wanted: str, traits: Traits) -> Check:
    rule = f"requireAlias {wanted}"
    if wanted not in traits.aliases:
        return _failed(rule, f"{traits.name} does not have alias {wanted}")
    if wanted in traits.disowned:
        return _failed(rule, _by_hand(wanted, traits))
    return Check(rule=rule, result=GateResult.PASSED)


def _by_hand(alias: str, traits: Traits) -> str:
    return f"{traits.name} has alias {alias} by hand: the ModelAlias of {alias} did not accept it"


def _signature(traits: Traits) -> Check:
    there, rule = traits.signature.there, "requireSignature"
    if there is None:
        return Check(rule=rule, result=GateResult.INCONCLUSIVE, message=traits.signature.note)
    if not there:
        return _failed(rule, f"the model of {traits.name} has no signature")
    return Check(rule=rule, result=GateResult.PASSED)


def _soak(wanted: Soak, traits: Traits, now: datetime) -> tuple[Check, datetime | None]:
    rule, since = f"soak {wanted.for_} in {wanted.alias}", traits.soaking_since
    if wanted.alias not in traits.aliases:
        return _failed(rule, f"{traits.name} does not have alias {wanted.alias}"), None
    if wanted.alias in traits.disowned:
        return _failed(rule, _by_hand(wanted.alias, traits)), None
    if since is None:
        message = f"since when {traits.name} has {wanted.alias} is not known"
        return Check(rule=rule, result=GateResult.INCONCLUSIVE, message=message), None
    whole = duration(wanted.for_)
    message = f"{traits.name} has had {wanted.alias} since {since:%Y-%m-%dT%H:%M:%SZ}"
    if now - since < whole:
        until = since + whole
        return Check(
            rule=rule, result=GateResult.INCONCLUSIVE, message=f"{message}, until {until:%Y-%m-%dT%H:%M:%SZ}"
        ), until
    return Check(rule=rule, result=GateResult.PASSED, message=message), None


def _failed(rule: str, message: str) -> Check:
    return Check(rule=rule, result=GateResult.FAILED, message=message)
