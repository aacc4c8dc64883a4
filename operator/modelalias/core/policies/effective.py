"""The ModelAlias with the rules that hold for it: its own, and those of the policies that apply.

Every rule downstream reads them where they always stood: evidence, gates, pins and approvals know of no policies.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from modelalias.api import unfit
from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Cause, Reason
from modelalias.api.fields import Value
from modelalias.api.policy import Policy
from modelalias.api.policy_status import PolicyRule, PolicyStatus
from modelalias.core.policies import merge
from modelalias.core.policies.merge import Clash, Said
from modelalias.core.protocol.context import PolicyView
from modelalias.ports import GivenPolicy

OWN: Final = "ModelAlias"
"""The source of what a ModelAlias says itself."""


@dataclass(frozen=True)
class Applying:
    """The policies that hold for a ModelAlias, in the order in which they are merged."""

    policies: tuple[GivenPolicy, ...] = ()
    missing: str | None = None
    """The name in spec.policyRef, where there is no such PromotionPolicy."""


@dataclass(frozen=True)
class Effective:
    """The ModelAlias with the rules that hold for it, as far as they can be told."""

    alias: ModelAlias
    """Its own spec where there is a problem, and then nothing may begin. Never written anywhere."""
    view: PolicyView = field(default_factory=PolicyView)


def effective(alias: ModelAlias, applying: Applying) -> Effective:
    """Return the ModelAlias with the merged `spec.policy`, `spec.rollout` and `spec.monitors`."""
    policies = applying.policies
    if not policies and applying.missing is None:
        return Effective(alias)
    shown = PolicyStatus(sources=tuple(item.title for item in policies))
    problem = _why_unknown(alias, applying)
    if problem is not None:
        return Effective(alias, PolicyView(shown, problem))
    try:
        spec, rules = _merged(alias, policies)
    except Clash as clash:
        return Effective(alias, PolicyView(shown, Cause(Reason.POLICY_CONFLICT, str(clash))))
    except ValidationError as error:
        message = (
            f"the rules of the policies and of the ModelAlias do not fit together: {unfit.message(error)}"
        )
        return Effective(alias, PolicyView(shown, Cause(Reason.POLICY_CONFLICT, message)))
    return Effective(alias.changed(spec=spec), PolicyView(shown.changed(rules=rules)))


def _why_unknown(alias: ModelAlias, applying: Applying) -> Cause | None:
    """Return why not all rules are known."""
    if applying.missing is not None:
        message = (
            f"there is no PromotionPolicy {applying.missing} in namespace {alias.metadata.namespace}, which "
            "spec.policyRef names: make it, or change spec.policyRef"
        )
        return Cause(Reason.POLICY_MISSING, message)
    unread = next((item for item in applying.policies if item.spec is None), None)
    if unread is None:
        return None
    return Cause(Reason.INVALID, f"this release cannot read {unread.title}: {unread.problem}")


def _merged(alias: ModelAlias, policies: Sequence[GivenPolicy]) -> tuple[Value, tuple[PolicyRule, ...]]:
    sources = [(item.title, item.spec) for item in policies if item.spec is not None]
    own = alias.spec
    policy = merge.merge_fields(
        "policy",
        merge.POLICY,
        [*(Said(name, _explicit(spec.policy)) for name, spec in sources), Said(OWN, own.policy)],
    )
    rollout = merge.merge_fields(
        "rollout",
        merge.ROLLOUT,
        [*(Said(name, spec.rollout) for name, spec in sources), Said(OWN, own.rollout)],
    )
    monitors = merge.named(
        "monitors", [*(Said(name, spec.monitors) for name, spec in sources), Said(OWN, own.monitors)]
    )
    spec = own.changed(policy=policy.value, rollout=rollout.value, monitors=monitors.value)
    return spec, (*policy.rules, *rollout.rules, *monitors.rules)


def _explicit(policy: Policy) -> Policy:
    """Let a policy that asks for approvals forbid one's own where it does not allow them.

    What it leaves out could else be allowed by a ModelAlias.
    """
    if "approval" not in policy.model_fields_set:
        return policy
    approval = policy.approval
    return policy.changed(approval=approval.changed(allow_self=approval.allow_self))
