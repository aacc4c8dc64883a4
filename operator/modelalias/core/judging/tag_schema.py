"""What is wrong with the tags of a version by `policy.eligibility.tagSchema`, in words.

Patterns and tags come from tenants, and one loop serves everybody: the engine takes time that grows with the value
and no faster, a pattern's compiled size is bounded, and so are the characters that are looked at.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

from modelalias.api.tag_schema import LONGEST_VALUE, TagRule, TagRules, TagSchema

_MOST_CHARACTERS: Final = 4 * LONGEST_VALUE
"""Of all tags of a version that have rules."""
_LARGEST: Final = 256 * 1024
"""Bytes of a compiled pattern, and of what the engine keeps of it while it looks."""
_REGEX: Final = RegexOptions(size_limit=_LARGEST, dfa_size_limit=_LARGEST)
_SHOWN: Final = 120
"""Characters of a value, a pattern or a description in a sentence."""


def fault(schema: TagSchema | None) -> str:
    """Return which pattern cannot be used, where only this engine could tell; "" when all can."""
    for key, rules in sorted(schema.properties.items()) if schema else ():
        for rule in (rules, *rules.all_of):
            if rule.pattern is not None and not _compiles(rule.pattern):
                return f"spec.policy.eligibility.tagSchema.properties[{key}]: {_unusable(rule.pattern)}"
    return ""


def told_of(schema: TagSchema) -> tuple[str, ...]:
    """Return the tags that a schema names, sorted."""
    return tuple(sorted({*schema.required, *schema.properties}))


def faults(schema: TagSchema, name: str, tags: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each tag that must be there or is, in order, with all that is wrong with it; "" where nothing is.

    `name` is the version in words.
    """
    left = _MOST_CHARACTERS
    for key in told_of(schema):
        rules, value = schema.properties.get(key, TagRules()), tags.get(key)
        if value is None:
            if key in schema.required:
                yield key, f"{name} has no tag {key}{_purpose(rules)}: set it in MLflow"
            continue
        left -= len(value)
        if len(value) > LONGEST_VALUE or left < 0:
            yield key, _too_long(key, value)
            continue
        wrong = " and ".join(_wrong(rules, value))
        yield key, f"tag {key} is {_quoted(value)} and {wrong}: set it anew in MLflow" if wrong else ""


def _wrong(rules: TagRules, value: str) -> Iterator[str]:
    for rule in (rules, *rules.all_of):
        if rule.pattern is not None and not _compiles(rule.pattern):
            yield f"cannot be checked: {_unusable(rule.pattern)}"
            continue
        errors = _validator(_text(rule)).iter_errors(value)
        yield from (_words(error, rule) for error in errors)


def _words(error: ValidationError, rule: TagRule) -> str:
    match error.kind.name:
        case "pattern":
            return f"does not match {_clipped(rule.pattern or '')}"
        case "format":
            return f"is no {rule.format}"
        case "enum":
            return f"is none of {_clipped(', '.join(rule.enum or ()))}"
        case "const":
            return f"is not {_quoted(rule.const or '')}"
        case "minLength":
            return f"has fewer than {rule.min_length} characters"
        case "maxLength":
            return f"has more than {rule.max_length} characters"
        case other:
            raise AssertionError(f"no rule of ours: {other}")


def _too_long(key: str, value: str) -> str:
    bounds = f"{LONGEST_VALUE:,} characters of a tag and {_MOST_CHARACTERS:,} of all tags with rules"
    return f"tag {key} has {len(value):,} characters: rules are checked on at most {bounds}; shorten it in MLflow"


def _purpose(rules: TagRules) -> str:
    return f" ({_clipped(rules.description)})" if rules.description else ""


def _unusable(pattern: str) -> str:
    return (
        f"the pattern {_clipped(pattern)} is no regular expression that can be used: it takes RE2's syntax, without "
        "look-around and back-references, and no large repetitions"
    )


def _quoted(value: str) -> str:
    return json.dumps(_clipped(value), ensure_ascii=False)


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _text(rule: TagRule) -> str:
    fields = rule.model_dump(mode="json", by_alias=True, exclude_none=True, include=set(TagRule.model_fields))
    return json.dumps(fields, sort_keys=True)


@lru_cache(maxsize=1024)
def _validator(text: str) -> Draft202012Validator:
    return _compiled(json.loads(text))


@lru_cache(maxsize=1024)
def _compiles(pattern: str) -> bool:
    try:
        _compiled({"pattern": pattern})
    except ValidationError:
        return False
    return True


def _compiled(schema: Mapping[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        dict(schema), validate_formats=True, ignore_unknown_formats=False, pattern_options=_REGEX
    )
