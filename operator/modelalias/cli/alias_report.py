"""The state of a ModelAlias, as text for people and as JSON for programs."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from modelalias.api.alias import ModelAlias, Operation, ServingStatus, WindowOperation
from modelalias.api.conditions import AliasCondition, Condition, Status, find, is_true
from modelalias.api.fields import timestamp_text
from modelalias.cli.output import aligned, lines
from modelalias.cli.request_state import NO_STATUS
from modelalias.core.judging import windows
from modelalias.core.requests import former
from modelalias.core.status.phase_since import phase_since

CONDITIONS: Final = ("CONDITION", "STATUS", "REASON", "MESSAGE")
WORKLOADS: Final = ("WORKLOAD", "STATE", "SERVES", "ASKED FOR", "PODS READY", "SINCE", "MESSAGE")
_REDUNDANT: Final = frozenset({"Ready", "Reconciling"})
"""Conditions that the first lines have told already."""


def text(alias: ModelAlias, now: datetime) -> str:
    """Return everything that is known about an alias, and what its windows mean now."""
    return lines(
        [
            *head(alias, now),
            *_section(WORKLOADS, workloads(alias)),
            *_section(CONDITIONS, conditions(alias)),
        ]
    )


def as_json(alias: ModelAlias, now: datetime) -> Mapping[str, Any]:
    """Return what programs ask first, and the conditions and workloads as they stand in the status.

    What is not known is left out.
    """
    status, current = alias.status, alias.status.current
    ready, left = find(status.conditions, AliasCondition.READY), former.gone_back_from(status)
    began = phase_since(status)
    whole = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    known = {
        "modelAlias": alias.metadata.name,
        "namespace": alias.metadata.namespace,
        "registry": alias.spec.registry,
        "model": alias.spec.model,
        "alias": alias.spec.alias,
        "phase": status.phase,
        "phaseSince": None if began is None else timestamp_text(began),
        "ready": None if ready is None else ready.status is Status.TRUE,
        "version": current.version if current else None,
        "since": whole["current"]["since"] if current else None,
        "request": current.request if current else None,
        "actor": current.actor if current else None,
        "previous": former.former(status),
        "goneBackFrom": left.version if left else None,
        "pinned": alias.spec.version,
        "suspended": alias.spec.suspend or None,
        "policies": None if status.policy is None else list(status.policy.sources),
        "held": is_true(status.conditions, AliasCondition.HELD),
        "message": message(alias) or None,
        "archived": _archived(alias) or None,
        "queue": list(status.queue),
        "windows": _windows(alias, now),
        "serving": whole.get("serving", []),
        "conditions": whole.get("conditions", []),
    }
    return {key: value for key, value in known.items() if value is not None}


def _windows(alias: ModelAlias, now: datetime) -> Mapping[str, Any] | None:
    """Return what the windows mean now; None where there are none."""
    wanted = alias.spec.policy.windows
    if not wanted:
        return None
    operations = [Operation(item) for item in WindowOperation]
    changes = {item.value: windows.next_change(wanted, item, now) for item in operations}
    return {
        "closedFor": [item.value for item in operations if windows.why_closed(wanted, item, now)],
        "nextChange": {name: timestamp_text(at) for name, at in changes.items() if at is not None},
        "message": "; ".join(windows.sentences(wanted, now)),
    }


def _archived(alias: ModelAlias) -> list[str]:
    """Return the versions that have the tag of policy.retention."""
    return [item.version for item in alias.status.archived if item.tag is not None]


def message(alias: ModelAlias) -> str:
    """Return the one sentence on where the alias stands."""
    ready = find(alias.status.conditions, AliasCondition.READY)
    shown = ready or find(alias.status.conditions, AliasCondition.IN_SYNC)
    return shown.message if shown is not None else ""


def head(alias: ModelAlias, now: datetime) -> Iterator[str]:
    """Return where the alias stands, a sentence on each line."""
    spec, status = alias.spec, alias.status
    registry = "" if spec.registry == "default" else f" in registry {spec.registry}"
    began = phase_since(status)
    yield f"ModelAlias {alias.metadata.name}: {spec.model}@{spec.alias}{registry}"
    yield (
        f"phase: {status.phase}{f' since {_time(began)}' if began else ''}"
        if status.phase
        else f"{NO_STATUS}: the operator has not looked at this ModelAlias"
    )
    current, before, left = status.current, former.former(status), former.gone_back_from(status)
    if current is not None:
        by = f", by {current.actor}" if current.actor else ""
        request = f", request {current.request}" if current.request else ""
        gone = f"; gone back from version {left.version}" if left else ""
        former_one = f"; before it version {before}" if before else ""
        yield f"version {current.version} since {_time(current.since)}{by}{request}{gone}{former_one}"
    if _archived(alias):
        yield f"left behind: versions {', '.join(_archived(alias))}"
    if status.not_archived is not None:
        yield status.not_archived
    if spec.version is not None:
        yield f"pinned to version {spec.version}"
    if status.policy is not None:
        yield f"rules beside its own: {', '.join(status.policy.sources) or 'not known'}"
    if spec.suspend:
        yield "suspended: nothing new starts"
    if status.plan is not None:
        yield f"under way: {status.plan.operation}, {status.plan.bearing}, since {_time(status.plan.started_at)}"
    yield from [text for text in [message(alias)] if text]
    if status.queue:
        yield f"waiting for their turn: {', '.join(status.queue)}"
    yield from (f"windows: {state}" for state in windows.sentences(spec.policy.windows, now))


def workloads(alias: ModelAlias) -> Sequence[Sequence[str]]:
    """Return what each workload serves, in `WORKLOADS`."""
    return [_workload(item) for item in alias.status.serving]


def _workload(item: ServingStatus) -> Sequence[str]:
    pods = [f"{group.ready}/{group.pods} of version {group.version or '?'}" for group in item.pods]
    since = "" if item.since is None else _time(item.since)
    served = item.served or ("?" if item.pods else "")
    return (
        f"{item.kind} {item.name}",
        item.state,
        served,
        item.asked or "",
        ", ".join(pods),
        since,
        item.message,
    )


def conditions(alias: ModelAlias) -> Sequence[Sequence[str]]:
    """Return the conditions that say more than the first lines, in `CONDITIONS`."""
    first = message(alias)
    shown = [item for item in alias.status.conditions if _is_shown(item)]
    return [
        (item.type, item.status, item.reason, "" if item.message == first else item.message) for item in shown
    ]


def _is_shown(item: Condition) -> bool:
    return item.type not in _REDUNDANT and (
        item.type not in {"Stalled", "Held"} or item.status is Status.TRUE
    )


def _section(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Put an empty line before a table that is not empty."""
    if rows:
        yield ""
        yield from aligned([columns, *rows])


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
