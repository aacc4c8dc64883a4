"""Rollouts: what a roll writes, and whether a workload has finished rolling.

State, not time: the pod-template annotation `modelalias.dev/<ModelAlias>` says which version the pods were
made for. What is done, and what it takes to read and to write a workload, its kind knows; here a workload is
only asked (`modelalias.ports.Workload`).
"""

import re
from enum import StrEnum
from typing import Final

from modelalias.api.alias import (
    Bearing,
    LoadMode,
    Plan,
    PlannedWorkload,
    Serving,
    ServingState,
    ServingStatus,
)
from modelalias.api.conditions import Reason
from modelalias.api.fields import Value
from modelalias.core.errors import InvalidRequest
from modelalias.ports import Workload, WorkloadChange, WorkloadRef

_LONGEST_MARK: Final = 64
_LONGEST_URI: Final = 1024
_MARK: Final = re.compile(r"([1-9][0-9]{0,17})(?:\.([0-9]{1,12}))?")


class Stage(StrEnum):
    """How far one workload of a plan is."""

    UNTOUCHED = "Untouched"
    ROLLING = "Rolling"
    DONE = "Done"
    BROKEN = "Broken"
    GONE = "Gone"


class Progress(Value):
    """How far one workload is, and what holds it up."""

    stage: Stage
    message: str = ""
    reason: Reason = Reason.ROLLOUT_FAILED
    """Why it is broken."""


def mark(version: str, epoch: int, mode: LoadMode) -> str:
    """Return the annotation's value: each move of an alias that pods resolve themselves is a new one."""
    return version if mode is LoadMode.PINNED else f"{version}.{epoch}"


def version_of(annotation: str) -> str | None:
    """Return the version that an annotation's value names, None when somebody else wrote it."""
    named = _MARK.fullmatch(annotation)
    return named[1] if named else None


def epoch_of(annotation: str) -> int:
    """Return the epoch in an annotation's value, 0 where there is none, or none that we would have written."""
    named = _MARK.fullmatch(annotation)
    return int(named[2]) if named and named[2] else 0


def plan_workload(
    serving: Serving, workload: Workload, *, alias: str, model: str, before: str | None, to: str, epoch: int
) -> PlannedWorkload:
    """Freeze a workload with the values to go to and to come back to.

    Raises `InvalidRequest` when the workload cannot be rolled as it stands.
    """
    pinned = serving.load.mode is LoadMode.PINNED
    objection = workload.why_not_rollable(serving.load)
    if objection:
        raise InvalidRequest(f"{name_of(serving)} {objection}")
    former, former_uri = workload.marks.get(alias), workload.uri(serving.load) if pinned else None
    if former is not None and len(former) > _LONGEST_MARK:
        raise InvalidRequest(
            f"{name_of(serving)} has an annotation modelalias.dev/{alias} of somebody else: remove it"
        )
    if former_uri is not None and len(former_uri) > _LONGEST_URI:
        raise InvalidRequest(
            f"{name_of(serving)} has a {serving.load.env} that is too long to come back to: shorten it"
        )
    again = before is not None and not pinned
    return PlannedWorkload(
        kind=serving.kind,
        name=serving.name,
        uid=workload.uid,
        wave=serving.wave,
        mode=serving.load.mode,
        container=serving.load.container if pinned else None,
        env=serving.load.env if pinned else None,
        from_=former,
        to=mark(to, epoch, serving.load.mode),
        back=mark(before, epoch + 1, serving.load.mode) if again and before is not None else former,
        from_uri=former_uri,
        to_uri=workload.text_of(f"models:/{model}/{to}") if pinned else None,
    )


def is_served(serving: Serving, workload: Workload, *, alias: str, model: str, version: str) -> bool:
    """Return whether the workload asks for that version already."""
    annotation = workload.marks.get(alias)
    if annotation is None or version_of(annotation) != version:
        return False
    wanted = workload.text_of(f"models:/{model}/{version}")
    return serving.load.mode is LoadMode.ALIAS or workload.uri(serving.load) == wanted


def change(planned: PlannedWorkload, bearing: Bearing, alias: str) -> WorkloadChange:
    """Return what is to be written into the workload on the way the plan goes."""
    forward = bearing is Bearing.FORWARD
    return WorkloadChange(
        alias=alias,
        mark=planned.to if forward else planned.back,
        container=planned.container,
        env=planned.env,
        uri=planned.to_uri if forward else planned.from_uri,
    )


def progress(
    plan: Plan, planned: PlannedWorkload, workload: Workload | None, alias: str, before: ServingStatus | None
) -> Progress:
    """Judge one workload of a plan; `before` is what status holds for it from this plan.

    One that was made anew under another uid is a new one: what it lacks was never written into it.
    """
    label = f"{planned.kind} {planned.name}"
    if workload is None:
        return Progress(stage=Stage.GONE, message=f"{label} is gone")
    if not workload.has(change(planned, plan.bearing, alias)):
        known = before is not None and before.uid == workload.uid
        if before is not None and known and before.state in {ServingState.ROLLING, ServingState.UP_TO_DATE}:
            message = f"{label}: another writer took the operator's change away"
            return Progress(stage=Stage.BROKEN, message=message, reason=Reason.CONTENDED)
        return Progress(stage=Stage.UNTOUCHED)
    unmarked = planned.back is None and planned.from_uri is None
    nothing_before = plan.bearing is Bearing.BACKWARD and unmarked
    if nothing_before or workload.is_rolled():
        return Progress(stage=Stage.DONE)
    return Progress(stage=Stage.ROLLING, message=f"{label}: {workload.why_not_rolled()}")


def ref_of(planned: PlannedWorkload | Serving, namespace: str) -> WorkloadRef:
    """Return the reference of a planned workload."""
    return WorkloadRef(kind=planned.kind, namespace=namespace, name=planned.name)


def name_of(serving: Serving | PlannedWorkload) -> str:
    """Return how messages call the workload."""
    return f"{serving.kind} {serving.name}"
