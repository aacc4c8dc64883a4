"""Workloads on a real API server; what their kinds differ in stands in `modelalias.kinds`."""

from collections.abc import Mapping
from typing import Any

from modelalias.adapters.kubernetes_client import Call, Connection, MissingObject, Verb
from modelalias.core.errors import InvalidRequest, StaleObject
from modelalias.kinds import KINDS
from modelalias.ports import Workload, WorkloadChange, WorkloadRef
from modelalias.rest import JsonBody


class KubernetesWorkloads:
    """The port `Workloads` on a real API server."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection, which the caller closes."""
        self._connection = connection

    async def read(self, ref: WorkloadRef) -> Workload | None:
        """Read a workload afresh."""
        try:
            body = await self._connection.send(_call(Verb.GET, ref))
        except MissingObject:
            return None
        return _parsed(ref, body)

    async def roll(self, workload: Workload, change: WorkloadChange) -> Workload:
        """Write mark, URI and label in one patch and return the workload as it stands after.

        The same values again are no write. Raise `StaleObject` when the workload is gone or was made anew under
        another uid, and `InvalidRequest` when it has no place for the URI, such as a container of that name
        or a variable that is a literal.
        """
        patch = patch_for(workload, change)
        if not patch:
            return workload
        ref, kind = workload.ref, KINDS[workload.ref.kind]
        try:
            body = await self._connection.send(_call(Verb.PATCH, ref), patch, patch=kind.patch_type)
        except MissingObject as error:
            raise StaleObject(gone(ref)) from error
        except InvalidRequest as error:
            if "metadata.uid" in str(error):
                raise StaleObject(made_anew(ref)) from error
            raise InvalidRequest(kind.explain(workload, change, str(error))) from error
        return _parsed(ref, body)


def patch_for(workload: Workload, change: WorkloadChange) -> JsonBody:
    """Build the patch that brings the workload to the change; empty when it is there already.

    Raise `InvalidRequest` when it has no place for the change.
    """
    kind = KINDS[workload.ref.kind]
    objection = kind.why_not_patchable(workload, change)
    if objection:
        raise InvalidRequest(objection)
    return kind.patch(workload, change)


def gone(ref: WorkloadRef) -> str:
    """Say that a workload was deleted."""
    return f"{ref.kind} {ref.namespace}/{ref.name} is gone"


def made_anew(ref: WorkloadRef) -> str:
    """Say that a workload is not the one that was read."""
    return f"{ref.kind} {ref.namespace}/{ref.name} was deleted and made anew since it was read"


def _parsed(ref: WorkloadRef, body: Mapping[str, Any]) -> Workload:
    workload: Workload = KINDS[ref.kind].parse(body)
    return workload


def _call(verb: Verb, ref: WorkloadRef) -> Call:
    return Call(verb=verb, resource=KINDS[ref.kind].resource, namespace=ref.namespace, name=ref.name)
