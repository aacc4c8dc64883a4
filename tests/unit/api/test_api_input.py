"""The models refuse what the API server refuses, and name the field."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from modelalias.api.alias import ModelAliasSpec
from modelalias.api.fields import duration
from modelalias.api.promotion_policy import ClusterPromotionPolicySpec, PromotionPolicySpec
from modelalias.api.request import PromotionRequestSpec
from modelalias.api.schema import each, structural
from tests.support.bounds import (
    ALIAS_PATHS,
    FULL_ALIAS,
    FULL_REQUEST,
    REQUEST_PATHS,
    aliases_beyond,
    policies_beyond,
    requests_beyond,
)
from tests.support.inputs import (
    BAD_ALIASES,
    BAD_CLUSTER_POLICIES,
    BAD_REQUESTS,
    GOOD_ALIASES,
    GOOD_CLUSTER_POLICIES,
    GOOD_POLICIES,
    GOOD_REQUESTS,
    NOT_FINITE,
    Case,
    Spec,
    gated,
    versus,
)


def _ids(cases: Iterable[Case]) -> list[Any]:
    return [pytest.param(case, id=case.id) for case in cases]


def _refusal(model: type[BaseModel], spec: Spec) -> str:
    """Return what is wrong, with paths as the API server writes them."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(spec)
    lines = []
    for error in caught.value.errors(include_url=False, include_input=False):
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
        lines.append(f"spec{where}: {error['msg']}")
    return "\n".join(lines)


@pytest.mark.parametrize("case", _ids(BAD_ALIASES))
def test_alias_refused_by_name_of_field(case: Case) -> None:
    assert case.names in _refusal(ModelAliasSpec, case.spec)


@pytest.mark.parametrize("case", _ids(BAD_REQUESTS))
def test_request_refused_by_name_of_field(case: Case) -> None:
    assert case.names in _refusal(PromotionRequestSpec, case.spec)


@pytest.mark.parametrize("case", _ids(aliases_beyond()))
def test_alias_beyond_a_bound_is_refused(case: Case) -> None:
    assert case.names in _refusal(ModelAliasSpec, case.spec)


@pytest.mark.parametrize("case", _ids(requests_beyond()))
def test_request_beyond_a_bound_is_refused(case: Case) -> None:
    assert case.names in _refusal(PromotionRequestSpec, case.spec)


@pytest.mark.parametrize("case", _ids(policies_beyond()))
def test_policy_beyond_a_bound_is_refused(case: Case) -> None:
    assert case.names in _refusal(PromotionPolicySpec, case.spec)


@pytest.mark.parametrize("case", _ids(BAD_CLUSTER_POLICIES))
def test_cluster_policy_refused_by_name_of_field(case: Case) -> None:
    assert case.names in _refusal(ClusterPromotionPolicySpec, case.spec)


@pytest.mark.parametrize("case", _ids(GOOD_POLICIES))
def test_policy_taken_and_written_back_as_it_was(case: Case) -> None:
    spec = PromotionPolicySpec.model_validate(case.spec)

    assert spec.model_dump(mode="json", by_alias=True, exclude_unset=True) == case.spec


@pytest.mark.parametrize("case", _ids(GOOD_CLUSTER_POLICIES))
def test_cluster_policy_taken_and_written_back_as_it_was(case: Case) -> None:
    spec = ClusterPromotionPolicySpec.model_validate(case.spec)

    assert spec.model_dump(mode="json", by_alias=True, exclude_unset=True) == case.spec


def test_full_specs_are_within_all_bounds() -> None:
    assert ModelAliasSpec.model_validate(FULL_ALIAS)
    assert PromotionRequestSpec.model_validate(FULL_REQUEST)


@pytest.mark.parametrize(
    ("model", "tried", "elsewhere"),
    [
        (ModelAliasSpec, ALIAS_PATHS, set()),
        (
            PromotionRequestSpec,
            REQUEST_PATHS,
            {f"source.{way}" for way in ("runId", "artifactPath", "alias", "previous")},
        ),
    ],
)
def test_every_field_is_tried_beyond_its_bounds(
    model: type[BaseModel], tried: frozenset[str], elsewhere: set[str]
) -> None:
    fields: set[str] = set()

    def note(path: str, schema: Mapping[str, Any]) -> None:
        if schema["type"] != "object" and not path.endswith(("[]", "*")):
            fields.add(path.removeprefix("."))

    each(structural(model, {}, defaults=False), note)

    assert fields - elsewhere == {
        re.sub(r"\d+", "", path).replace("properties.owner", "properties.*")
        for path in tried
        if "requireTags" not in path and not path.endswith(".tags") and path != "onSuccess.tags"
    }


@pytest.mark.parametrize("case", _ids(GOOD_ALIASES))
def test_alias_taken_and_written_back_as_it_was(case: Case) -> None:
    spec = ModelAliasSpec.model_validate(case.spec)

    assert spec.model_dump(mode="json", by_alias=True, exclude_unset=True) == case.spec


@pytest.mark.parametrize("case", _ids(GOOD_REQUESTS))
def test_request_taken_and_written_back_as_it_was(case: Case) -> None:
    spec = PromotionRequestSpec.model_validate(case.spec)

    assert spec.model_dump(mode="json", by_alias=True, exclude_unset=True) == case.spec


@pytest.mark.parametrize("number", NOT_FINITE, ids=str)
def test_number_that_is_not_finite_is_refused(number: float) -> None:
    assert "spec.policy.gates[0].threshold" in _refusal(ModelAliasSpec, gated(threshold=number))
    assert "champion.minImprovement" in _refusal(ModelAliasSpec, versus(minImprovement=number))


def test_number_is_the_decimal_that_was_written() -> None:
    spec = ModelAliasSpec.model_validate(gated(threshold=0.1))

    assert str(spec.policy.gates[0].threshold) == "0.1"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60),
        ("1h30m", 5400),
        ("24h", 86_400),
        ("7d", 604_800),
        ("9999d999999h9999999m999999999s", 6_063_909_939),
    ],
)
def test_duration_in_seconds(text: str, seconds: int) -> None:
    assert ModelAliasSpec.model_validate(
        {"model": "m", "alias": "a", "policy": {"approval": {"waitFor": text}}}
    )
    assert duration(text).total_seconds() == seconds
