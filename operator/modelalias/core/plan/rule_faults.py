"""The rules of an alias that no schema could find a fault with, and that cannot be followed as they stand."""

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Cause, Reason
from modelalias.core.judging import retention_tag, tag_schema, windows


def fault(alias: ModelAlias) -> Cause | None:
    """Return which rule the owner has to put right."""
    rules = alias.spec.policy
    schema = rules.eligibility.tag_schema if rules.eligibility is not None else None
    wrong = windows.fault(rules.windows) or tag_schema.fault(schema) or retention_tag.fault(alias)
    return Cause(Reason.INVALID, wrong) if wrong else None
