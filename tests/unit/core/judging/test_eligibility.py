"""Eligibility: each rule met, not met and not to be told, and what follows."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.api.policy import Eligibility
from modelalias.api.request_status import Check, GateResult
from modelalias.core.judging import eligibility
from modelalias.core.judging.eligibility import Eligible, Signature, Traits

NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
SOAK: Final = {"soak": {"alias": "staging", "for": "24h"}}
DAY: Final = timedelta(days=1)

words = st.sampled_from(["", "*", "ana", "bo"])


def _traits(**fields: Any) -> Traits:
    default: dict[str, Any] = {
        "name": "version 4",
        "tags": {},
        "aliases": frozenset(),
        "soaking_since": None,
        "signature": Signature(there=None),
    }
    return Traits(**{**default, **fields})


def _judge(rules: dict[str, Any], now: datetime = NOW, **traits: Any) -> Eligible:
    return eligibility.judge(Eligibility.model_validate(rules), _traits(**traits), now)


def _soaks(since: datetime | None, now: datetime = NOW, *aliases: str) -> Eligible:
    return _judge(SOAK, now, aliases=frozenset(aliases or ("staging",)), soaking_since=since)


@pytest.mark.parametrize(
    ("wanted", "tags", "check"),
    [
        pytest.param("ana", {"by": "ana"}, ("Passed", "by=ana"), id="the value"),
        pytest.param("ana", {"by": "bo"}, ("Failed", "version 4 has by=bo"), id="another value"),
        pytest.param("ana", {"by": "Ana"}, ("Failed", "version 4 has by=Ana"), id="another case"),
        pytest.param("ana", {"for": "ana"}, ("Failed", "version 4 has no tag by"), id="another tag"),
        pytest.param("ana", {}, ("Failed", "version 4 has no tag by"), id="no tag"),
        pytest.param("*", {"by": "bo"}, ("Passed", "by=bo"), id="any value"),
        pytest.param("*", {"by": ""}, ("Passed", "by="), id="any value, an empty one"),
        pytest.param("*", {}, ("Failed", "version 4 has no tag by"), id="any value, no tag"),
        pytest.param("", {"by": ""}, ("Passed", "by="), id="the empty value"),
        pytest.param(
            "", {"by": "ana"}, ("Failed", "version 4 has by=ana"), id="a value in place of the empty one"
        ),
        pytest.param("", {}, ("Failed", "version 4 has no tag by"), id="the empty value, no tag"),
        pytest.param(
            "ana", {"by": ""}, ("Failed", "version 4 has by="), id="the empty value in place of one"
        ),
        pytest.param(
            "ana", {"by": "*"}, ("Failed", "version 4 has by=*"), id="a star on the version means nothing"
        ),
    ],
)
def test_a_tag_is_there_with_its_value(wanted: str, tags: dict[str, str], check: tuple[str, str]) -> None:
    standing = _judge({"requireTags": {"by": wanted}}, tags=tags)

    result, message = check
    assert standing == Eligible(checks=(_check(f"requireTags by={wanted}", result, message),))


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), words),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), words),
)
def test_every_tag_is_asked_for_once_in_the_order_of_their_names(
    wanted: dict[str, str], tags: dict[str, str]
) -> None:
    checks = _judge({"requireTags": wanted}, tags=tags).checks

    assert [item.rule for item in checks] == [f"requireTags {key}={wanted[key]}" for key in sorted(wanted)]
    met = [key in tags and wanted[key] in {"*", tags[key]} for key in sorted(wanted)]
    assert [item.result is GateResult.PASSED for item in checks] == met
    assert len(eligibility.refused(checks)) == met.count(False)
    assert eligibility.unclear(checks) == ()


@pytest.mark.parametrize(
    ("aliases", "result", "message"),
    [
        ({"smoke"}, "Passed", ""),
        ({"smoke", "staging"}, "Passed", ""),
        ({"smoke-2", "Smoke"}, "Failed", "version 4 does not have alias smoke"),
        (set(), "Failed", "version 4 does not have alias smoke"),
    ],
    ids=["it alone", "among others", "others", "none"],
)
def test_an_alias_is_held_now(aliases: set[str], result: str, message: str) -> None:
    standing = _judge({"requireAlias": "smoke"}, aliases=frozenset(aliases))

    assert standing == Eligible(checks=(_check("requireAlias smoke", result, message),))


@pytest.mark.parametrize(
    ("signature", "result", "message"),
    [
        pytest.param(Signature(there=True), "Passed", "", id="there"),
        pytest.param(
            Signature(there=False), "Failed", "the model of version 4 has no signature", id="not there"
        ),
        pytest.param(
            Signature(there=None, note="no MLmodel"), "Inconclusive", "no MLmodel", id="not to be told"
        ),
        pytest.param(Signature(there=None, note="x" * 2000), "Inconclusive", "x" * 1024, id="at length"),
    ],
)
def test_a_signature_is_there(signature: Signature, result: str, message: str) -> None:
    standing = _judge({"requireSignature": True}, signature=signature)

    assert standing == Eligible(checks=(_check("requireSignature", result, message),))


@pytest.mark.parametrize("there", [True, False, None])
def test_a_signature_that_is_not_asked_for_is_not_looked_at(there: bool | None) -> None:
    assert _judge({"requireSignature": False}, signature=Signature(there=there)) == Eligible(checks=())


@pytest.mark.parametrize(
    ("held", "over"),
    [
        pytest.param(DAY - timedelta(microseconds=1), False, id="a microsecond short"),
        pytest.param(DAY, True, id="to the moment"),
        pytest.param(DAY + timedelta(microseconds=1), True, id="a microsecond more"),
        pytest.param(timedelta(0), False, id="just got there"),
        pytest.param(timedelta(seconds=-90), False, id="by a clock that is ahead"),
        pytest.param(DAY * 365, True, id="long ago"),
    ],
)
def test_a_soak_is_over_at_its_exact_end(held: timedelta, over: bool) -> None:
    since = NOW - held

    standing = _soaks(since)

    assert [item.result for item in standing.checks] == [
        GateResult.PASSED if over else GateResult.INCONCLUSIVE
    ]
    assert standing.until == (None if over else since + DAY)


def test_a_soak_tells_since_when_and_until_when() -> None:
    since = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)
    told = "version 4 has had staging since 2026-03-01T12:30:05Z"

    waiting, over = _soaks(since), _soaks(since, NOW + DAY)

    assert waiting.checks == (
        _check("soak 24h in staging", "Inconclusive", f"{told}, until 2026-03-02T12:30:05Z"),
    )
    assert over.checks == (_check("soak 24h in staging", "Passed", told),)


@pytest.mark.parametrize("since", [None, NOW - 2 * DAY, NOW])
def test_a_soak_refuses_what_does_not_hold_the_alias_now(since: datetime | None) -> None:
    standing = _soaks(since, NOW, "smoke")

    failed = _check("soak 24h in staging", "Failed", "version 4 does not have alias staging")
    assert standing == Eligible(checks=(failed,), until=None)


def test_a_soak_of_which_nobody_knows_the_beginning_is_inconclusive() -> None:
    standing = _soaks(None)

    told = "since when version 4 has staging is not known"
    assert standing == Eligible(checks=(_check("soak 24h in staging", "Inconclusive", told),), until=None)


@given(st.integers(-100, 100), st.integers(-100, 100), st.integers(1, 100))
def test_a_soak_that_is_over_stays_over_and_ends_when_it_said(since: int, later: int, minutes: int) -> None:
    begun = NOW + timedelta(minutes=since)
    rules = {"soak": {"alias": "staging", "for": f"{minutes}m"}}

    def standing(now: datetime) -> Eligible:
        return _judge(rules, now, aliases=frozenset({"staging"}), soaking_since=begun)

    until = standing(NOW).until
    if until is None:
        assert standing(NOW + timedelta(minutes=abs(later))).until is None
    else:
        assert until > NOW
        assert standing(until).until is None
        assert standing(until - timedelta(microseconds=1)).until == until


def test_the_soak_is_the_last_of_the_rules() -> None:
    rules = {
        "requireTags": {"b": "*", "a": "*"},
        "requireAlias": "smoke",
        "requireSignature": True,
        "soak": {"alias": "staging", "for": "1d12h"},
    }

    standing = _judge(rules, aliases=frozenset({"staging"}), soaking_since=NOW)

    assert [item.rule for item in standing.checks] == [
        "requireTags a=*",
        "requireTags b=*",
        "requireAlias smoke",
        "requireSignature",
        "soak 1d12h in staging",
    ]
    assert standing.until == NOW + timedelta(hours=36)


def test_no_rule_is_no_check() -> None:
    assert _judge({}) == Eligible(checks=(), until=None)


@pytest.mark.parametrize(
    "there", [{}, {"k" * 250: "v" * 1000}, {"k" * 250: "w" * 1000}], ids=["none", "it", "another"]
)
def test_the_longest_words_fit_into_status(there: dict[str, str]) -> None:
    rules = {
        "requireTags": {"k" * 250: "v" * 1000},
        "requireAlias": "a" * 255,
        "soak": {"alias": "b" * 255, "for": "9999d999999h9999999m999999999s"},
    }

    checks = _judge(rules, tags=there, aliases=frozenset({"b" * 255}), soaking_since=NOW).checks

    assert [Check.model_validate(item.model_dump()) for item in checks] == [*checks]
    assert checks[0].rule == f"requireTags {'k' * 250}={'v' * 37}"
    value = next(iter(there.values()), None)
    prefix = "" if value and value[0] == "v" else "version 4 has "
    told = f"{prefix}{'k' * 250}={value[:200]}" if value else f"version 4 has no tag {'k' * 250}"
    assert checks[0].message == told


def test_long_messages_are_cut_to_what_status_takes() -> None:
    checks = _judge({"requireAlias": "smoke"}, name="x" * 2000).checks

    assert checks[0].message == "x" * 1024


def test_what_refuses_and_what_is_unclear_are_told_apart() -> None:
    checks = tuple(Check(rule=str(result), result=result) for result in GateResult)

    assert [item.rule for item in eligibility.refused(checks)] == ["Failed"]
    assert [item.rule for item in eligibility.unclear(checks)] == ["Inconclusive"]


def test_a_sentence_names_the_rule() -> None:
    assert eligibility.sentence(_check("requireAlias smoke", "Failed", "no")) == "requireAlias smoke: no"


def _check(rule: str, result: str, message: str) -> Check:
    return Check(rule=rule, result=GateResult(result), message=message)
