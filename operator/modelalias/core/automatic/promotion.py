"""Automatic promotion: a request for each version that becomes a candidate, filed once.

Level-triggered: whatever was missed is found at the next look. A request is named for the version, so that an
operator in a cluster that was built anew files the same one, which the record of the version knows. A version
that was refused is asked for again only when what decided about it changed: its champion, or the rules.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Final, NamedTuple

from modelalias.api.alias import AutoPromote, AutoPromoteStatus, ModelAlias
from modelalias.api.metadata import Metadata
from modelalias.api.request import AliasRef, OnSuccess, Phase, PromotionRequest, PromotionRequestSpec, Source
from modelalias.core.errors import NotFound
from modelalias.core.ledger import cause, history
from modelalias.core.ledger.accepted import is_current
from modelalias.core.ledger.signed_record import record_of, was_accepted
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.effects import FileRequest
from modelalias.core.requests import replay
from modelalias.core.status import ways_out
from modelalias.core.status.drift import has_drifted
from modelalias.ports import ModelVersion, VersionState

SEARCH: Final = timedelta(seconds=60)
"""How often versions are searched by their tags: nothing tells of a tag that is set."""


class Wanted(NamedTuple):
    """What is known of the candidates, and the request to file next, if any."""

    status: AutoPromoteStatus | None
    effect: FileRequest | None = None
    under_way: bool = False
    """Whether a request of the operator's own asks for the candidate now."""
    again: bool = False
    """Whether a request could not be filed, so that it is tried again."""


def wanted(context: Context, alias: ModelAlias) -> Wanted:
    """Return the request that is to be filed for a candidate; raise `Needed` and `Failed` for what is read."""
    rule = alias.spec.policy.auto_promote
    if rule is None:
        return Wanted(None)
    stopped = _why_stopped(context, alias)
    if stopped:
        return Wanted(AutoPromoteStatus(message=stopped))
    current, seen = alias.status.current, _seen(context, rule.from_alias or "")
    if current is not None and seen == current.version:
        return Wanted(AutoPromoteStatus(version=seen, message="it is current"))
    try:
        candidates = tuple(_candidates(context, alias, rule))
    except NotFound:
        return Wanted(None)
    last = Wanted(AutoPromoteStatus(message="there is no candidate"))
    for version, source in candidates:
        last = _request_for(context, alias, rule, version, source)
        if last.effect is not None or last.under_way:
            return last  # one after another: what becomes of one changes what the next is compared with
    return last


def _why_stopped(context: Context, alias: ModelAlias) -> str:
    """Return why nothing is filed for any version; "" when something may be."""
    spec, status = alias.spec, alias.status
    if spec.version is not None:
        return f"waits: spec.version pins version {spec.version}; {ways_out.unpin(alias)}"
    if spec.suspend:
        return f"waits: suspended; to go on: {ways_out.resume(alias)}"
    if status.hold is not None:
        return f"waits: automatic steps are on hold; {ways_out.release(alias)}"
    if has_drifted(status):
        return "waits: somebody moved the alias by hand"
    if not context.by_itself.account:
        return "waits: the operator could not find out its own user name yet"
    return ""


def _candidates(context: Context, alias: ModelAlias, rule: AutoPromote) -> Iterator[tuple[ModelVersion, str]]:
    """Yield the versions that are candidates, with what makes them so."""
    model, facts, current = alias.spec.model, context.facts, alias.status.current
    if rule.from_alias is not None and _seen(context, rule.from_alias) is not None:
        number = facts.aliases(model).get(rule.from_alias)
        if number is not None:
            yield facts.version(model, number), f"alias {rule.from_alias} names it"
    if rule.from_versions is not None:
        found = facts.newer_versions(model, rule.from_versions.tags, current.version if current else None)
        words = f"it has the tags {', '.join(sorted(rule.from_versions.tags))}"
        yield from ((item, words) for item in (found[-1:] if rule.from_versions.newest else found))


def _seen(context: Context, name: str) -> str | None:
    """Return what an alias named in the last snapshot: only what is new there is read itself."""
    snapshot = context.registry.snapshot
    return None if snapshot is None or snapshot.aliases is None else snapshot.aliases.get(name)


def _request_for(
    context: Context, alias: ModelAlias, rule: AutoPromote, version: ModelVersion, source: str
) -> Wanted:
    number = version.version
    active = next((item for item in context.requests if _asks_for(item, number)), None)
    if active is not None and active.spec.requested_by == context.by_itself.account:
        return Wanted(AutoPromoteStatus(version=number, request=active.metadata.name), under_way=True)
    left = _why_left(context, alias, version)
    if not left and active is not None:
        left = f"PromotionRequest {active.metadata.name} asks for it"
    if left:
        return Wanted(AutoPromoteStatus(version=number, message=left))
    for request in _names(context, alias, rule, version, source):
        name = request.metadata.name
        effect = FileRequest(namespace=context.namespace, name=name, spec=request.spec)
        refused = context.facts.failure(effect)
        if refused is not None:
            seen = AutoPromoteStatus(
                version=number, message=f"cannot file a request: {refused}; {ways_out.let_file()}"
            )
            return Wanted(seen, again=True)
        there = context.facts.request(context.namespace, name)
        is_own = there is not None and there.spec_hash == request.spec_hash
        end = _end_of(context, alias, request, version) or (there.status.phase if there and is_own else None)
        if end in _UNDECIDED:
            continue
        if is_own:
            return Wanted(AutoPromoteStatus(version=number, request=name))
        if end is not None:
            return Wanted(AutoPromoteStatus(version=number, message=_ENDED))
        if there is None:
            return Wanted(AutoPromoteStatus(version=number, request=name), effect)
    return Wanted(AutoPromoteStatus(version=number, message="requests for it were filed already"))


_UNDECIDED: Final = frozenset({Phase.EXPIRED, Phase.SUPERSEDED})
"""Ends that say nothing of a version: its turn never came."""
_MOST_REQUESTS: Final = 6
"""How many requests a version gets at most while champion and rules stay, where no turn came."""
_ENDED: Final = "a request for it ended before; a new one is filed when the champion or the rules change"


def _why_left(context: Context, alias: ModelAlias, version: ModelVersion) -> str:
    """Return why a candidate is left alone; "" when it is not."""
    status, number = alias.status, version.version
    if is_current(status, version):
        return "it is current"
    if version.state is not VersionState.READY:
        return "it is not registered yet"
    gone = next((item for item in status.rolled_back if item.version == number), None)
    if gone is not None:
        return f"it {cause.how_left(status, gone)}: {ways_out.promote(alias, number)} where it is meant"
    if number in {item.version for item in status.breached}:
        return f"a monitor was breached with it: {ways_out.promote(alias, number)} where it is meant"
    if was_accepted(context.notary, alias, version):
        return f"it was promoted before: {ways_out.promote(alias, number)} where it is meant again"
    return ""


def _asks_for(request: PromotionRequest, number: str) -> bool:
    resolved, source = request.status.resolved, request.spec.source
    asked = resolved.version if resolved is not None else source.version if source is not None else None
    return asked == number and not request.spec.dry_run


def _names(
    context: Context, alias: ModelAlias, rule: AutoPromote, version: ModelVersion, source: str
) -> Iterator[PromotionRequest]:
    """Yield the requests that may be filed: by the version, and where that was decided already by the rules too."""
    rules = _digest(alias)
    name = f"{alias.metadata.name}-auto-{version.version}"
    reason = f"autoPromote: {source}; rules {rules}"
    more = (f"{name}-{rules}-{number}" for number in range(2, _MOST_REQUESTS))
    for full in (name, f"{name}-{rules}", *more):
        spec = PromotionRequestSpec(
            alias_ref=AliasRef(name=alias.metadata.name),
            source=Source(version=version.version),
            reason=reason,
            requested_by=context.by_itself.account,
        )
        if rule.from_alias is not None and rule.delete_source_alias:
            spec = spec.changed(on_success=OnSuccess(delete_source_alias=True))
        yield PromotionRequest(metadata=Metadata(name=full, namespace=context.namespace), spec=spec)


def _digest(alias: ModelAlias) -> str:
    """Return eight characters that stand for what decides about a candidate: the champion and the rules."""
    current, rules = alias.status.current, alias.spec.policy
    decides = {"eligibility", "gates", "evaluation", "approval"}
    text = json.dumps(
        [
            None if current is None else current.version,
            rules.model_dump(mode="json", by_alias=True, include=decides),
        ],
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _end_of(
    context: Context, alias: ModelAlias, request: PromotionRequest, version: ModelVersion
) -> Phase | None:
    """Return how the same request ended before, by what the alias remembers or by the version's record."""
    entry = history.finished(alias.status.history, request)
    if entry is not None:
        return history.phase_of(entry)
    before = history.finished_before(alias.status.finished, request)
    if before is not None:
        return before
    end = replay.end_by_record(record_of(context.notary, alias, version), request)
    return None if end is None else end.phase
