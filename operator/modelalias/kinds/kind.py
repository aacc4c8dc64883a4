"""What a kind of workload is to those who watch, read and patch it.

A kind's file holds two things: the values it reads, a subclass of the port's `Workload` that answers the
rules' questions about them, and a `Kind`, which says where it is served and what is sent there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from modelalias.api.workload import WorkloadKind
from modelalias.ports import Workload, WorkloadChange
from modelalias.rest import JsonBody, PatchType, Resource

VERBS: Final = frozenset({"get", "list", "watch", "patch"})
"""What the operator needs to be allowed on the resource of each kind, in the words of RBAC."""

Body = Mapping[str, Any]
"""An object as the API server sends it."""

W = TypeVar("W", bound=Workload)


def _nothing(workload: Workload, change: WorkloadChange) -> str:
    """Object to no change."""
    del workload, change
    return ""


def _as_it_is(workload: Workload, change: WorkloadChange, refusal: str) -> str:
    """Leave the API server's words as they are."""
    del workload, change
    return refusal


def _as_it_answers(workload: Workload, change: WorkloadChange) -> str:
    """Return the message that the change is not there."""
    ref = workload.ref
    return (
        ""
        if workload.has(change)
        else f"{ref.kind} {ref.namespace}/{ref.name} took the patch, but it does not hold what was written"
    )


@dataclass(frozen=True)
class Kind(Generic[W]):
    """A kind of workload; `W` is what its objects are read into."""

    name: WorkloadKind
    """What `spec.serving[].kind` and the API server call it."""
    resource: Resource
    """Where its objects are. They are namespaced: `serving` names what stands beside its ModelAlias."""
    patch_type: PatchType
    """The format that `patch` writes."""
    parse: Callable[[Body], W]
    """Read a workload from a watch event or an answer of the API server."""
    patch: Callable[[W, WorkloadChange], JsonBody]
    """Build the patch that brings the workload to the change; empty when it is there already.

    It names the uid, so that the API server refuses it for a workload that was made anew, and it puts the
    label on whatever lacks it, without which no watch tells of the workload.
    """
    why_not_patchable: Callable[[W, WorkloadChange], str] = _nothing
    """Return why there is no patch for the change, as a sentence for people; "" when there is one."""
    explain: Callable[[W, WorkloadChange, str], str] = _as_it_is
    """Return what the API server's refusal of the patch means to people; its own words are given."""
    comes_with: str = ""
    """What brings the kind into a cluster; "" for one that Kubernetes itself has."""
    why_not_written: Callable[[W, WorkloadChange], str] = _as_it_answers
    """Return what of the change is not in the workload that the API server answered the patch with, and why;
    "" when all of it is there."""
