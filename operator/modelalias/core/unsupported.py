"""Fields of a ModelAlias whose behaviour this release does not have: they are refused, never ignored.

A later release takes its line out of here together with the behaviour that it brings.
"""

from collections.abc import Iterator

from modelalias.api.alias import Drift, ModelAliasSpec


def in_alias(spec: ModelAliasSpec) -> tuple[str, ...]:
    """Name the fields of a ModelAlias that are set to something this release does not do."""
    return tuple(sorted(set(_of_alias(spec))))


def _of_alias(spec: ModelAliasSpec) -> Iterator[str]:
    policy = spec.policy
    if spec.drift is not Drift.REPORT:
        yield f"spec.drift: {spec.drift}"
    if policy.auto_promote is not None:
        yield "spec.policy.autoPromote"
    if spec.monitors:
        yield "spec.monitors"
