"""The table that people read: a row for each rule, aligned, with nothing left out."""

from datetime import UTC, datetime
from typing import Any

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.request import Check, Finding, GateResult, PromotionRequestStatus, Resolved
from modelalias.cli import table
from modelalias.cli.rehearsed import GateOutcome, Rehearsal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALIAS = ModelAlias.model_validate(
    {"metadata": {"name": "a"}, "spec": {"model": "churn", "alias": "champion"}}
)


def _finding(**fields: Any) -> Finding:
    common = {
        "name": "auc",
        "result": GateResult.PASSED,
        "metric": "val_auc",
        "rule": ">= 0.7",
        "evaluated_at": NOW,
    }
    return Finding(**{**common, **fields})


def _text(champion: str | None = "3", **status: Any) -> str:
    resolved = Resolved(version="4", champion=champion, from_="version 4", model="churn")
    told = PromotionRequestStatus(resolved=resolved, explanation="version 4 passed", **status)
    return table.text(Rehearsal(ALIAS, GateOutcome.PASSED, Reason.GATES_PASSED, told))


def test_rules_and_gates_stand_in_one_table() -> None:
    told = _text(
        eligibility=(Check(rule="requireAlias smoke", result=GateResult.PASSED),),
        gates=(
            _finding(candidate="0.9"),
            _finding(
                name="vs",
                result=GateResult.FAILED,
                candidate="0.9",
                champion="0.95",
                rule=">= 0.96",
                dataset="holdout@9f3c",
                message="why",
                enforcement="Advise",
            ),
        ),
    )

    assert told == (
        "model churn, alias champion, version 4, champion 3\n"
        "NAME          RESULT   CANDIDATE   CHAMPION   RULE                 DATASET        MESSAGE\n"
        "eligibility   Passed   -           -          requireAlias smoke   -              -\n"
        "auc           Passed   0.9         -          >= 0.7               -              -\n"
        "vs            Failed   0.9         0.95       >= 0.96              holdout@9f3c   advises "
        "only; why\n"
        "version 4 passed\n"
    )


def test_without_rules_there_is_no_table() -> None:
    assert _text(champion=None) == "model churn, alias champion, version 4, champion none\nversion 4 passed\n"


def test_a_champion_that_nobody_looked_up_is_not_said_to_be_none() -> None:
    named = Resolved(version="5", from_="version 5")

    assert table.versions(PromotionRequestStatus(resolved=named)) == "version 5"


def test_what_is_not_printable_is_not_printed() -> None:
    told = _text(gates=(_finding(message="a\nb\x1b[2J\u202ec"),))

    assert "a?b?[2J?c" in told
    assert len(told.splitlines()) == 4
