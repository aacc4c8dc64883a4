"""Events: what is worth telling when a status changes, with the former and the new version in it."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pydantic import Field

from modelalias.api.alias import HistoryEntry, ModelAlias, ModelAliasStatus, Outcome
from modelalias.api.conditions import AliasCondition, Reason, Status, find, is_true
from modelalias.api.fields import Value
from modelalias.api.request import Phase, PromotionRequestStatus
from modelalias.core.status import annotations, monitors, traffic
from modelalias.core.status.occasions import Occasion
from modelalias.ports import EventType

_ENDS = {
    Phase.SUCCEEDED: EventType.NORMAL,
    Phase.REJECTED: EventType.WARNING,
    Phase.FAILED: EventType.WARNING,
    Phase.ROLLED_BACK: EventType.WARNING,
    Phase.ERRORED: EventType.WARNING,
    Phase.ABORTED: EventType.NORMAL,
    Phase.SUPERSEDED: EventType.NORMAL,
    Phase.EXPIRED: EventType.WARNING,
}
_TROUBLE = (
    (AliasCondition.STALLED, True, Occasion.STALLED),
    (AliasCondition.IN_SYNC, False, Occasion.DRIFTED),
    (AliasCondition.REGISTRY_REACHABLE, False, Occasion.REGISTRY_UNREACHABLE),
    (AliasCondition.IDENTITY_PROVED, False, Occasion.IDENTITY_UNPROVED),
    (AliasCondition.VERIFIED, False, Occasion.NOT_VERIFIED),
    (AliasCondition.TRAFFIC_ROUTED, False, Occasion.TRAFFIC_NOT_ROUTED),
    (AliasCondition.HELD, True, Occasion.HELD),
)
"""Conditions, the status that is told of each, and as what."""


class News(Value):
    """One event to post on the object whose status changed."""

    type: EventType
    reason: str
    message: str
    annotations: Mapping[str, str] = Field(default_factory=lambda: MappingProxyType({}))
    """The same for programs, see `core.status.annotations`."""
    occasion: Occasion | None = None
    """What it is for the channels of the configuration; None where no channel is told."""


def of_request(
    before: PromotionRequestStatus,
    after: PromotionRequestStatus,
    about: Mapping[str, str] = MappingProxyType({}),
) -> tuple[News, ...]:
    """Tell each change of phase and each approval once; `about` is what the request says for programs."""
    news = [*_of_approvals(before, after, about)]
    if after.phase is not None and after.phase != before.phase:
        reason = str(after.phase)
        news.append(
            News(
                type=_ENDS.get(after.phase, EventType.NORMAL),
                reason=reason,
                message=after.explanation,
                annotations=about,
                occasion=Occasion(reason) if reason in set(Occasion) else None,
            )
        )
    return tuple(news)


def _of_approvals(
    before: PromotionRequestStatus, after: PromotionRequestStatus, about: Mapping[str, str]
) -> Iterator[News]:
    """Tell that another approval is valid."""
    old, now = before.approvals, after.approvals
    if now is not None and now.valid > (0 if old is None else old.valid):
        by = f", by {', '.join(now.by)}" if now.by else ""
        yield News(
            type=EventType.NORMAL,
            reason=str(Occasion.APPROVED),
            message=f"{now.valid} of {now.required} approvals{by}",
            annotations=about,
            occasion=Occasion.APPROVED,
        )


def _moved(name: str, entry: HistoryEntry) -> str:
    """Tell a move as the ledger has it: what, by whom, approved by whom, why, and how it ended."""
    if entry.is_first_sight:
        return f"{name}: version {entry.to} was there already and is taken over as current"
    move = (
        f"{name}: {entry.operation} from {entry.left or 'nothing'} to {entry.to or 'nothing'} {entry.outcome}"
    )
    people = [
        *([f"PromotionRequest {entry.request}"] if entry.request else []),
        *([f"by {entry.actor}"] if entry.actor else []),
        *([f"approved by {', '.join(entry.approvers)}"] if entry.approvers else []),
    ]
    parts = [
        f" ({', '.join(people)})" if people else "",
        *(f": {text}" for text in (entry.message, entry.reason) if text),
    ]
    return move + "".join(parts)


def of_alias(alias: ModelAlias, after: ModelAliasStatus) -> tuple[News, ...]:
    """Tell moves, drift and what keeps the alias stalled."""
    before, name = alias.status, f"{alias.spec.model}@{alias.spec.alias}"
    news = []
    new = after.history[-1:] if after.history[-1:] != before.history[-1:] else ()
    for entry in new:
        kind = EventType.NORMAL if entry.outcome is Outcome.SUCCEEDED else EventType.WARNING
        news.append(
            News(
                type=kind,
                reason=f"{entry.operation}{entry.outcome}",
                message=_moved(name, entry),
                annotations=annotations.of_move(alias, entry),
                occasion=Occasion.MOVED if entry.outcome is Outcome.SUCCEEDED else Occasion.NOT_MOVED,
            )
        )
    for condition, bad, occasion in _TROUBLE:
        old, now = find(before.conditions, condition), find(after.conditions, condition)
        stands = now is not None and str(now.status) == str(bad)
        if (
            now is not None
            and stands
            and (old is None or (old.status, old.reason) != (now.status, now.reason))
        ):
            news.append(
                News(type=EventType.WARNING, reason=now.reason, message=now.message, occasion=occasion)
            )
    returned = not is_true(before.conditions, AliasCondition.REGISTRY_REACHABLE) and is_true(
        after.conditions, AliasCondition.REGISTRY_REACHABLE
    )
    if returned and find(before.conditions, AliasCondition.REGISTRY_REACHABLE) is not None:
        news.append(
            News(
                type=EventType.NORMAL,
                reason=str(Reason.REACHABLE),
                message="the registry answers again",
                occasion=Occasion.REGISTRY_REACHABLE,
            )
        )
    passing = find(after.conditions, AliasCondition.MONITORS_PASSING)
    if passing is not None and monitors.is_news(before, after):
        silent = passing.reason == str(Reason.NO_DATA)
        news.append(
            News(
                type=EventType.WARNING,
                reason=passing.reason,
                message=passing.message,
                occasion=Occasion.MONITOR_SILENT if silent else Occasion.MONITOR_BREACHED,
            )
        )
    news += [
        News(
            type=EventType.NORMAL,
            reason="TrafficMoved",
            message=message,
            occasion=Occasion.TRAFFIC_MOVED,
        )
        for message in traffic.moved(before, after)
    ]
    said = alias.metadata.release
    if before.hold is not None and after.hold is None and not new and said is not None:
        message = f"{name}: automatic steps go on: {said.user} released the hold"
        news.append(
            News(
                type=EventType.NORMAL,
                reason="HoldReleased",
                message=message,
                occasion=Occasion.HOLD_RELEASED,
            )
        )
    news += _of_retention(name, before, after)
    about = annotations.of_alias(alias)
    every = (*news, *_of_workloads(before, after))
    return tuple(item if item.annotations else item.changed(annotations=about) for item in every)


def _of_retention(name: str, before: ModelAliasStatus, after: ModelAliasStatus) -> Iterator[News]:
    """Tell which versions were given the tag of policy.retention, and which lost it."""
    old = {(item.tag, item.version) for item in before.archived if item.tag is not None}
    new = {(item.tag, item.version) for item in after.archived if item.tag is not None}
    for reason, words, changed in (
        ("VersionUnarchived", "removed from", old - new),
        ("VersionArchived", "set on", new - old),
    ):
        for tag in sorted({tag for tag, _ in changed}):
            versions = ", ".join(sorted((number for key, number in changed if key == tag), key=int))
            message = f"{name}: tag {tag} was {words} version {versions}"
            yield News(type=EventType.NORMAL, reason=reason, message=message)


def _of_workloads(before: ModelAliasStatus, after: ModelAliasStatus) -> Iterator[News]:
    """Tell what became of the workloads while nothing moved, and what is likely not meant as it is."""
    old = find(before.conditions, AliasCondition.ROLLED_OUT)
    now = find(after.conditions, AliasCondition.ROLLED_OUT)
    moves = {str(Reason.ROLLING_OUT), str(Reason.UNKNOWN_SERVING), str(Reason.NO_VERSION)}
    if now is not None and now.reason not in moves and (old is None or old.reason != now.reason):
        good = now.status is Status.TRUE
        if not good or (old is not None and old.reason not in moves):
            kind = EventType.NORMAL if good else EventType.WARNING
            occasion = Occasion.ROLLED_OUT if good else Occasion.NOT_ROLLED_OUT
            yield News(type=kind, reason=now.reason, message=now.message, occasion=occasion)
    known = {(item.kind, item.name, text) for item in before.serving for text in item.warnings}
    for item in after.serving:
        for text in item.warnings:
            if (item.kind, item.name, text) not in known:
                yield News(
                    type=EventType.WARNING,
                    reason="WorkloadWarning",
                    message=f"{item.kind} {item.name} {text}",
                )
