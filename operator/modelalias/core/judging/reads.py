"""What a policy reads of a model, or writes itself, which therefore no request may write."""

from modelalias.api.policy import Policy
from modelalias.core.judging import tag_keys, tag_schema


def tags(policy: Policy) -> tuple[str, ...]:
    """Return the keys of tags in requireTags, tagSchema and retention, as `tag_keys.plain` has them."""
    rules, named = policy.eligibility, set[str]()
    if rules is not None:
        named = {*rules.require_tags, *(tag_schema.told_of(rules.tag_schema) if rules.tag_schema else ())}
    if policy.retention is not None:
        named.add(policy.retention.tag)
    return tuple(sorted({tag_keys.plain(key) for key in named}))


def aliases(policy: Policy) -> tuple[str, ...]:
    """Return the aliases in requireAlias and soak, case folded."""
    rules = policy.eligibility
    if rules is None:
        return ()
    read = (rules.require_alias, rules.soak.alias if rules.soak is not None else None)
    return tuple(item.casefold() for item in read if item is not None)
