"""Rollback and swap: to which version they go.

A rollback goes to a version that the alias has named before, so that it cannot lead around the gates; a swap
to what previousAlias names. Nothing is judged, and nobody is asked.
"""

from modelalias.api.alias import ModelAlias, Outcome
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest, RequestOperation, Resolved, Source
from modelalias.core.errors import NotFound
from modelalias.core.ledger import history
from modelalias.core.ledger.signed_record import record_of
from modelalias.core.plan.operations import RULES
from modelalias.core.protocol.answers import Answered, Ended
from modelalias.core.protocol.blame import blamed_on
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.facts import Failed
from modelalias.core.requests.broken import is_broken
from modelalias.core.requests.source import Candidate, resolve_version
from modelalias.ports import Aliases, ModelVersion


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
        return resolve_version(alias, number, source, facts, now)
    if frozen is not None:
        number, source = frozen.version, frozen.from_
    elif request.spec.source is not None and request.spec.source.version is not None:
        number = request.spec.source.version
        source = f"version {number}"
    else:
        number, source = _previous(alias, aliases)
    target = resolve_version(alias, number, source, facts, now, frozen)
    before = aliases.get(alias.spec.previous_alias or "")
    if target.version is None or (
        target.version.version != before and not was_held(context, alias, target.version)
    ):
        known = f"{alias.spec.alias} has never named {target.name}, as far as is known"
        message = f"{known}: promote it, or pin it with spec.version"
        raise Answered(Ended(Phase.REJECTED, Reason.NEVER_HELD, message))
    return target


def was_held(context: Context, alias: ModelAlias, version: ModelVersion) -> bool:
    """Return whether the alias has named a version, by the ledger or the version's own record."""
    status = alias.status
    entries = [item for item in status.history if item.outcome is Outcome.SUCCEEDED]
    known = {number for item in entries for number in (item.from_, item.to)}
    known |= {item.version for item in (status.current, status.previous) if item is not None}
    return version.version in known or record_of(context.notary, alias, version).was_held


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
    return Resolved(version=number, champion=aliases.get(alias.spec.alias), from_=words) if number else None


def _other_side(alias: ModelAlias, aliases: Aliases) -> tuple[str, str]:
    """Return what previousAlias names; both aliases have to name a version, and not the same one."""
    name, previous = alias.spec.alias, alias.spec.previous_alias
    if previous is None:
        raise _no_previous(f"ModelAlias {alias.metadata.name} has no previousAlias to swap with")
    missing = next((item for item in (name, previous) if item not in aliases), None)
    if missing is not None:
        raise _no_previous(f"nothing to swap: {alias.spec.model} has no alias {missing}")
    if aliases[name] == aliases[previous]:
        raise _no_previous(f"nothing to swap: {name} and {previous} both name version {aliases[name]}")
    return aliases[previous], f"alias {previous}"


def _previous(alias: ModelAlias, aliases: Aliases) -> tuple[str, str]:
    """Return the version before the present one.

    That is what a plan under way replaces, else what previousAlias names, else what the history says. While
    people go back already it is the version that they go back to.
    """
    plan, champion, previous = alias.status.plan, aliases.get(alias.spec.alias), alias.spec.previous_alias
    if plan is not None:
        move = history.moved(plan, alias.spec.alias)
        before = move.to if RULES[plan.operation].has_priority else move.from_
        if before is not None:
            return before, f"the version before the {plan.operation} under way"
    elif previous is not None and previous in aliases and aliases[previous] != champion:
        return aliases[previous], f"alias {previous}"
    else:
        for entry in reversed(alias.status.history):
            version = entry.to if entry.to != champion else entry.from_
            if entry.outcome is Outcome.SUCCEEDED and version is not None and version != champion:
                return version, "the history"
    raise _no_previous(f"there is no former version of {alias.spec.model}@{alias.spec.alias} to go back to")


def _no_previous(message: str) -> Answered:
    return Answered(Ended(Phase.REJECTED, Reason.NO_PREVIOUS, message))
