"""Rollback and swap: to which version they go.

A rollback goes to a version that the alias has held, so that it cannot lead around the gates; a swap to what
previousAlias holds. Nothing is judged, and nobody is asked.
"""

from modelalias.api.alias import ModelAlias, Outcome
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest, RequestOperation, Resolved
from modelalias.core.errors import NotFound
from modelalias.core.ledger import history, version_record
from modelalias.core.plan.steps import GOING_BACK
from modelalias.core.protocol.answers import Ended, Stop
from modelalias.core.protocol.context import World
from modelalias.core.protocol.facts import Failed
from modelalias.core.requests import source as candidate
from modelalias.core.requests.source import Candidate
from modelalias.ports import Aliases, ModelVersion


def standing(alias: ModelAlias, held: Aliases) -> Aliases:
    """Return what the aliases hold once a plan under way is undone.

    What a rollback that interrupts it begins with.
    """
    made = alias.status.plan
    if made is None:
        return held
    back = {move.name: move.from_ for move in made.aliases}
    return {name: version for name, version in {**held, **back}.items() if version is not None}


def of_request(world: World, alias: ModelAlias, request: PromotionRequest, held: Aliases) -> Candidate:
    """Return the version to go back to; raise `Stop` when there is none."""
    frozen, facts, now = request.status.resolved, world.facts, world.now
    if request.spec.operation is RequestOperation.SWAP:
        number, told = _other_side(alias, held)
        return candidate.of_version(alias, number, told, facts, now, None)
    if frozen is not None:
        found = candidate.of_version(alias, frozen.version, frozen.from_, facts, now, frozen)
    elif request.spec.source is not None and request.spec.source.version is not None:
        number = request.spec.source.version
        found = candidate.of_version(alias, number, f"version {number}", facts, now, None)
    else:
        number, told = _previous(alias, held)
        found = candidate.of_version(alias, number, told, facts, now, None)
    before = held.get(alias.spec.previous_alias or "")
    if found.version is None or (found.version.version != before and not was_held(alias, found.version)):
        told = f"{alias.spec.alias} has never held {found.name}, as far as is known: promote it, or pin it with spec.version"
        raise Stop(Ended(Phase.REJECTED, Reason.NEVER_HELD, told))
    return found


def _other_side(alias: ModelAlias, held: Aliases) -> tuple[str, str]:
    """Return what previousAlias holds; both aliases have to name a version, and not the same one."""
    name, previous = alias.spec.alias, alias.spec.previous_alias
    if previous is None:
        raise _no_previous(f"ModelAlias {alias.metadata.name} has no previousAlias to swap with")
    missing = next((item for item in (name, previous) if item not in held), None)
    if missing is not None:
        raise _no_previous(f"nothing to swap: {alias.spec.model} has no alias {missing}")
    if held[name] == held[previous]:
        raise _no_previous(f"nothing to swap: {name} and {previous} both hold version {held[name]}")
    return held[previous], f"alias {previous}"


def _previous(alias: ModelAlias, held: Aliases) -> tuple[str, str]:
    """Return the version before the present one.

    What a plan under way replaces, else previousAlias, else the history. While people go back already it is
    the version that they go back to.
    """
    made, champion, previous = alias.status.plan, held.get(alias.spec.alias), alias.spec.previous_alias
    if made is not None:
        move = history.moved(made, alias.spec.alias)
        before = move.to if made.operation in GOING_BACK else move.from_
        if before is not None:
            return before, f"the version before the {made.operation} under way"
    elif previous is not None and previous in held and held[previous] != champion:
        return held[previous], f"alias {previous}"
    else:
        for entry in reversed(alias.status.history):
            version = entry.to if entry.to != champion else entry.from_
            if entry.outcome is Outcome.SUCCEEDED and version is not None and version != champion:
                return version, "the history"
    raise _no_previous(f"there is no former version of {alias.spec.model}@{alias.spec.alias} to go back to")


def was_held(alias: ModelAlias, version: ModelVersion) -> bool:
    """Say whether the alias has held a version, as the ledger or the version's own record says."""
    status = alias.status
    entries = [item for item in status.history if item.outcome is Outcome.SUCCEEDED]
    known = {number for item in entries for number in (item.from_, item.to)}
    known |= {item.version for item in (status.current, status.previous) if item is not None}
    return version.version in known or version_record.was_held(
        version.tags.get(version_record.key(alias.spec.alias))
    )


def frozen(world: World, alias: ModelAlias, request: PromotionRequest) -> Resolved | None:
    """Return which version a request that is not judged yet means, where another one could be meant later."""
    source = request.spec.source
    if request.status.resolved is not None or request.spec.dry_run or source is None:
        return None
    if source.alias is None and not source.previous:
        return None
    try:
        held = world.facts.aliases(alias.spec.model)
        if source.previous:
            number, told = _previous(alias, standing(alias, held))
        else:
            number, told = held.get(source.alias or "", ""), f"alias {source.alias}"
    except (NotFound, Failed, Stop):
        return None
    return Resolved(version=number, champion=held.get(alias.spec.alias), from_=told) if number else None


def _no_previous(told: str) -> Stop:
    return Stop(Ended(Phase.REJECTED, Reason.NO_PREVIOUS, told))
