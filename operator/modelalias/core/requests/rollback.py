"""Rollback and swap: to which version they go.

Both go only to versions that this ModelAlias has accepted, so that they cannot lead around the gates: what
the registry's aliases name proves nothing. Nothing is judged, and nobody is asked.
"""

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest, RequestOperation, Resolved, Source
from modelalias.core.errors import NotFound
from modelalias.core.ledger.signed_record import was_accepted
from modelalias.core.protocol.answers import Answered, Ended
from modelalias.core.protocol.blame import blamed_on
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.facts import Failed
from modelalias.core.requests.broken import is_broken
from modelalias.core.requests.former import returns_to
from modelalias.core.requests.source import Candidate, resolve_version, resolved
from modelalias.ports import Aliases


def aliases_once_undone(alias: ModelAlias, aliases: Aliases) -> Aliases:
    """Return what the aliases name once a plan under way is undone.

    A rollback that interrupts the plan begins with that.
    """
    plan = alias.status.plan
    if plan is None:
        return aliases
    former = {move.name: move.from_ for move in plan.aliases}
    return {name: version for name, version in {**aliases, **former}.items() if version is not None}


def resolve_target(
    context: Context, alias: ModelAlias, request: PromotionRequest, aliases: Aliases
) -> Candidate:
    """Return the version to go back to; raise `Answered` when there is none."""
    frozen, facts, now = request.status.resolved, context.facts, context.now
    if request.spec.operation is RequestOperation.SWAP:
        number, source = _other_side(alias, aliases)
    elif frozen is not None:
        number, source = frozen.version, frozen.from_
    elif request.spec.source is not None and request.spec.source.version is not None:
        number = request.spec.source.version
        source = f"version {number}"
    else:
        number, source = _previous(alias, aliases)
    target = resolve_version(alias, number, source, facts, now, frozen)
    if target.version is None or not was_accepted(context.notary, alias, target.version):
        known = f"ModelAlias {context.name} has never accepted {target.name}, as far as it knows"
        message = f"{known}: promote it, or pin it with spec.version"
        raise Answered(Ended(Phase.REJECTED, Reason.NEVER_HELD, message))
    return target


def meant_now(context: Context, alias: ModelAlias, request: PromotionRequest) -> Resolved | None:
    """Return which version a request that is not judged yet means, where it could mean another one later."""
    source = request.spec.source
    if request.status.resolved is not None or request.spec.dry_run or source is None:
        return None
    if is_broken(context, request):
        return None
    with blamed_on(request):
        return _meant_now(context, alias, source)


def _meant_now(context: Context, alias: ModelAlias, source: Source) -> Resolved | None:
    if source.alias is None and not source.previous:
        return None
    try:
        aliases = context.facts.aliases(alias.spec.model)
        if source.previous:
            number, words = _previous(alias, aliases_once_undone(alias, aliases))
        else:
            number, words = aliases.get(source.alias or "", ""), f"alias {source.alias}"
    except (NotFound, Failed, Answered):
        return None
    return resolved(alias, number, words) if number else None


def _other_side(alias: ModelAlias, aliases: Aliases) -> tuple[str, str]:
    """Return the version that was current before, which is what previousAlias should name."""
    previous, former = alias.spec.previous_alias, alias.status.previous
    if previous is None:
        raise _no_previous(f"ModelAlias {alias.metadata.name} has no previousAlias to swap with")
    if former is None or alias.status.current is None:
        raise _nothing_accepted(alias, aliases, f"ModelAlias {alias.metadata.name} accepted no other version")
    return former.version, f"the previous version{_contradicted(alias, aliases, former.version)}"


def _previous(alias: ModelAlias, aliases: Aliases) -> tuple[str, str]:
    """Return the version before the present one, and how it is told."""
    plan, current, named = alias.status.plan, alias.status.current, aliases.get(alias.spec.alias)
    before = returns_to(alias, named)
    if before is not None and plan is not None:
        return before, f"the version before the {plan.operation} under way"
    if before is not None and current is not None and before == current.version:
        return before, f"the version accepted last (somebody moved the alias to {named or 'nothing'})"
    if before is not None:
        return before, f"the version accepted before{_contradicted(alias, aliases, before)}"
    name = f"{alias.spec.model}@{alias.spec.alias}"
    raise _nothing_accepted(alias, aliases, f"there is no former version of {name} to go back to")


def _contradicted(alias: ModelAlias, aliases: Aliases, version: str) -> str:
    """Tell where previousAlias names another version: somebody else wrote that, so it counts for nothing."""
    previous = alias.spec.previous_alias
    named = aliases.get(previous or "")
    if previous is None or named in {None, version}:
        return ""
    return f" (alias {previous} names {named}, which counts for nothing)"


def _nothing_accepted(alias: ModelAlias, aliases: Aliases, message: str) -> Answered:
    """Return why there is nothing to go back to, and what may be meant."""
    previous, gone = alias.spec.previous_alias, alias.status.rolled_back
    named = aliases.get(previous or "")
    if gone:
        last = gone[-1]
        message += f"; version {last.version} was rolled back: ask for it by its version if it is meant"
    accepted = {item.from_ for item in alias.status.history} | {item.to for item in alias.status.history}
    if named is not None and named not in accepted:
        message += f"; alias {previous} names {named}, which was never accepted here"
        return Answered(Ended(Phase.REJECTED, Reason.NEVER_HELD, message))
    return _no_previous(message)


def _no_previous(message: str) -> Answered:
    return Answered(Ended(Phase.REJECTED, Reason.NO_PREVIOUS, message))
