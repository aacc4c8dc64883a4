"""What kstatus makes of an object: Flux, Argo CD's health checks in its manner, kpt and `kubectl apply --wait` go by it.

The rules of `sigs.k8s.io/cli-utils/pkg/kstatus/status` for a kind that it has no rules of its own for, in their order:
the generic ones, then the condition Ready, and Current where nothing speaks against it. And beside them that of
`kubectl wait --for=condition=...`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel


class KStatus(StrEnum):
    """What kstatus knows of an object."""

    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    CURRENT = "Current"
    TERMINATING = "Terminating"


def kstatus(item: Mapping[str, Any] | BaseModel) -> KStatus:
    """Return where an object stands, as the API server has it or as a model."""
    body = _body(item)
    meta, status = body.get("metadata", {}), body.get("status", {})
    if meta.get("deletionTimestamp"):
        return KStatus.TERMINATING
    if "generation" in meta and status.get("observedGeneration", meta["generation"]) != meta["generation"]:
        return KStatus.IN_PROGRESS
    conditions = status.get("conditions", ())
    for condition in conditions:
        if condition["status"] == "True" and condition["type"] == "Reconciling":
            return KStatus.IN_PROGRESS
        if condition["status"] == "True" and condition["type"] == "Stalled":
            return KStatus.FAILED
    ready = next((item["status"] for item in conditions if item["type"] == "Ready"), "True")
    return KStatus.CURRENT if ready == "True" else KStatus.IN_PROGRESS


def kubectl_wait_is_over(item: Mapping[str, Any] | BaseModel, condition: str, status: str = "True") -> bool:
    """Return whether `kubectl wait --for=condition=TYPE=STATUS` ends: a condition of an older generation does not count."""
    body = _body(item)
    kept = next(
        (item for item in body.get("status", {}).get("conditions", ()) if item["type"] == condition), None
    )
    if kept is None:
        return False
    observed = kept.get("observedGeneration", body["status"].get("observedGeneration"))
    if observed is not None and observed < body.get("metadata", {}).get("generation", observed):
        return False
    return bool(kept["status"].casefold() == status.casefold())


def _body(item: Mapping[str, Any] | BaseModel) -> Mapping[str, Any]:
    if isinstance(item, BaseModel):
        return item.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude={"metadata": {"labels", "annotations"}}
        )
    return item
