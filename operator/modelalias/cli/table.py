"""A verdict as a table: what was judged, a row for each rule, and one sentence."""

from collections.abc import Iterator, Sequence
from typing import Final

from modelalias.api.gates import Enforcement
from modelalias.api.request_status import Check, Finding, PromotionRequestStatus
from modelalias.cli.output import NOTHING, aligned, lines
from modelalias.cli.rehearsal import Rehearsal

_COLUMNS: Final = ("NAME", "RESULT", "CANDIDATE", "CHAMPION", "RULE", "DATASET", "MESSAGE")


def text(rehearsal: Rehearsal) -> str:
    """Return the verdict on a version."""
    spec, status = rehearsal.alias.spec, rehearsal.status
    head = f"model {spec.model}, alias {spec.alias}, {versions(status)}"
    return lines([head, *rules(status), status.explanation])


def versions(status: PromotionRequestStatus) -> str:
    """Return the version that was judged and the one that it would replace."""
    version, champion = (
        (status.resolved.version, status.resolved.champion) if status.resolved else (None, None)
    )
    return f"version {version or NOTHING}, champion {champion or 'none'}"


def rules(status: PromotionRequestStatus) -> Iterator[str]:
    """Return the rules with their values, one on each line; nothing if none was judged."""
    rows = [*map(_rule, status.eligibility), *map(_gate, status.gates)]
    if rows:
        yield from aligned([_COLUMNS, *rows])


def _rule(check: Check) -> Sequence[str]:
    return ("eligibility", check.result, "", "", check.rule, "", check.message)


def _gate(finding: Finding) -> Sequence[str]:
    advice = ["advises only"] if finding.enforcement == Enforcement.ADVISE else []
    message = "; ".join([*advice, *([finding.message] if finding.message else [])])
    values = (finding.candidate or "", finding.champion or "")
    return (finding.name, finding.result, *values, finding.rule, finding.dataset or "", message)
