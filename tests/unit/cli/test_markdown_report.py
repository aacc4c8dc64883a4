"""A verdict, a request and an alias as Markdown: what a pull request shows is what the text says."""

import re
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

import pytest

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.request import (
    Check,
    Finding,
    GateResult,
    PromotionRequest,
    PromotionRequestStatus,
    Resolved,
)
from modelalias.cli import file_request, markdown_report, report, status
from modelalias.cli.filing import Wanted
from modelalias.cli.rehearsed import GateOutcome, Rehearsal
from modelalias.core.errors import InvalidRequest
from tests.support.cli_cluster import EVIDENCE, GATE, NOW, FakeCluster, body, condition, ended, request
from tests.support.rendered import CALLS, Page, as_written

HEADER = ["Name", "Result", "Candidate", "Champion", "Rule", "Dataset", "Message"]
ALIAS: dict[str, Any] = {
    "metadata": {"name": "churn-champion", "namespace": "ml"},
    "spec": {"model": "churn", "alias": "champion"},
    "status": {
        "phase": "Ready",
        "current": {"version": "4", "since": NOW, "actor": "ana", "request": "go"},
        "conditions": [
            condition("Ready", "True", "Succeeded", "version 4"),
            condition("Held", "False", "Released"),
        ],
        "serving": [{"kind": "Deployment", "name": "api", "state": "UpToDate", "served": "4", "asked": "4"}],
    },
}


def _page(item: PromotionRequest) -> Page:
    return Page(markdown_report.of_request(item))


def _cells(page: Page) -> list[list[str]]:
    return [[as_written(cell) for cell in row] for row in page.rows]


def test_a_request_that_waits_shows_verdict_approvals_and_whom_it_waits_for() -> None:
    asks = {
        "required": 2,
        "valid": 1,
        "by": ["cy"],
        "void": ["Approve by bo: one's own request"],
        "checklist": ["bias report read"],
        "groups": ["ml-leads"],
        "users": ["dee"],
    }

    page = _page(request({"reason": "retrained"}, approvals=asks))

    assert page.texts == [
        "Promote of churn-champion: AwaitingApproval",
        "waits for 1 approval from group ml-leads",
        "request go: Promote of churn-champion, version 4, champion 3",
        "requested by ana: retrained",
        "approvals: 1 of 2, by cy",
        "not valid: Approve by bo: one's own request",
        "to confirm: bias report read",
        f"evidence: {EVIDENCE}",
        "asked to approve: group ml-leads, dee",
        "Whoever is asked decides:",
        "modelalias approve go -n ml",
    ]
    assert _cells(page) == [
        HEADER,
        ["auc", "✅ Passed", "0.9", "0.8", ">= 0.81 (champion 0.8 + 0.01)", "-", "-"],
    ]


def test_without_names_whoever_has_the_verb_is_asked() -> None:
    assert "asked to approve: whoever has the verb approve" in _page(request()).texts


def test_a_refused_request_shows_which_gate_by_how_much_and_how_to_ask_again() -> None:
    failed = {
        **GATE,
        "name": "vs",
        "result": "Failed",
        "candidate": "0.79",
        "rule": ">= 0.852 (champion 0.85 + 0.002)",
    }

    page = _page(request(None, **ended(), gates=[failed], approvals=None))

    assert _cells(page)[1][1:] == ["❌ Failed", "0.79", "0.8", failed["rule"], "-", "short by 0.062"]
    assert page.texts[-1] == "modelalias promote churn-champion -n ml --version N"


@pytest.mark.parametrize(
    ("spec", "told", "line"),
    [
        ({}, ended("Succeeded"), "modelalias rollback churn-champion -n ml -m WHY"),
        ({"dryRun": True}, ended("Succeeded"), "modelalias promote churn-champion -n ml --version 4"),
        ({}, ended("RolledBack"), "modelalias explain churn-champion -n ml"),
        ({}, {"phase": "Queued"}, "modelalias status request/go -n ml --wait"),
        ({}, {"phase": None}, "modelalias status request/go -n ml --wait"),
    ],
    ids=["promoted", "dry run", "rolled back", "queued", "not seen yet"],
)
def test_the_last_line_is_what_to_do_next(spec: dict[str, Any], told: dict[str, Any], line: str) -> None:
    assert _page(request(spec, **told)).texts[-1] == line


def test_where_nothing_was_to_be_done_nothing_is_to_be_done_next() -> None:
    conditions = [condition("Complete", "True", "NoOp"), condition("Succeeded", "True", "NoOp")]

    told = markdown_report.of_request(request(None, phase="Succeeded", conditions=conditions))

    assert "modelalias" not in told


def test_what_others_wrote_calls_nobody_and_breaks_nothing() -> None:
    hostile = "</td> @ana | `x` #12 https://x.example.com\n\n# big $x$ <!-- --> ![x](y)"
    gate = {**GATE, "message": hostile, "dataset": "a|b@c"}

    page = _page(request({"reason": hostile}, explanation=hostile, gates=[gate, gate]))

    assert [len(row) for row in page.rows] == [len(HEADER)] * 3
    assert as_written(page.rows[1][-1]) == " ".join(hostile.split())
    assert CALLS.findall(page.words) == []
    assert page.tags <= {
        "h3",
        "p",
        "ul",
        "li",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "pre",
        "code",
        "span",
    }


def test_a_rehearsed_verdict_names_the_alias_and_the_way_on() -> None:
    finding = Finding(
        name="auc", result=GateResult.PASSED, metric="a", rule=">= 0.7", evaluated_at=datetime.now(UTC)
    )
    told = PromotionRequestStatus(
        resolved=Resolved(version="4", champion="3", from_="version 4"),
        explanation="version 4 passed",
        gates=(finding,),
        eligibility=(Check(rule="requireAlias smoke", result=GateResult.SKIPPED),),
    )
    alias = ModelAlias.model_validate(ALIAS)

    page = Page(markdown_report.of_rehearsal(Rehearsal(alias, GateOutcome.PASSED, Reason.GATES_PASSED, told)))
    refused = Page(
        markdown_report.of_rehearsal(Rehearsal(alias, GateOutcome.REFUSED, Reason.GATES_FAILED, told))
    )

    assert page.texts == [
        "Gates of churn-champion: Passed",
        "version 4 passed",
        "ModelAlias churn-champion: model churn, alias champion, version 4, champion 3",
        "To promote it:",
        "modelalias promote churn-champion -n ml --version 4",
    ]
    assert [row[:2] for row in _cells(page)[1:]] == [["eligibility", "⏭️ Skipped"], ["auc", "✅ Passed"]]
    assert refused.texts[-1] == page.texts[2]


def test_an_alias_shows_its_workloads_and_how_it_came_to_stand_so() -> None:
    page = Page(markdown_report.of_alias(ModelAlias.model_validate(ALIAS), datetime(2026, 1, 1, tzinfo=UTC)))

    assert page.texts == [
        "churn@champion: Ready",
        "version 4",
        "ModelAlias churn-champion: churn@champion",
        "phase: Ready since 2026-01-01T00:00:00Z",
        "version 4 since 2026-01-01T00:00:00Z, by ana, request go",
        "Why it stands so:",
        "modelalias explain churn-champion -n ml",
    ]
    assert _cells(page)[1][:4] == ["Deployment api", "UpToDate", "4", "4"]


def test_every_number_of_the_text_is_in_the_markdown() -> None:
    item = request({"reason": "Q3"}, approvals={"required": 2, "valid": 1})

    numbers = [re.findall(r"\d+(?:\.\d+)?", text) for text in (report.text(item), _page(item).words)]

    assert set(numbers[0]) <= set(numbers[1])


async def test_status_shows_both_of_one_name_and_a_request_alone_when_it_waits() -> None:
    options = Namespace(
        name="go",
        output="markdown",
        wait=False,
        watch=False,
        timeout=1,
        operator_namespace="modelalias-system",
    )

    both, exit_status = await status.show(FakeCluster(body(), {**ALIAS, "metadata": {"name": "go"}}), options)
    waited = status.formatted(request(), "markdown")

    assert exit_status == 0
    assert [
        text
        for text in Page(both).texts
        if text in {"churn@champion: Ready", "Promote of churn-champion: AwaitingApproval"}
    ] == [
        "churn@champion: Ready",
        "Promote of churn-champion: AwaitingApproval",
    ]
    assert waited == markdown_report.of_request(request())


def test_a_request_that_is_only_printed_is_printed_for_kubectl() -> None:
    with pytest.raises(InvalidRequest, match="yaml or json"):
        file_request.run(Wanted("churn-champion"), Namespace(output="markdown", dry_run=True, wait=False))
