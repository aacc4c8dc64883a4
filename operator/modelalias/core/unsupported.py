"""Fields of the resources whose behaviour this release does not have: they are refused, never ignored.

A later release takes its line out of here together with the behaviour that it brings.
"""

from collections.abc import Iterator

from modelalias.api.alias import Concurrency, Drift, ModelAliasSpec
from modelalias.api.request import PromotionRequestSpec, RequestOperation


def in_alias(spec: ModelAliasSpec) -> tuple[str, ...]:
    """Name the fields of a ModelAlias that are set to something this release does not do."""
    return tuple(sorted(set(_of_alias(spec))))


def in_request(spec: PromotionRequestSpec) -> tuple[str, ...]:
    """Name the fields of a PromotionRequest that are set to something this release does not do."""
    return tuple(sorted(set(_of_request(spec))))


def _of_alias(spec: ModelAliasSpec) -> Iterator[str]:
    policy = spec.policy
    if spec.drift is not Drift.REPORT:
        yield f"spec.drift: {spec.drift}"
    if any(item.verify is not None for item in spec.serving):
        yield "spec.serving[].verify"
    if policy.concurrency is not Concurrency.QUEUE:
        yield f"spec.policy.concurrency: {policy.concurrency}"
    if policy.auto_promote is not None:
        yield "spec.policy.autoPromote"
    if spec.monitors:
        yield "spec.monitors"


def _of_request(spec: PromotionRequestSpec) -> Iterator[str]:
    if spec.operation is not RequestOperation.PROMOTE:
        yield f"spec.operation: {spec.operation}"
    if spec.skip_gates:
        yield "spec.skipGates"
    if spec.ttl_seconds_after_finished is not None:
        yield "spec.ttlSecondsAfterFinished"
