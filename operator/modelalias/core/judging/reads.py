"""What a policy reads of a model, or writes itself, which therefore no request may write."""

from collections.abc import Iterable

from modelalias.api.policy import Policy
from modelalias.core.judging import tag_keys, tag_schema


def tags(policy: Policy) -> tuple[str, ...]:
    """Return the keys of tags in requireTags, tagSchema and retention, as `tag_keys.plain` has them."""
    written = () if policy.retention is None else (policy.retention.tag,)
    return _plain({*_eligible(policy), *written})


def evidence(policy: Policy) -> tuple[str, ...]:
    """Return the keys of tags by which a version is found or judged, which the operator may not write by itself.

    Those in requireTags, tagSchema and fromVersions, as `tag_keys.plain` has them.
    """
    source = policy.auto_promote.from_versions if policy.auto_promote is not None else None
    return _plain({*_eligible(policy), *(source.tags if source is not None else ())})


def _eligible(policy: Policy) -> set[str]:
    rules = policy.eligibility
    if rules is None:
        return set()
    return {*rules.require_tags, *(tag_schema.told_of(rules.tag_schema) if rules.tag_schema else ())}


def _plain(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({tag_keys.plain(key) for key in keys}))


def aliases(policy: Policy) -> tuple[str, ...]:
    """Return the aliases in requireAlias and soak, case folded."""
    rules = policy.eligibility
    if rules is None:
        return ()
    read = (rules.require_alias, rules.soak.alias if rules.soak is not None else None)
    return tuple(item.casefold() for item in read if item is not None)
