"""A file is read as Kubernetes reads it, and what is printed for kubectl is read as it was meant.

The readings are those of `kubectl label --local -o json`.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.cli import alias_file, kubernetes_yaml
from modelalias.core.errors import InvalidRequest

READINGS = [
    ("1e-3", 0.001),
    ("5e-2", 0.05),
    ("-1e-3", -0.001),
    ("1E5", 100_000),
    ("1e+3", 1_000),
    ("12e03", 12_000),
    (".5", 0.5),
    ("5.", 5),
    ("1.0", 1),
    ("017", 15),
    ("0o17", 15),
    ("-0o7", -7),
    ("0x1F", 31),
    ("0b11", 3),
    ("089", 89),
    ("1_000", 1_000),
    ("+1", 1),
    ("123456789012345678901234567890", 1.2345678901234568e29),
    (400 * "1", 400 * "1"),
    ("on", True),
    ("yes", True),
    ("y", True),
    ("True", True),
    ("n", False),
    ("Off", False),
    ("NO", False),
    ("tRue", "tRue"),
    ("oN", "oN"),
    ("~", None),
    ("null", None),
    ("1:30", "1:30"),
    ("190:20:30", "190:20:30"),
    ("2024-01-02", "2024-01-02"),
    ("2024-13-02", "2024-13-02"),
    ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
    ("1e", "1e"),
    ("=", "="),
    ("<<", "<<"),
    ('"1e-3"', "1e-3"),
    ("'yes'", "yes"),
]


@pytest.mark.parametrize(("text", "value"), READINGS)
def test_a_value_is_read_as_kubernetes_reads_it(text: str, value: object) -> None:
    (read,) = kubernetes_yaml.load_all(f"v: {text}")

    assert read == {"v": value}
    assert isinstance(read["v"], bool) == isinstance(value, bool)


def test_a_key_is_a_text_as_in_json() -> None:
    assert kubernetes_yaml.load_all("{y: 1, 3: 2, off: 4, 1.5: 5}") == [
        {"true": 1, "3": 2, "false": 4, "1.5": 5}
    ]


def test_anchors_and_merged_keys_stay() -> None:
    (read,) = kubernetes_yaml.load_all("a: &a {x: 1e-3, y: no}\nb: {<<: *a, z: on}")

    assert read["b"] == {"x": 0.001, "true": False, "z": True}


@pytest.mark.parametrize("text", [".inf", "-.Inf", ".nan"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be part of a ModelAlias"):
        alias_file.pick(_alias(f"threshold: {text}"), None)


@pytest.mark.parametrize("distance", ["1e-3", "5e-2", "1E-2"])
def test_a_gate_s_numbers_may_have_exponents(distance: str) -> None:
    alias = alias_file.pick(_alias(f"champion: {{minImprovement: {distance}}}"), None)

    versus = alias.spec.policy.gates[0].champion
    assert versus is not None
    assert float(versus.min_improvement or 0) == float(distance)


@pytest.mark.parametrize("value", ["2024-01-02", "1:30"])
def test_a_tag_s_value_may_look_like_a_date_or_a_time(value: str) -> None:
    text = _alias("threshold: 0.5") + f"    eligibility: {{requireTags: {{since: {value}}}}}\n"

    rules = alias_file.pick(text, None).spec.policy.eligibility
    assert rules is not None
    assert rules.require_tags == {"since": value}


@pytest.mark.parametrize("value", ["on", "yes", "1e-3"])
def test_a_tag_s_value_that_kubernetes_would_refuse_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest, match="requireTags"):
        alias_file.pick(
            _alias("threshold: 0.5") + f"    eligibility: {{requireTags: {{since: {value}}}}}\n", None
        )


nasty = st.one_of(
    st.sampled_from([text for text, _ in READINGS]), st.text(max_size=12), st.text("0123e+-._xoy")
)


@given(
    st.recursive(
        nasty | st.booleans() | st.integers(-(2**60), 2**60), lambda inner: st.dictionaries(nasty, inner)
    )
)
def test_what_is_printed_is_read_as_it_was_meant(value: Any) -> None:
    assert kubernetes_yaml.load_all(kubernetes_yaml.dump({"v": value})) == [{"v": value}]


def test_a_run_id_of_digits_and_one_e_is_printed_in_quotes() -> None:
    assert kubernetes_yaml.dump({"runId": "123e45"}) == "runId: '123e45'\n"


def _alias(rule: str) -> str:
    return f"""
kind: ModelAlias
metadata: {{name: x, namespace: ml}}
spec:
  model: churn
  alias: champion
  policy:
    gates:
    - {{name: auc, metric: auc, direction: HigherIsBetter, {rule}}}
"""
