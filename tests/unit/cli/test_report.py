"""How a request stands: all that a person needs in one screen, and what a pipeline needs in JSON."""

import json
from typing import Any

from modelalias.api.history import HistoryEntry
from modelalias.cli import report
from modelalias.cli.history import as_json, text
from tests.support.cli_cluster import EVIDENCE, NOW, condition, ended, request

ASKS: dict[str, Any] = {
    "required": 2,
    "valid": 1,
    "by": ["cy"],
    "void": ["Approve by bo: one's own request"],
    "checklist": ["bias report read"],
}
MOVE: dict[str, Any] = {
    "from": "2",
    "to": "3",
    "at": NOW,
    "operation": "Promote",
    "outcome": "Succeeded",
    "actor": "ana",
    "approvers": ["bo", "cy"],
    "request": "churn-v3",
    "reason": "Q3",
}


def test_what_else_is_written_on_success_stands_in_the_verdict() -> None:
    wanted = {"tags": {"ticket": "ML-12", "owner": "ana"}, "deleteSourceAlias": True}
    asked = request({"source": {"alias": "challenger"}, "onSuccess": wanted})

    assert "on success sets tags: owner=ana, ticket=ML-12\n" in report.verdict(asked)
    assert "on success removes alias challenger\n" in report.verdict(asked)
    assert report.as_json(asked)["tags"] == {"ticket": "ML-12", "owner": "ana"}


def test_everything_that_is_known_stands_in_the_text() -> None:
    told = report.text(
        request(
            {"reason": "retrained"},
            approvals=ASKS,
            explanation="waits",
            conditions=[
                condition("Complete", "False", "AwaitingApproval", "waits"),
                condition("Tuned", "True", "New", "a condition of a newer release"),
                condition("Approved", "False", "AwaitingApproval", "waits"),
                condition("GatesPassed", "True", "GatesPassed", "1/1 passed"),
                condition("Stalled", "False", "Waiting"),
            ],
        )
    )

    assert told == (
        "request go: Promote of churn-champion, version 4, champion 3\n"
        "requested by ana: retrained\n"
        "phase: AwaitingApproval\n"
        "waits\n"
        "\n"
        "CONDITION     STATUS   REASON             MESSAGE\n"
        "GatesPassed   True     GatesPassed        1/1 passed\n"
        "Approved      False    AwaitingApproval   -\n"
        "Tuned         True     New                a condition of a newer release\n"
        "\n"
        "NAME   RESULT   CANDIDATE   CHAMPION   RULE                            DATASET   MESSAGE\n"
        "auc    Passed   0.9         0.8        >= 0.81 (champion 0.8 + 0.01)   -         -\n"
        "\n"
        "approvals: 1 of 2, by cy\n"
        "  not valid: Approve by bo: one's own request\n"
        "  to confirm: bias report read\n"
        f"  evidence: {EVIDENCE}\n"
    )


def test_a_request_that_nobody_looked_at_says_what_it_asks_for() -> None:
    new = request({"source": {"alias": "challenger"}, "dryRun": True}).model_copy(
        update={"status": type(request().status)()}
    )

    assert report.text(new) == (
        "request go: Promote of churn-champion, the version of alias challenger\n"
        "requested by ana\n"
        "dry run: nothing is changed\n"
        "No status yet: the operator has not looked at this request\n"
    )


def test_what_was_to_be_confirmed_is_of_no_interest_after_the_end() -> None:
    assert "to confirm" not in report.text(request(**ended(approvals=ASKS)))


def test_the_verdict_is_what_an_approver_has_to_know() -> None:
    assert report.verdict(request()).splitlines()[1:] == [
        "requested by ana",
        "NAME   RESULT   CANDIDATE   CHAMPION   RULE                            DATASET   MESSAGE",
        "auc    Passed   0.9         0.8        >= 0.81 (champion 0.8 + 0.01)   -         -",
        "approvals: 0 of 1",
        f"  evidence: {EVIDENCE}",
        "waits for 1 approval from group ml-leads",
    ]


def test_what_others_wrote_moves_no_cursor() -> None:
    told = report.text(request({"reason": "a\x1b[2J\nphase: Succeeded"}, explanation="b\rc"))

    assert "requested by ana: a?[2J?phase: Succeeded\n" in told
    assert "b?c\n" in told


def test_json_of_a_request_that_goes_on_says_so() -> None:
    told = report.as_json(request(approvals=ASKS))

    assert (told["phase"], told["ended"], told["request"], told["namespace"]) == (
        "AwaitingApproval",
        False,
        "go",
        "ml",
    )
    assert "succeeded" not in told
    assert told["approvals"]["by"] == ["cy"]
    assert told["gates"][0]["candidate"] == "0.9"
    json.dumps(told)


def test_json_of_a_request_that_ended_has_its_result() -> None:
    result = {"request": "go", "phase": "Rejected", "reason": "GatesFailed", "model": "churn"}

    told = report.as_json(request(**ended(result=json.dumps(result))))

    assert told.items() >= {**result, "ended": True, "succeeded": False, "version": "4"}.items()


def test_json_goes_without_a_result_that_cannot_be_read() -> None:
    assert report.as_json(request(**ended("Succeeded", result="{")))["succeeded"] is True


def test_the_ledger_is_a_table() -> None:
    failed = {
        **MOVE,
        "from": "3",
        "to": "4",
        "outcome": "RolledBack",
        "approvers": [],
        "failure": "DeadlineExceeded",
    }
    history = [HistoryEntry.model_validate(item) for item in ({**failed, "request": "churn-v4"}, MOVE)]

    assert text(history) == (
        "AT                     OPERATION   FROM   TO   OUTCOME      ACTOR   APPROVERS   REQUEST    REASON\n"
        "2026-01-01T00:00:00Z   Promote     3      4    RolledBack   ana     -           churn-v4   "
        "Q3; DeadlineExceeded\n"
        "2026-01-01T00:00:00Z   Promote     2      3    Succeeded    ana     bo,cy       churn-v3   Q3\n"
    )
    assert json.loads(as_json(history[1:]))[0].items() >= MOVE.items()


def test_an_alias_that_was_never_moved_says_so() -> None:
    assert text(()) == "the alias was never moved\n"
    assert json.loads(as_json(())) == []
