"""Tags that do not look as policy.eligibility.tagSchema wants: what is said of them, and that looking takes no time."""

import time
from collections.abc import Mapping
from typing import Any, Final

import pytest

from modelalias.api.tag_schema import TagSchema
from modelalias.core.judging import tag_schema

SEMVER: Final = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$"


def _schema(required: tuple[str, ...] = (), **properties: Mapping[str, Any]) -> TagSchema:
    return TagSchema.model_validate({"required": required, "properties": properties})


def _wrong(tags: Mapping[str, str], required: tuple[str, ...] = (), **properties: Mapping[str, Any]) -> str:
    """Return what is said of the one tag that is told of."""
    ((_, wrong),) = tag_schema.faults(_schema(required, **properties), "version 4", tags)
    return wrong


@pytest.mark.parametrize(
    ("rules", "good", "bad", "words"),
    [
        pytest.param({"pattern": SEMVER}, "1.20.3", "1.2", f"does not match {SEMVER}", id="pattern"),
        pytest.param({"pattern": "b"}, "abc", "ac", "does not match b", id="a pattern is not anchored"),
        pytest.param({"pattern": "^b$"}, "b", "b\n", "does not match ^b$", id="the end is the end"),
        pytest.param({"pattern": "^b$"}, "b", "a\nb", "does not match ^b$", id="lines are not told apart"),
        pytest.param(
            {"pattern": r"^\p{Lu}"}, "Ä", "ä", r"does not match ^\p{Lu}", id="letters of any script"
        ),
        pytest.param({"enum": ["churn", "upsell"]}, "churn", "Churn", "is none of churn, upsell", id="enum"),
        pytest.param({"const": ""}, "", " ", 'is not ""', id="const"),
        pytest.param({"minLength": 2}, "äö", "ä", "has fewer than 2 characters", id="minLength"),
        pytest.param({"maxLength": 1}, "😀", "ab", "has more than 1 characters", id="maxLength"),
        pytest.param({"format": "date"}, "2028-02-29", "2026-02-29", "is no date", id="date"),
        pytest.param({"format": "date"}, "2026-11-28", "28.11.2026", "is no date", id="another date"),
        pytest.param(
            {"format": "date-time"},
            "2026-11-28T10:00:00+01:00",
            "2026-11-28 10:00",
            "is no date-time",
            id="date-time",
        ),
        pytest.param({"format": "time"}, "10:00:00Z", "24:30:00Z", "is no time", id="time"),
        pytest.param({"format": "duration"}, "P30D", "30d", "is no duration", id="duration"),
        pytest.param({"format": "email"}, "ana@example.com", "@", "is no email", id="email"),
        pytest.param(
            {"format": "email"}, "ana@example.com", "ana@b c", "is no email", id="email with a space"
        ),
        pytest.param({"format": "hostname"}, "a-b.example.com", "a_b", "is no hostname", id="hostname"),
        pytest.param({"format": "ipv4"}, "192.0.2.1", "192.0.2.256", "is no ipv4", id="ipv4"),
        pytest.param({"format": "ipv6"}, "2001:db8::1", "2001:db8::g", "is no ipv6", id="ipv6"),
        pytest.param({"format": "uri"}, "https://example.com/a", "example.com/a", "is no uri", id="uri"),
        pytest.param(
            {"format": "uuid"},
            "123e4567-e89b-12d3-a456-426614174000",
            "123e4567e89b12d3a456426614174000",
            "is no uuid",
            id="uuid",
        ),
        pytest.param({"allOf": [{"const": "a"}]}, "a", "b", 'is not "a"', id="a rule in allOf"),
    ],
)
def test_a_value_is_as_the_rule_wants(rules: Mapping[str, Any], good: str, bad: str, words: str) -> None:
    assert _wrong({"t": good}, t=rules) == ""
    said = _wrong({"t": bad}, t=rules)
    assert f" and {words}: set it anew in MLflow" in said, said


def test_all_that_is_wrong_with_a_version_is_said_by_tag() -> None:
    schema = _schema(
        ("owner", "semver"),
        owner={"description": "who answers for it"},
        semver={"pattern": SEMVER, "minLength": 5, "allOf": [{"pattern": "^[1-9]"}]},
        note={"maxLength": 3},
        free={},
    )

    assert list(tag_schema.faults(schema, "version 4", {"semver": "0.2", "free": "x", "other": "y"})) == [
        ("free", ""),
        ("owner", "version 4 has no tag owner (who answers for it): set it in MLflow"),
        (
            "semver",
            (
                f'tag semver is "0.2" and has fewer than 5 characters and does not match {SEMVER} '
                "and does not match ^[1-9]: set it anew in MLflow"
            ),
        ),
    ]


def test_a_tag_that_is_not_required_may_be_missing_and_an_empty_one_is_there() -> None:
    schema = _schema(("owner",), note={"minLength": 1})

    assert list(tag_schema.faults(schema, "version 4", {"owner": ""})) == [("owner", "")]


def test_what_others_wrote_is_clipped_and_stays_on_one_line() -> None:
    said = _wrong({"t": 'a"\n' + 400 * "x"}, t={"pattern": "^" + 400 * "b"})

    assert said.startswith(r'tag t is "a\"\nxxx')
    assert len(said) < 400


@pytest.mark.parametrize("length", [5_000, 5_001])
def test_longer_values_than_are_checked_do_not_pass(length: int) -> None:
    said = _wrong({"t": length * "x"}, t={"pattern": "^x+$"})

    assert bool(said) == (length > 5_000)
    assert not said or said.startswith("tag t has 5,001 characters: rules are checked on at most 5,000")


def test_more_characters_in_all_tags_than_are_checked_do_not_pass() -> None:
    tags = dict.fromkeys("abcde", 5_000 * "x")

    said = dict(tag_schema.faults(_schema(tuple(tags)), "version 4", tags))

    assert [name for name, wrong in said.items() if wrong] == ["e"]


@pytest.mark.parametrize(
    ("pattern", "is_fault"),
    [
        (SEMVER, False),
        (r"^\d{4}-\d{2}-\d{2}$", False),
        (r"^[a-z0-9._%+-]{1,64}@([a-z0-9-]{1,63}\.){1,8}[a-z]{2,63}$", False),
        (r"^\p{L}[\p{L}\p{N} .-]*$", False),
        (r"(?=a)", True),
        (r"(a)\1", True),
        (r"(", True),
        (r"(?:\p{L}{1,500}){500}", True),
    ],
)
def test_a_pattern_that_cannot_be_used_is_a_fault_and_nothing_passes_it(
    pattern: str, *, is_fault: bool
) -> None:
    schema = _schema(t={"allOf": [{"pattern": pattern}]})

    said = tag_schema.fault(schema)

    assert bool(said) == is_fault
    if is_fault:
        assert said.startswith("spec.policy.eligibility.tagSchema.properties[t]: the pattern ")
        assert "cannot be checked: the pattern" in dict(tag_schema.faults(schema, "v", {"t": "aa"}))["t"]


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(a+)+$",
        r"(a|a)*b",
        r"(x+x+)+y",
        r"(?:(?:a?b?){20}){20}~",
        r"[ab]*a[ab]{400}b[ab]*a[ab]{400}~",
        r"(.*.*.*=.*){20}",
    ],
)
def test_no_pattern_of_a_tenant_stalls_the_loop(pattern: str) -> None:
    schema = _schema(t={"pattern": pattern})
    values = (5_000 * "a", 2_500 * "ab", 4_999 * "x" + "!")
    assert tag_schema.fault(schema) == ""

    for value in values:
        began = time.process_time()
        list(tag_schema.faults(schema, "v", {"t": value}))
        assert time.process_time() - began < 0.5  # one that goes back and forth takes years for the first
