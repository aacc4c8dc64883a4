"""Events tell changes, once, with the versions in them."""

from typing import Any

import pytest

from modelalias.api.alias import HistoryEntry, ModelAlias, ModelAliasStatus, Operation, Outcome
from modelalias.api.conditions import AliasCondition, Condition, Reason, condition
from modelalias.api.metadata import Metadata
from modelalias.api.request import Phase, PromotionRequestStatus
from modelalias.core.status import events
from tests.support.harness import START
from tests.support.world import alias_spec


def _alias(**status: Any) -> ModelAlias:
    return ModelAlias(
        metadata=Metadata(name="x", namespace="ml"), spec=alias_spec(), status=ModelAliasStatus(**status)
    )


def _entry(outcome: Outcome, **fields: Any) -> HistoryEntry:
    return HistoryEntry(from_="1", to="2", at=START, operation=Operation.PROMOTE, outcome=outcome, **fields)


def _condition(kind: str, status: bool, reason: Reason) -> Condition:
    return condition(AliasCondition(kind), status, reason, str(reason), now=START)


@pytest.mark.parametrize("phase", list(Phase))
def test_each_phase_of_a_request_is_told_once(phase: Phase) -> None:
    status = PromotionRequestStatus(phase=phase, explanation="why")

    news = events.of_request(PromotionRequestStatus(), status)

    assert [(item.reason, item.message) for item in news] == [(phase, "why")]
    assert events.of_request(status, status.model_copy(update={"explanation": "other words"})) == ()
    bad = {Phase.REJECTED, Phase.FAILED, Phase.ROLLED_BACK, Phase.ERRORED, Phase.EXPIRED}
    assert news[0].type == ("Warning" if phase in bad else "Normal")


def test_a_move_is_told_with_both_versions_and_its_request() -> None:
    done = _entry(Outcome.SUCCEEDED, request="go")

    news = events.of_alias(_alias(), ModelAliasStatus(history=(done,)))

    assert [(item.type, item.reason, item.message) for item in news] == [
        ("Normal", "PromoteSucceeded", "churn@champion: Promote from 1 to 2 Succeeded (PromotionRequest go)")
    ]


def test_a_move_is_told_as_the_ledger_has_it() -> None:
    done = _entry(
        Outcome.SUCCEEDED, request="go", actor="ana", approvers=("bo", "cy"), reason="retrained on Q3"
    )

    (news,) = events.of_alias(_alias(), ModelAliasStatus(history=(done,)))

    assert news.message == (
        "churn@champion: Promote from 1 to 2 Succeeded (PromotionRequest go, by ana, approved by bo, "
        "cy): retrained on Q3"
    )


def test_a_failed_move_is_a_warning_with_its_cause() -> None:
    failed = _entry(Outcome.ROLLED_BACK, message="not rolled out within 60 s")

    news = events.of_alias(_alias(), ModelAliasStatus(history=(failed,)))

    assert [(item.type, item.message) for item in news] == [
        ("Warning", "churn@champion: Promote from 1 to 2 RolledBack: not rolled out within 60 s")
    ]


def test_the_same_history_is_told_once_also_when_it_is_full() -> None:
    one, two = _entry(Outcome.SUCCEEDED, request="one"), _entry(Outcome.SUCCEEDED, request="two")

    assert events.of_alias(_alias(history=(one,)), ModelAliasStatus(history=(one,))) == ()
    assert len(events.of_alias(_alias(history=(one,)), ModelAliasStatus(history=(two,)))) == 1


@pytest.mark.parametrize(
    ("kind", "bad", "reason"),
    [
        ("Stalled", True, Reason.CONFLICT),
        ("InSync", False, Reason.DRIFTED),
        ("RegistryReachable", False, Reason.UNREACHABLE),
    ],
    ids=str,
)
def test_trouble_is_told_when_it_begins_and_when_its_reason_changes(
    kind: str, bad: bool, reason: Reason
) -> None:
    good, now = _condition(kind, not bad, Reason.IDLE), _condition(kind, bad, reason)
    other = _condition(kind, bad, Reason.INVALID)

    for before in ((), (good,), (other,)):
        news = events.of_alias(_alias(conditions=before), ModelAliasStatus(conditions=(now,)))
        assert [(item.type, item.reason) for item in news] == [("Warning", reason)]
    assert events.of_alias(_alias(conditions=(now,)), ModelAliasStatus(conditions=(now,))) == ()


def test_the_registrys_return_is_told_and_its_first_answer_is_not() -> None:
    away = _condition("RegistryReachable", False, Reason.UNREACHABLE)
    back = ModelAliasStatus(conditions=(_condition("RegistryReachable", True, Reason.REACHABLE),))

    assert [item.reason for item in events.of_alias(_alias(conditions=(away,)), back)] == ["Reachable"]
    assert events.of_alias(_alias(), back) == ()
