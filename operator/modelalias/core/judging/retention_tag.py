"""Whether something is decided by the tag of `policy.retention`: the operator would then write what a policy believes."""

from typing import Final

from modelalias.api.alias import ModelAlias
from modelalias.core.judging import reads, tag_keys
from modelalias.core.protocol.context import Context

_RESERVED: Final = ("modelalias.", "mlflow.")


def fault(alias: ModelAlias) -> str:
    """Return what is wrong with the tag by the alias's own rules; "" where nothing is."""
    rules = alias.spec.policy.retention
    if rules is None:
        return ""
    key = tag_keys.plain(rules.tag)
    if key.startswith(_RESERVED):
        why = "begins with modelalias. or mlflow., as far as every store of MLflow can tell"
    elif key in reads.evidence(alias.spec.policy):
        why = "is a tag that its own policy reads, and the operator would write it"
    else:
        return ""
    return f"spec.policy.retention.tag: {rules.tag} {why}: nothing is tagged; choose another one"


def is_fit(context: Context, alias: ModelAlias) -> bool:
    """Return whether nothing is decided by the tag."""
    return not (fault(alias) or reader(context, alias))


def reader(context: Context, alias: ModelAlias) -> str:
    """Return in a sentence which other ModelAlias of the model reads the tag; "" where none does, or its own rules do."""
    rules = alias.spec.policy.retention
    if rules is None or fault(alias):
        return ""
    owner = context.read_by_policies.evidence.get(tag_keys.plain(rules.tag))
    if owner is None:
        return ""
    return (
        f"no version is tagged as left behind: {context.named(owner)} reads tag {rules.tag} in its policy, and the "
        "operator would write it; choose another policy.retention.tag"
    )
