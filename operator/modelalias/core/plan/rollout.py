"""Rollouts: what a roll writes, and whether a workload has finished rolling.

State, not time: the pod-template annotation `modelalias.dev/<ModelAlias>` says which version the pods were
made for. What is done, and what it takes to read and to write a workload, its kind knows; here a workload is
only asked (`modelalias.ports.Workload`).
"""

from typing import Final

from modelalias.api.alias import (
    Bearing,
    LoadMode,
    PlannedWorkload,
    Serving,
)
from modelalias.api.plan import PlannedVariable
from modelalias.api.workload import Place
from modelalias.core.errors import InvalidRequest
from modelalias.core.serving.mark import LONGEST, epoch_of, mark, version_of
from modelalias.ports import Variable, Workload, WorkloadChange, WorkloadRef

__all__ = ["epoch_of", "mark", "version_of"]

_LONGEST_VALUE: Final = 1024


def plan_workload(
    serving: Serving,
    workload: Workload,
    *,
    alias: str,
    model: str,
    before: str | None,
    to: str,
    epoch: int,
    address: str = "",
) -> PlannedWorkload:
    """Freeze a workload with the values to go to and to come back to.

    `address` is where the files of the version lie, for a workload that needs that.

    Raises `InvalidRequest` when the workload cannot be rolled as it stands.
    """
    mode, former = serving.mode, workload.marks.get(alias)
    objection = workload.why_not_rollable(serving, model) or (address and workload.why_not_loadable(address))
    if objection:
        raise InvalidRequest(f"{name_of(serving)} {objection}")
    if former is not None and len(former) > LONGEST:
        raise InvalidRequest(
            f"{name_of(serving)} has an annotation modelalias.dev/{alias} of somebody else: remove it"
        )
    variables = tuple(
        PlannedVariable(
            container=place.container or None,
            env=place.env or None,
            from_=_former_value(serving, workload, place),
            to=workload.text_of(address) if address else workload.text_at(place, model, to),
        )
        for place in serving.places
    )
    again = before is not None and mode is LoadMode.ALIAS
    return PlannedWorkload(
        kind=serving.kind,
        name=serving.name,
        uid=workload.uid,
        wave=serving.wave,
        mode=mode,
        variables=variables,
        from_=former,
        to=mark(to, epoch, mode),
        back=mark(before, epoch + 1, mode) if again and before is not None else former,
    )


def _former_value(serving: Serving, workload: Workload, place: Place) -> str | None:
    value = workload.value_at(place)
    if value is not None and len(value) > _LONGEST_VALUE:
        raise InvalidRequest(
            f"{name_of(serving)} has a {place.env or 'storageUri'} that is too long to come back to: shorten it"
        )
    return value


def is_served(serving: Serving, workload: Workload, *, alias: str, model: str, version: str) -> bool:
    """Return whether the workload asks for that version already."""
    annotation = workload.marks.get(alias)
    if annotation is None or version_of(annotation) != version:
        return False
    return serving.mode is LoadMode.ALIAS or workload.asks_for(serving, model) == version


def change(planned: PlannedWorkload, bearing: Bearing, alias: str) -> WorkloadChange:
    """Return what is to be written into the workload on the way the plan goes."""
    forward = bearing is Bearing.FORWARD
    variables = (
        Variable(container=item.container or "", env=item.env or "", value=item.to if forward else item.from_)
        for item in planned.variables
    )
    return WorkloadChange(
        alias=alias, mark=planned.to if forward else planned.back, variables=tuple(variables)
    )


def ref_of(planned: PlannedWorkload | Serving, namespace: str) -> WorkloadRef:
    """Return the reference of a planned workload."""
    return WorkloadRef(kind=planned.kind, namespace=namespace, name=planned.name)


def name_of(serving: Serving | PlannedWorkload) -> str:
    """Return how messages call the workload."""
    return f"{serving.kind} {serving.name}"
