"""The alert rules: what promtool says of them, when they fire, and that each has a page that helps."""

import re
import shlex
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

import pytest

from modelalias.api.alias import AliasPhase, MonitorState
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase
from modelalias.cli.main import parser
from modelalias.ports import CallOutcome, FailureKind
from tests.support import shipped_monitoring
from tests.support.prometheus_server import program
from tests.support.promql_words import selectors, unknown
from tests.support.quick_yaml import documents
from tests.support.shipped_monitoring import ROOT, RULES

CASES: Final = Path(__file__).with_name("alert_rules.yaml")
RUNBOOKS: Final = ROOT / "docs" / "runbooks"
ALERTS: Final = shipped_monitoring.rules()
SECTIONS: Final = (
    "What it means",
    "What users notice",
    "What to look at",
    "What to do",
    "When it goes away",
)
VALUES: Final[Mapping[tuple[str, str], type[StrEnum]]] = {
    ("modelalias_alias_phase", "phase"): AliasPhase,
    ("modelalias_alias_stalled", "reason"): Reason,
    ("modelalias_monitor_state", "state"): MonitorState,
    ("modelalias_requests", "phase"): Phase,
    ("modelalias_requests_total", "outcome"): Phase,
    ("modelalias_requests_total", "reason"): Reason,
    ("modelalias_request_oldest_timestamp_seconds", "phase"): Phase,
    ("modelalias_request_duration_seconds_bucket", "outcome"): Phase,
    ("modelalias_request_phase_duration_seconds_bucket", "phase"): Phase,
    ("modelalias_registry_requests_total", "outcome"): CallOutcome,
    ("modelalias_reconcile_errors_total", "kind"): FailureKind,
}
"""What a label can be, where an expression compares it with a word."""


def _promtool(*words: str) -> str:
    """Run promtool, and return what it says if it found nothing wrong."""
    done = subprocess.run(
        [program("promtool"), *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_every_rule() -> None:
    assert f"{len(ALERTS)} rules found" in _promtool("check", "rules", str(RULES))


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    _promtool("test", "rules", str(CASES))


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    (cases,) = documents(CASES.read_text(encoding="utf-8"))
    seen: defaultdict[str, set[bool]] = defaultdict(set)
    for test in cases["tests"]:
        for look in test["alert_rule_test"]:
            seen[look["alertname"]].add(bool(look["exp_alerts"]))

    assert seen == {name: {True, False} for name in ALERTS}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_is_about(name: str) -> None:
    rule = ALERTS[name]

    assert set(rule["labels"]) == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"https://runbooks.invalid/{name}.md"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_runbook(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")

    assert re.findall(r"^# (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE) == [name]
    assert tuple(re.findall(r"^## (.*)$", text, re.MULTILINE)) == SECTIONS


def test_there_is_no_runbook_without_an_alert_and_one_page_lists_them_all() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| (\w+) \|", page, re.MULTILINE)

    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(ALERTS)
    assert listed == [(name, name, rule["labels"]["severity"]) for name, rule in ALERTS.items()]


@pytest.mark.parametrize("name", ALERTS)
def test_each_command_of_a_runbook_is_understood(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    lines = re.findall(r"^modelalias .*$", blocks, re.MULTILINE) + re.findall(
        r"`(modelalias [^`]*NAMESPACE[^`]*)`", text
    )

    for line in lines:
        assert callable(parser().parse_args(shlex.split(line, comments=True)[1:]).run), line


@pytest.mark.parametrize("place", shipped_monitoring.expressions())
def test_every_metric_label_and_value_that_is_read_is_documented(place: str) -> None:
    expression = shipped_monitoring.expressions()[place]
    wrong = [
        f"{metric}{{{label}={value}}}"
        for metric, values in selectors(expression)
        for label, words in values.items()
        if label not in {"job", "alias_namespace"}
        for value in words
        if value not in set(VALUES.get((metric, label), ()))
    ]

    assert [*unknown(expression, shipped_monitoring.known())] == []
    assert wrong == []
