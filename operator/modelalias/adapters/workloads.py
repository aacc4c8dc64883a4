"""Workloads on a real API server; what their kinds differ in stands in `modelalias.kinds`."""

from collections.abc import Mapping
from typing import Any, Final

from modelalias.adapters.kubernetes_client import Call, Connection, Denied, KindNotServed, MissingObject, Verb
from modelalias.core.errors import InvalidRequest, StaleObject
from modelalias.kinds import KINDS
from modelalias.ports import Workload, WorkloadChange, WorkloadRef
from modelalias.rest import JsonBody, PatchType

_DOES_NOT_APPLY: Final = "the server rejected our request due to an error in our request"
"""What the API server says of a JSON patch one of whose tests or paths is not as it wants it."""


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
        except KindNotServed:
            if not KINDS[ref.kind].comes_with:
                raise
            return None
        return _parsed(ref, body)

    async def why_missing(self, ref: WorkloadRef) -> str:
        """Return why there is no such workload, and what brings its kind where the cluster does not have it."""
        try:
            await self._connection.send(_call(Verb.GET, ref))
        except KindNotServed:
            return no_such_kind(ref)
        except MissingObject:
            pass
        return missing(ref)

    async def roll(self, workload: Workload, change: WorkloadChange) -> Workload:
        """Write mark, variables and label in one patch and return the workload as it stands after.

        The same values again are no write. Raise `StaleObject` when the workload is gone or was made anew under
        another uid, and `InvalidRequest` when it has no place for the change, such as a container of that name
        or a variable that is a literal, when a policy does not let the change in, and when something took it
        out again on its way in.
        """
        patch = patch_for(workload, change)
        if not patch:
            return workload
        ref, kind = workload.ref, KINDS[workload.ref.kind]
        try:
            body = await self._connection.send(_call(Verb.PATCH, ref), patch, patch=kind.patch_type)
        except MissingObject as error:
            raise StaleObject(gone(ref)) from error
        except Denied as error:
            raise not_let_in(ref, str(error)) from error
        except InvalidRequest as error:
            if "metadata.uid" in str(error):
                raise StaleObject(made_anew(ref)) from error
            if kind.patch_type is PatchType.JSON and _DOES_NOT_APPLY in str(error):
                raise StaleObject(changed_meanwhile(ref)) from error
            raise InvalidRequest(kind.explain(workload, change, str(error))) from error
        return checked(_parsed(ref, body), change)


def patch_for(workload: Workload, change: WorkloadChange) -> JsonBody:
    """Build the patch that brings the workload to the change; empty when it is there already.

    Raise `InvalidRequest` when it has no place for the change.
    """
    kind = KINDS[workload.ref.kind]
    objection = kind.why_not_patchable(workload, change)
    if objection:
        raise InvalidRequest(objection)
    return kind.patch(workload, change)


def checked(answered: Workload, change: WorkloadChange) -> Workload:
    """Return the workload that the API server answered a patch with.

    Raise `InvalidRequest` when the change is not in it: to write it again would come to the same.
    """
    objection = KINDS[answered.ref.kind].why_not_written(answered, change)
    if objection:
        raise InvalidRequest(objection)
    return answered


def not_let_in(ref: WorkloadRef, refusal: str) -> InvalidRequest:
    """Return the message that admission refuses the change, though the permission is there."""
    return InvalidRequest(f"{ref.kind} {ref.namespace}/{ref.name} is not let change: {refusal}")


def missing(ref: WorkloadRef) -> str:
    """Return the message that there is no such workload."""
    return f"there is no {ref.kind} {ref.name} in namespace {ref.namespace}"


def no_such_kind(ref: WorkloadRef) -> str:
    """Return the message that the cluster lacks the kind, and what brings it."""
    kind = KINDS[ref.kind]
    return f"the cluster has no kind {ref.kind} of {kind.resource.group}: install {kind.comes_with}"


def gone(ref: WorkloadRef) -> str:
    """Return the message that a workload was deleted."""
    return f"{ref.kind} {ref.namespace}/{ref.name} is gone"


def made_anew(ref: WorkloadRef) -> str:
    """Return the message that a workload is not the one that was read."""
    return f"{ref.kind} {ref.namespace}/{ref.name} was deleted and made anew since it was read"


def changed_meanwhile(ref: WorkloadRef) -> str:
    """Return the message that somebody changed what a patch was made for."""
    return f"{ref.kind} {ref.namespace}/{ref.name} changed since it was read"


def _parsed(ref: WorkloadRef, body: Mapping[str, Any]) -> Workload:
    workload: Workload = KINDS[ref.kind].parse(body)
    return workload


def _call(verb: Verb, ref: WorkloadRef) -> Call:
    return Call(verb=verb, resource=KINDS[ref.kind].resource, namespace=ref.namespace, name=ref.name)
