"""What a request may have written once it has succeeded: nothing that a policy reads.

Whoever may file requests for one alias could else give a version the tag that a stricter alias asks for. So a
tag needs the owner's leave, is never one that a policy of the model asks for, and never replaces a value;
an alias that another policy reads is not removed. All of that holds when the request is judged, and again when
it is written.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

from modelalias.api.alias import ModelAlias, Plan
from modelalias.api.conditions import Reason
from modelalias.api.request import OnSuccess, Phase, PromotionRequest, Resolved
from modelalias.core.errors import NotFound
from modelalias.core.judging import tag_keys
from modelalias.core.ledger import history
from modelalias.core.protocol.answers import Ended, VerdictSoFar
from modelalias.core.protocol.context import Context
from modelalias.core.requests.source import Candidate

_SHOWN: Final = 200
"""Characters of a tag's value in a sentence."""
_NO_POLICY: Final = "no request may write what a policy reads; file the request without it"


def refused(
    context: Context,
    alias: ModelAlias,
    request: PromotionRequest,
    candidate: Candidate,
    resolved: Resolved | None,
) -> Ended | None:
    """End a request that asks for a write that it may not have; None where it may have all of them."""
    wanted, version = request.spec.on_success, candidate.version
    existing = {} if version is None else version.tags
    reasons = [*_tag_reasons(context, alias, wanted, candidate.name, existing)]
    source = request.spec.source.alias if request.spec.source else None
    if wanted.delete_source_alias and source is not None:
        reader = _reader(context, source)
        if reader:
            reasons.append(f"onSuccess.deleteSourceAlias removes alias {source}, {reader}: {_NO_POLICY}")
    if not reasons:
        return None
    so_far = VerdictSoFar(resolved=resolved, tags=wanted.tags)
    return Ended(Phase.REJECTED, Reason.NOT_ALLOWED, "; ".join(reasons), so_far)


def without_forbidden(context: Context, alias: ModelAlias, plan: Plan) -> Plan:
    """Return a plan without what it may not write any more: rules that came since count too."""
    tags = {key: value for key, value in plan.tags.items() if not _why_not(context, alias, key)}
    if len(tags) < len(plan.tags):
        plan = plan.with_tags(tags)
    source = plan.source_alias
    if source is not None and (_manager(context, source.name) or _reader(context, source.name)):
        plan = plan.without_source_alias()
    return plan


def left_out(context: Context, alias: ModelAlias, plan: Plan) -> str:
    """Return what of a plan that was carried out was not written, and why; "" if all of it was."""
    return "; ".join(_left_out(context, alias, plan))


def _left_out(context: Context, alias: ModelAlias, plan: Plan) -> Iterator[str]:
    version = history.moved(plan, alias.spec.alias).to or ""
    existing: Mapping[str, str] = {}
    if plan.tags:
        try:
            existing = context.facts.version(alias.spec.model, version).tags
        except NotFound:
            return
    for key, value in sorted(plan.tags.items()):
        why, tag = _why_not(context, alias, key), tag_keys.find(existing, key)
        if tag is not None and tag.value != value:
            yield f"left alone: tag {tag.key}, which version {version} has as {tag.value[:_SHOWN]}"
        elif tag is None and why:
            yield f"not written: tag {key}, {why}"
    source = plan.source_alias
    if source is None:
        return
    owner = _manager(context, source.name)
    why = f"which {context.named(owner)} manages" if owner else _reader(context, source.name)
    if why:
        yield f"not removed: alias {source.name}, {why}"


def _manager(context: Context, alias: str) -> str | None:
    """Return which other ModelAlias claims an alias, as `namespace/name`; case does not tell names apart."""
    claimed = {name.casefold(): owner for name, owner in context.claimed.items()}
    return claimed.get(alias.casefold())


def _tag_reasons(
    context: Context, alias: ModelAlias, wanted: OnSuccess, name: str, existing: Mapping[str, str]
) -> Iterator[str]:
    for key, value in sorted(wanted.tags.items()):
        reader, tag = _named_by(context, key), tag_keys.find(existing, key)
        if reader:
            yield f"onSuccess.tags sets {key}, {reader}: {_NO_POLICY}"
        elif not _is_allowed(alias, key):
            rules = f"which {_rules(alias)} does not allow"
            yield f"onSuccess.tags sets {key}, {rules}: file the request without it, or ask the owner to allow it"
        elif tag is not None and tag.value != value:
            yield (
                f"onSuccess.tags sets {key} to {value[:_SHOWN]}, but {name} has {tag.key}={tag.value[:_SHOWN]}: "
                "no request may overwrite a tag; file the request without it"
            )


def _why_not(context: Context, alias: ModelAlias, key: str) -> str:
    """Return why a tag may not be set, whatever the version has; "" if it may."""
    reader = _named_by(context, key)
    if reader:
        return reader
    return "" if _is_allowed(alias, key) else f"which {_rules(alias)} does not allow"


def _is_allowed(alias: ModelAlias, key: str) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in alias.spec.policy.request_tags)


def _rules(alias: ModelAlias) -> str:
    return f"policy.requestTags of ModelAlias {alias.metadata.name}"


def _named_by(context: Context, key: str) -> str:
    """Return which policy names a tag, as a clause; "" if none does."""
    owner = context.read_by_policies.tags.get(tag_keys.plain(key))
    return f"which {context.named(owner)} names in its policy" if owner else ""


def _reader(context: Context, alias: str) -> str:
    """Return which other policy reads an alias, as a clause; "" if none does."""
    owner = context.read_by_policies.aliases.get(alias.casefold())
    return f"which {context.named(owner)} asks for in its policy" if owner else ""
