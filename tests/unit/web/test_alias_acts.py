"""What one person is offered to do with a ModelAlias, where it makes sense, and the command for somebody else."""

from typing import Any

import pytest

from modelalias.api.alias import ModelAlias
from modelalias.api.metadata import ACKNOWLEDGE_DRIFT, RELEASE_HOLD
from modelalias.cli.rights import Right
from modelalias.web import alias_acts, going_back
from modelalias.web.alias_acts import AliasDeed, AliasStanding
from modelalias.web.offers import Act, Looking, obstacles
from tests.support import web_site
from tests.support.cli_cluster import condition

AT = "2026-01-01T00:00:00Z"
HOLD = {"reason": "RolledBack", "since": AT}
DRIFT: dict[str, Any] = {"observed": {"version": "9", "at": AT, "epoch": 3}}
PREVIOUS = {"previous": {"version": "2", "since": AT, "actor": "ana"}}
PLAN = {"operation": "Promote", "aliases": [{"name": "champion", "from": "3", "to": "4"}], "startedAt": AT}


def _alias(
    spec: dict[str, Any] | None = None, annotations: dict[str, str] | None = None, **status: Any
) -> ModelAlias:
    body = web_site.alias(spec=spec, **status)
    body["metadata"]["annotations"] = annotations or {}
    return ModelAlias.model_validate(body)


def _acts(
    alias: ModelAlias, lacks: dict[AliasDeed, Right | None] | None = None, **how: Any
) -> dict[str, Act]:
    found = alias_acts.acts(AliasStanding(alias, lacks or {}, Looking(**how)))
    return {item.deed: item for item in found}


@pytest.mark.parametrize(
    ("alias", "deeds"),
    [
        (_alias(), ["promote", "pin", "suspend"]),
        (_alias(**PREVIOUS), ["promote", "rollback", "pin", "suspend"]),
        (_alias({"version": "3"}, **PREVIOUS), ["pin", "unpin", "suspend"]),
        (_alias({"suspend": True}), ["promote", "pin", "resume"]),
        (_alias(hold=HOLD), ["promote", "release", "pin", "suspend"]),
        (_alias({"drift": "Restore"}, **DRIFT), ["promote", "rollback", "ack", "pin", "suspend"]),
        (_alias({"drift": "Report"}, **DRIFT), ["promote", "rollback", "pin", "suspend"]),
        (
            _alias({"drift": "Restore"}, plan=PLAN, **DRIFT),
            ["promote", "rollback", "pin", "suspend"],
        ),
        (_alias(current=None), ["promote", "pin", "suspend"]),
    ],
    ids=["ready", "moved-before", "pinned", "suspended", "held", "drifted", "reported", "moving", "new"],
)
def test_only_what_makes_sense_now_is_offered(alias: ModelAlias, deeds: list[str]) -> None:
    found = _acts(alias)

    assert list(found) == deeds
    assert all(item.is_offered for item in found.values())


def test_nothing_is_offered_for_what_is_being_deleted() -> None:
    body = web_site.alias(hold=HOLD)
    body["metadata"]["deletionTimestamp"] = AT

    assert _acts(ModelAlias.model_validate(body)) == {}


def test_whoever_lacks_a_verb_gets_the_command_to_hand_on() -> None:
    promote = Right(verb="promote", plural="modelaliases", name="churn-champion")
    create = Right(verb="create", plural="promotionrequests", name="")

    found = _acts(
        _alias(**PREVIOUS), {AliasDeed.PROMOTE: promote, AliasDeed.ROLLBACK: create}, flags="--context mine"
    )

    first, second = obstacles(found.values())
    assert (first.why_not, [item.line for item in first.commands]) == (
        "You may not promote modelaliases/churn-champion. The ClusterRole modelalias-edit has that verb.",
        ["modelalias promote churn-champion -n ml --version N --reason WHY"],
    )
    assert (second.why_not, [item.line for item in second.commands]) == (
        "You may not create promotionrequests.",
        ["modelalias rollback churn-champion -n ml --to-version 2 -m WHY"],
    )
    assert first.commands[0].purpose == "Somebody who may promote can do it with:"
    assert found["pin"].is_offered


@pytest.mark.parametrize("verb", ["patch", "release"])
def test_the_role_that_is_named_has_all_that_it_takes_to_edit_an_alias(verb: str) -> None:
    lacked = Right(verb=verb, plural="modelaliases", name="churn-champion")

    found = _acts(_alias(hold=HOLD), {AliasDeed.RELEASE: lacked})

    assert found[AliasDeed.RELEASE].why_not == (
        f"You may not {verb} modelaliases/churn-champion. The ClusterRole modelalias-alias-owner has that verb."
    )


def test_a_page_that_only_shows_has_the_commands_for_oneself() -> None:
    alias = _alias({"suspend": True, "version": "3"}, hold=HOLD)

    (obstacle,) = obstacles(_acts(alias, may_write=False, flags="--context prod").values())

    assert obstacle.why_not == "This dashboard only shows: a terminal writes."
    assert [item.line for item in obstacle.commands] == [
        "modelalias release churn-champion -n ml --context prod",
        "modelalias pin churn-champion -n ml N --context prod",
        "modelalias unpin churn-champion -n ml --context prod",
        "modelalias resume churn-champion -n ml --context prod",
    ]


@pytest.mark.parametrize(
    ("alias", "deed", "how"),
    [
        (
            _alias(annotations={RELEASE_HOLD: f"{AT} cy"}, hold=HOLD),
            "release",
            "The end of the hold was asked for by cy; the operator acts on it.",
        ),
        (
            _alias({"drift": "Restore"}, {ACKNOWLEDGE_DRIFT: "9@3 cy"}, **DRIFT),
            "ack",
            "The drift was acknowledged by cy; the operator acts on it.",
        ),
    ],
    ids=["release", "ack"],
)
def test_what_was_said_before_is_told_and_not_offered_again(alias: ModelAlias, deed: str, how: str) -> None:
    act = _acts(alias)[deed]

    assert (act.is_offered, act.why_not, act.command) == (False, how, None)


@pytest.mark.parametrize(
    ("alias", "deed"),
    [
        (_alias(annotations={RELEASE_HOLD: "2025-12-01T00:00:00Z cy"}, hold=HOLD), "release"),
        (_alias({"drift": "Restore"}, {ACKNOWLEDGE_DRIFT: "9@2 cy"}, **DRIFT), "ack"),
    ],
    ids=["an-earlier-hold", "an-earlier-drift"],
)
def test_what_was_said_of_something_earlier_does_not_count(alias: ModelAlias, deed: str) -> None:
    assert _acts(alias)[deed].is_offered


def _moves(*moves: tuple[str | None, str, str]) -> list[dict[str, Any]]:
    return [
        {
            **({"from": left} if left else {}),
            "to": to,
            "at": f"2026-01-0{day}T00:00:00Z",
            "operation": "Promote",
            "outcome": outcome,
            "actor": "ana",
            "reason": f"move {day}",
        }
        for day, (left, to, outcome) in enumerate(moves, start=1)
    ]


HISTORY = _moves(
    (None, "1", "Succeeded"), ("1", "2", "Succeeded"), ("2", "9", "RolledBack"), ("2", "3", "Succeeded")
)


def test_one_goes_back_to_what_was_accepted_the_newest_first() -> None:
    alias = _alias(history=HISTORY, **PREVIOUS)

    found = going_back.targets(alias)

    assert [(item.version, item.is_former, item.by, item.reason) for item in found] == [
        ("2", True, "ana", "move 2"),
        ("1", False, "ana", "move 1"),
    ]


def test_the_version_before_is_known_where_the_history_has_forgotten_it() -> None:
    found = going_back.targets(_alias(history=HISTORY[3:], **PREVIOUS))

    assert [(item.version, item.is_former) for item in found] == [("2", True)]


@pytest.mark.parametrize("status", [DRIFT, {"plan": PLAN}], ids=["drifted", "moving"])
def test_the_current_version_is_gone_back_to_while_the_alias_is_elsewhere(status: dict[str, Any]) -> None:
    found = going_back.targets(_alias(history=HISTORY, **status))

    assert [(item.version, item.is_former) for item in found] == [("3", True), ("2", False), ("1", False)]


def test_what_was_withdrawn_is_not_the_version_before_and_says_so() -> None:
    gone = [{"version": "2", "reason": "RolledBack", "at": AT}]
    breached = [{"version": "1", "monitor": "errors", "value": "0.2", "at": AT}]

    found = going_back.targets(_alias(history=HISTORY, rolledBack=gone, breached=breached))

    assert [(item.version, item.warning) for item in found] == [
        ("1", "monitor errors was breached with it"),
        ("2", "was rolled back"),
    ]
    assert [item.is_former for item in found] == [True, False]


def test_a_drift_that_many_have_is_acknowledged_whatever_the_rule_says() -> None:
    mass = [condition("InSync", "False", "MassDrift")]

    assert "ack" in _acts(_alias({"drift": "Report"}, conditions=mass, **DRIFT))
