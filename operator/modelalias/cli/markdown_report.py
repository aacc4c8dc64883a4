"""A verdict, a request or an alias as Markdown: for the summary of a job, and for a comment on a pull request.

A sentence, what is asked, the rules with their numbers, who has approved, and what to do next. It says what the
text says: both are made of the same lines and rows.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest, PromotionRequestStatus
from modelalias.api.request_status import GateResult
from modelalias.cli import alias_report, next_step, report, table
from modelalias.cli.markdown import bullets, command, document, heading, text
from modelalias.cli.markdown import table as as_table
from modelalias.cli.next_step import NextStep
from modelalias.cli.rehearsed import GateOutcome, Rehearsal
from modelalias.cli.request_state import NO_STATUS, has_ended

_MARKS: Final = {
    GateResult.PASSED: "✅",
    GateResult.FAILED: "❌",
    GateResult.INCONCLUSIVE: "❔",
    GateResult.SKIPPED: "⏭️",
}
_RESULT: Final = table.COLUMNS.index("RESULT")


def of_rehearsal(rehearsal: Rehearsal) -> str:
    """Return the verdict on a version."""
    alias, status = rehearsal.alias, rehearsal.status
    name, outcome = alias.metadata.name, rehearsal.outcome
    wanted = status.resolved.version if status.resolved else "N"
    after = (
        _next(
            "To promote it:",
            f"modelalias promote {name}{next_step.where(alias.metadata.namespace)} --version {wanted}",
        )
        if outcome is GateOutcome.PASSED and rehearsal.reason not in next_step.NOTHING_MOVED
        else ""
    )
    asked = f"ModelAlias {name}: model {alias.spec.model}, alias {alias.spec.alias}, {table.versions(status)}"
    return document(
        [heading(f"Gates of {name}: {outcome}"), text(status.explanation), bullets([asked]), _rules(status)],
        after,
    )


def of_request(request: PromotionRequest) -> str:
    """Return everything that is known about a request."""
    status, spec = request.status, request.spec
    approvals = [line.strip() for line in report.approvals(request)]
    asked = status.approvals
    if asked is not None and not has_ended(request):
        may = [*(f"group {group}" for group in asked.groups), *asked.users]
        approvals.append(f"asked to approve: {', '.join(may) or 'whoever has the verb approve'}")
    return document(
        [
            heading(f"{spec.operation} of {spec.alias_ref.name}: {status.phase or NO_STATUS}"),
            text(status.explanation or "The operator has not looked at this request."),
            bullets(report.head(request)),
            _rules(status),
            bullets(approvals),
        ],
        _after(next_step.of_request(request)),
    )


def of_alias(alias: ModelAlias, now: datetime) -> str:
    """Return everything that is known about an alias, and what its windows mean now."""
    name, message = alias.metadata.name, alias_report.message(alias)
    workloads, conditions = alias_report.workloads(alias), alias_report.conditions(alias)
    return document(
        [
            heading(f"{alias.spec.model}@{alias.spec.alias}: {alias.status.phase or NO_STATUS}"),
            text(message),
            bullets(line for line in alias_report.head(alias, now) if line != message),
            _table(alias_report.WORKLOADS, workloads),
            _table(alias_report.CONDITIONS, conditions),
        ],
        _next("Why it stands so:", f"modelalias explain {name}{next_step.where(alias.metadata.namespace)}"),
    )


def _rules(status: PromotionRequestStatus) -> str:
    return _table(table.COLUMNS, [_marked(row) for row in table.rows(status)])


def _marked(row: Sequence[str]) -> Sequence[str]:
    """Let a result be seen before it is read."""
    result = row[_RESULT]
    return [*row[:_RESULT], f"{_MARKS[GateResult(result)]} {result}", *row[_RESULT + 1 :]]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return as_table([column.capitalize() for column in columns], rows) if rows else ""


def _after(step: NextStep | None) -> str:
    return "" if step is None else _next(step.sentence, *step.lines)


def _next(sentence: str, *lines: str) -> str:
    return "\n\n".join([text(sentence), *map(command, lines)])
