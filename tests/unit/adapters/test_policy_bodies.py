"""A policy that this release cannot read holds all the same."""

from typing import Any

import pytest

from modelalias.adapters.kubernetes_objects import parse_policy
from modelalias.api.promotion_policy import AppliesTo, PolicyKind


def _body(spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "base", "uid": "u", "resourceVersion": "7"}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "applies_to"),
    [
        pytest.param(
            {"appliesTo": {"models": ["churn"]}, "novel": 1},
            AppliesTo(models=("churn",)),
            id="to what it says",
        ),
        pytest.param({"appliesTo": {"novel": 1}}, AppliesTo(), id="to everything, where that cannot be read"),
        pytest.param({}, AppliesTo(), id="to everything, where that is not there"),
        pytest.param(None, AppliesTo(), id="to everything, without a spec"),
    ],
)
def test_a_cluster_policy_of_a_newer_release_applies(spec: Any, applies_to: AppliesTo) -> None:
    policy = parse_policy(_body(spec), PolicyKind.CLUSTER)

    assert policy.spec is None
    assert policy.problem
    assert policy.applies_to == applies_to
    assert policy.metadata.resource_version == "7"


def test_a_policy_of_a_newer_release_holds_for_those_that_name_it() -> None:
    policy = parse_policy(_body({"policy": {"novel": 1}}), PolicyKind.NAMESPACED)

    assert (policy.spec, policy.applies_to) == (None, None)
    assert "policy.novel" in policy.problem
