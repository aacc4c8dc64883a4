"""One paragraph on an alias: why it stands as it does, and what would change that.

It says what the status says, in an order in which people ask; nothing is looked up.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from modelalias.api.alias import (
    Bearing,
    HistoryEntry,
    ModelAlias,
    NamedVersion,
    Operation,
    Outcome,
    ServingState,
    ServingStatus,
)
from modelalias.api.conditions import AliasCondition, Condition, Status, find
from modelalias.core.judging import numbers, windows
from modelalias.core.ledger import cause, history
from modelalias.core.plan.operations import RULES, Actor
from modelalias.core.requests import former
from modelalias.core.status import ways_out

_METRICS: Final = 3
_SHOWN_DIGITS: Final = 19
_VERBS: Final = {
    Operation.PROMOTE: "was promoted to it",
    Operation.ROLLBACK: "was rolled back to it",
    Operation.SWAP: "was swapped to it",
    Operation.PIN: "was pinned to it",
    Operation.ADOPT: "was moved to it by hand, which was taken over",
    Operation.RESTORE: "was set back to it",
}


class Topic(StrEnum):
    """What a sentence is about."""

    LOOK = "Look"
    """whether the operator has looked."""
    CURRENT = "Current"
    REGISTRY = "Registry"
    DRIFT = "Drift"
    UNDER_WAY = "UnderWay"
    SERVING = "Serving"
    MONITORS = "Monitors"
    TRAFFIC = "Traffic"
    CANDIDATE = "Candidate"
    WAITING = "Waiting"
    STOPS = "Stops"
    QUEUE = "Queue"
    POLICIES = "Policies"
    LEFT_BEHIND = "LeftBehind"
    WINDOWS = "Windows"
    NEXT = "Next"


class Sentence(NamedTuple):
    """A sentence without its full stop."""

    topic: Topic
    text: str


def explain(alias: ModelAlias, now: datetime) -> str:
    """Return the paragraph."""
    return " ".join(f"{sentence.text.rstrip('.')}." for sentence in sentences(alias, now))


def sentences(alias: ModelAlias, now: datetime) -> Iterator[Sentence]:
    """Return the sentences of the paragraph, each with what it is about."""
    status, name = alias.status, f"{alias.spec.model}@{alias.spec.alias}"
    if status.phase is None:
        unseen = f"The operator has not looked at ModelAlias {alias.metadata.name} yet, so nothing is known of {name}"
        yield Sentence(Topic.LOOK, unseen)
        return
    if (status.observed_generation or 0) < alias.metadata.generation:
        old = "The operator has not looked at the latest edit of the ModelAlias yet; what follows is from before"
        yield Sentence(Topic.LOOK, old)
    parts = {
        Topic.CURRENT: _current(alias, name),
        Topic.REGISTRY: _registry(alias),
        Topic.DRIFT: _drift(alias),
        Topic.UNDER_WAY: _under_way(alias, now),
        Topic.SERVING: _served(alias),
        Topic.MONITORS: _monitors(alias),
        Topic.TRAFFIC: _traffic(alias),
        Topic.CANDIDATE: _candidate(alias),
        Topic.STOPS: _stalled(alias),
        Topic.WAITING: _waiting(alias),
    }
    for topic, texts in parts.items():
        yield from (Sentence(topic, text) for text in texts)
    later = {
        Topic.STOPS: _stops(alias),
        Topic.QUEUE: _queue(alias),
        Topic.POLICIES: _policies(alias),
        Topic.LEFT_BEHIND: _left_behind(alias),
        Topic.WINDOWS: _windows(alias, now),
        Topic.NEXT: _next(alias),
    }
    for topic, texts in later.items():
        yield from (Sentence(topic, text) for text in texts)


def _policies(alias: ModelAlias) -> Iterator[str]:
    """Return whose rules hold beside its own."""
    policy = alias.status.policy
    if policy is not None and policy.sources:
        yield f"Beside its own rules those of {' and '.join(policy.sources)} hold"


def _left_behind(alias: ModelAlias) -> Iterator[str]:
    """Return why versions that were left behind are not told by their tag."""
    why = alias.status.not_archived
    if why is not None:
        yield f"{why[0].upper()}{why[1:]}"


def _current(alias: ModelAlias, name: str) -> Iterator[str]:
    current = alias.status.current
    if current is None:
        yield f"Nothing was promoted to {name} yet"
        return
    entry = cause.cause(alias.status)
    how = "" if entry is None else f": the alias {_how(entry)}"
    who = f" by {current.actor}" if current.actor else ""
    request = f" with request {current.request}" if current.request else ""
    yield f"{name} is version {current.version} since {_time(current.since)}{how}{who}{request}"
    if entry is not None:
        yield from _grounds(entry, current)
    yield from _since_then(alias, entry)


def _how(entry: HistoryEntry) -> str:
    if entry.is_first_sight:
        return "named it already when the operator first looked"
    return _VERBS.get(entry.operation, "was moved to it")


def _since_then(alias: ModelAlias, entry: HistoryEntry | None) -> Iterator[str]:
    """Return what was done later for the version to stay: a move that failed was made good, or undone by hand."""
    kept = cause.kept_since(alias.status)
    failed = entry is not None and entry.outcome is Outcome.FAILED
    if kept is None:
        if failed:
            yield "Its rollout failed"
        return
    who = f" by {kept.actor}" if kept.actor else ""
    request = f" with request {kept.request}" if kept.request else ""
    reason = f"; {_reason(kept)}" if kept.reason else ""
    if kept.drifted:
        named = f"version {kept.found}" if kept.found else "nothing"
        put_back = f"The alias was put back to it at {_time(kept.at)}{who}{request}"
        yield f"{put_back}: somebody had moved it to {named}{reason}"
    elif failed:
        yield f"Its rollout failed, and was made good at {_time(kept.at)}{who}{request}{reason}"


def _reason(entry: HistoryEntry) -> str:
    """Return the reason of a move; only who files a request gives one."""
    is_given = RULES[entry.operation].actor is Actor.REQUESTER
    return f"{'the reason given was' if is_given else 'the operator noted'}: {entry.reason}"


def _grounds(entry: HistoryEntry, current: NamedVersion) -> Iterator[str]:
    judged = entry.judged or current.judged
    values = ", ".join(f"{item.metric} {numbers.short(item.value)}" for item in judged[:_METRICS])
    more = f" and {len(judged) - _METRICS} more" if len(judged) > _METRICS else ""
    parts = [f"the evidence is {entry.evidence[:_SHOWN_DIGITS]}"] if entry.evidence else []
    parts += [f"it was judged on {values}{more}"] if values else []
    parts += [f"{' and '.join(entry.approvers)} approved"] if entry.approvers else []
    parts += [_reason(entry)] if entry.reason else []
    if parts:
        text = "; ".join(parts)
        yield text[:1].upper() + text[1:]


def _registry(alias: ModelAlias) -> Iterator[str]:
    reachable = _is(alias, AliasCondition.REGISTRY_REACHABLE, Status.FALSE)
    if reachable is not None:
        yield f"The registry cannot be used now, and nothing moves meanwhile: {reachable.message}"
        return
    observed, current = alias.status.observed, alias.status.current
    if observed is None or current is None or alias.status.plan is not None:
        return
    if _is(alias, AliasCondition.IN_SYNC, Status.FALSE) is None:
        yield f"The registry names it too, as read first at {_time(observed.at)}"


def _drift(alias: ModelAlias) -> Iterator[str]:
    in_sync = _is(alias, AliasCondition.IN_SYNC, Status.FALSE)
    if in_sync is not None:
        yield f"The registry does not agree: {in_sync.message}"


def _monitors(alias: ModelAlias) -> Iterator[str]:
    passing = find(alias.status.conditions, AliasCondition.MONITORS_PASSING)
    if passing is not None and passing.status is Status.TRUE:
        yield f"Its monitors pass: {passing.message}"
    elif passing is not None:
        yield f"Its monitors do not all pass: {passing.message}"


def _traffic(alias: ModelAlias) -> Iterator[str]:
    """Return how the requests are split."""
    routed = find(alias.status.conditions, AliasCondition.TRAFFIC_ROUTED)
    if routed is not None and routed.status is Status.TRUE:
        yield f"Of its traffic {routed.message}"
    elif routed is not None:
        yield f"Its traffic is not known to be split as it should be: {routed.message}"


def _candidate(alias: ModelAlias) -> Iterator[str]:
    """Return what automatic promotion sees, unless that is what stands there already."""
    seen, current = alias.status.auto_promote, alias.status.current
    if seen is None or (current is not None and seen.version == current.version):
        return
    version = f"version {seen.version}" if seen.version else "no version"
    request = f"PromotionRequest {seen.request} asks for it, or did" if seen.request else seen.message
    yield f"Automatic promotion sees {version}: {request}"


def _under_way(alias: ModelAlias, now: datetime) -> Iterator[str]:
    plan = alias.status.plan
    if plan is None:
        return
    to = history.moved(plan, alias.spec.alias).to
    by = f" for request {plan.request.name}" if plan.request else ""
    where = f"a {plan.operation} to version {to or 'none'}{by} is under way for {_long(plan.started_at, now)}"
    if plan.bearing is Bearing.BACKWARD:
        yield f"{where[0].upper()}{where[1:]}, and is being undone: {plan.message or plan.failure}"
    else:
        step = "its workloads are being rolled" if plan.rolling_since else "the alias is being moved"
        yield f"{where[0].upper()}{where[1:]}: {step}"
    if plan.due is not None and plan.bearing is Bearing.FORWARD:
        yield f"It fails and is undone if that is not done by {_time(plan.due)}"


def _served(alias: ModelAlias) -> Iterator[str]:
    serving = alias.status.serving
    if not serving and not alias.spec.serving:
        yield "No workload is named in spec.serving, so it is not known here what serves it"
        return
    yield from (_workload(item) for item in serving)


def _workload(item: ServingStatus) -> str:
    label = f"{item.kind} {item.name}"
    count = sum(group.pods for group in item.pods)
    ready = sum(group.ready for group in item.pods)
    pods = f" ({ready} of {count} pods ready)" if count else ""
    if item.state is ServingState.UP_TO_DATE:
        sentence = f"{label} serves version {item.served or item.desired}{pods}"
    elif item.state is ServingState.UNKNOWN:
        sentence = f"It is not known which version {label} serves"
    else:
        sentence = f"{label} is {item.state}{pods}"
    since = f" since {_time(item.since)}" if item.since else ""
    return f"{sentence}{since}{f': {item.message}' if item.message else ''}"


def _stalled(alias: ModelAlias) -> Iterator[str]:
    stalled = _is(alias, AliasCondition.STALLED, Status.TRUE)
    if stalled is not None:
        yield f"A person has to change something ({stalled.reason}): {stalled.message}"


def _waiting(alias: ModelAlias) -> Iterator[str]:
    reconciling = _is(alias, AliasCondition.RECONCILING, Status.TRUE)
    if reconciling is not None and alias.status.plan is None:
        yield f"Waiting ({reconciling.reason}): {reconciling.message}"


def _stops(alias: ModelAlias) -> Iterator[str]:
    """Return what keeps the alias from moving, with the way out of each."""
    if alias.spec.version is not None:
        yield (
            f"spec.version pins it to version {alias.spec.version}, so requests are rejected; "
            f"to let them decide: {ways_out.unpin(alias)}"
        )
    if alias.spec.suspend:
        yield f"It is suspended: nothing new starts; to go on: {ways_out.resume(alias)}"
    held = _is(alias, AliasCondition.HELD, Status.TRUE)
    if held is not None:
        yield f"Automatic steps are stopped: {held.message}"


def _queue(alias: ModelAlias) -> Iterator[str]:
    queue = alias.status.queue
    if queue:
        waits = (
            "1 request waits for its turn"
            if len(queue) == 1
            else f"{len(queue)} requests wait for their turn"
        )
        yield f"{waits}: {', '.join(queue)}"


def _windows(alias: ModelAlias, now: datetime) -> Iterator[str]:
    """Return what policy.windows mean at the time of asking, which no status has to keep up with."""
    for state in windows.sentences(alias.spec.policy.windows, now):
        yield f"By policy.windows it is {state}"


def _next(alias: ModelAlias) -> Iterator[str]:
    """Return how the alias is moved, where nothing that was said before has to be seen to first."""
    status = alias.status
    if alias.spec.version is not None or alias.spec.suspend or status.plan is not None:
        return
    if _is(alias, AliasCondition.STALLED, Status.TRUE) or _is(alias, AliasCondition.IN_SYNC, Status.FALSE):
        return
    yield f"To move it: {ways_out.promote(alias, 'N')}"
    before, left = former.former(status), former.gone_back_from(status)
    bad = next((item for item in reversed(status.breached) if item.version == before), None)
    if bad is not None:
        yield f"Version {before} is nothing to go back to: monitor {bad.monitor} was breached with it ({bad.value})"
    elif before is not None:
        yield f"To go back to version {before}: {ways_out.go_back(alias, before)}"
    if left is not None:
        how = cause.how_left(status, left)
        yield f"Version {left.version} is nothing to go back to: it {how} at {_time(left.at)}"


def _is(alias: ModelAlias, kind: AliasCondition, status: Status) -> Condition | None:
    """Return the condition if it has that status."""
    found = find(alias.status.conditions, kind)
    return found if found is not None and found.status is status else None


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _long(since: datetime, now: datetime) -> str:
    minutes = max(0, int((now - since).total_seconds() // 60))
    return f"{minutes} min" if minutes else "less than a minute"
