"""What is read from the body of a pod: the value for the rules, whose it is, and where it can be asked."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from modelalias.adapters.pod_causes import cause_of
from modelalias.kinds.marks import marks_in
from modelalias.ports import Pod, PodRef

Body = Mapping[str, Any]

REPLICA_SET: Final = "ReplicaSet"
_ENDED: Final = frozenset({"Succeeded", "Failed"})
_REVISIONS: Final = ("pod-template-hash", "controller-revision-hash", "rollouts-pod-template-hash")
"""Of a Deployment; of a StatefulSet or a DaemonSet; of an Argo Rollout."""


class NoAddress(Exception):
    """The pod cannot be asked; the message says why."""


def _starts(statuses: Iterable[Body]) -> Iterator[datetime]:
    """Yield when containers that run, or that did their work before the others, were started."""
    for status in statuses:
        state = status.get("state") or {}
        at = (state.get("running") or state.get("terminated") or {}).get("startedAt")
        if at:
            yield _time(at)


def parse_pod(body: Body) -> Pod:
    """Read a pod as the rules see it."""
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    ready, cause = _condition(body, "Ready"), cause_of(body)
    statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    begun = sorted(_starts(statuses))
    labels = metadata.get("labels") or {}
    return Pod(
        ref=ref_of(body),
        node=spec.get("nodeName") or "",
        created=metadata["creationTimestamp"],
        started=begun[0] if begun else None,
        last_started=begun[-1] if begun else None,
        ready=is_ready(body),
        ready_since=ready.get("lastTransitionTime"),
        ending=is_ending(body),
        restarts=sum(int(item.get("restartCount") or 0) for item in statuses),
        revision=next((labels[key] for key in _REVISIONS if key in labels), ""),
        marks=marks_in(metadata),
        containers={
            item["name"]: _literals(item)
            for item in (*(spec.get("initContainers") or ()), *spec["containers"])
        },
        trouble=cause.trouble,
        crashed=cause.crashed,
    )


def ref_of(body: Body) -> PodRef:
    """Name the pod."""
    metadata = body["metadata"]
    return PodRef(namespace=metadata["namespace"], name=metadata["name"], uid=metadata["uid"])


def newest_first(body: Body) -> tuple[float, str]:
    """Sort pods, the newest first; those of the same second by their names."""
    metadata = body["metadata"]
    return -_time(metadata["creationTimestamp"]).timestamp(), str(metadata["name"])


def has_ended(body: Body) -> bool:
    """Return whether its containers ran for the last time."""
    return (body.get("status") or {}).get("phase") in _ENDED


def is_ending(body: Body) -> bool:
    """Return whether it is being deleted."""
    return body["metadata"].get("deletionTimestamp") is not None


def is_ready(body: Body) -> bool:
    """Return whether its condition says so."""
    return _condition(body, "Ready").get("status") == "True"


def controller_of(body: Body) -> tuple[str, str]:
    """Return kind and uid of what controls an object; both "" when nothing does."""
    for owner in body["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return str(owner["kind"]), str(owner["uid"])
    return "", ""


def belongs_to(body: Body, uids: Collection[str]) -> bool:
    """Return whether one of these controls it."""
    return controller_of(body)[1] in uids


def address_of(body: Body) -> str:
    """Return the IP address that is the pod's own, raise `NoAddress` when there is none to ask it at.

    The address of a pod on the network of its node is the node's: other programs answer there.
    """
    if body["spec"].get("hostNetwork"):
        raise NoAddress("it runs on the network of its node (hostNetwork), where other programs answer too")
    status = body.get("status") or {}
    texts = [status.get("podIP"), *(item.get("ip") for item in status.get("podIPs") or ())]
    text = next((text for text in texts if text), "")
    if not text:
        raise NoAddress("it has no address yet")
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError as error:
        raise NoAddress(_NOT_ITS_OWN) from error
    seen = getattr(address, "ipv4_mapped", None) or address
    not_a_pods = (seen.is_loopback, seen.is_link_local, seen.is_multicast, seen.is_unspecified)
    if any(not_a_pods) or "%" in text:  # what is behind a % names an interface of this machine
        raise NoAddress(_NOT_ITS_OWN)
    return str(address)


_NOT_ITS_OWN: Final = "its address is none of a pod"


def _condition(body: Body, kind: str) -> Body:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return next((item for item in conditions if item["type"] == kind), {})


def _literals(container: Body) -> Mapping[str, str]:
    """Return the variables that stand in the pod itself; of two with one name the last counts."""
    return {
        item["name"]: item.get("value") or ""
        for item in container.get("env") or ()
        if "valueFrom" not in item
    }


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
