"""Since when an alias is in its phase: of statuses that an operator wrote, and of what their times do not tell."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest
import yaml

from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.core.status.phase_since import phase_since
from tests.support.shipped_monitoring import ROOT

WRITTEN: Final = ROOT / "contrib/argocd/resource_customizations/modelalias.dev/ModelAlias/testdata"
EARLY, LATE = "2026-01-01T12:00:00Z", "2026-01-01T12:10:00Z"
PLAN: Final[dict[str, Any]] = {
    "operation": "Promote",
    "aliases": [{"name": "champion", "from": "3", "to": "4"}],
    "startedAt": EARLY,
}


def rolled_out(status: str, reason: str) -> dict[str, Any]:
    return {
        "type": "RolledOut",
        "status": status,
        "reason": reason,
        "message": "",
        "lastTransitionTime": EARLY,
    }


def workload(state: str, since: str | None) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "name": f"{state}-{(since or 'never')[:16]}".lower().replace(":", "."),
        "state": state,
        "since": since,
    }


def of(**status: Any) -> datetime | None:
    return phase_since(ModelAliasStatus.model_validate(status))


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("drifted", "19:43:29"),
        ("no-replicas", "19:50:10"),
        ("nothing-promoted-yet", None),
        ("ready", "19:43:15"),
        ("registry-away", "19:50:04"),
        ("rolling-out", "19:43:19"),
        ("stalled", "19:50:04"),
        ("suspended", None),
        ("unseen", None),
        ("workload-missing", "19:50:08"),
    ],
)
def test_what_the_phase_follows_from_has_its_time(name: str, at: str | None) -> None:
    body = yaml.safe_load((WRITTEN / f"{name}.yaml").read_text(encoding="utf-8"))

    began = phase_since(ModelAlias.model_validate(body).status)

    assert (began and f"{began:%H:%M:%S}") == at


@pytest.mark.parametrize(
    ("phase", "times", "at"),
    [
        ("Promoting", {}, EARLY),
        ("RollingOut", {"rollingSince": LATE}, LATE),
        ("RollingBack", {"bearing": "Backward", "rollingSince": EARLY, "turnedAt": LATE}, LATE),
        ("RollingBack", {"bearing": "Backward"}, None),
    ],
)
def test_a_move_has_the_time_of_what_it_is_at(phase: str, times: dict[str, Any], at: str | None) -> None:
    assert of(phase=phase, plan=PLAN | times) == (at and datetime.fromisoformat(at))


@pytest.mark.parametrize(
    ("phase", "reason", "state"),
    [
        ("Failed", "RolloutFailed", "Failed"),
        ("Degraded", "Degraded", "Degraded"),
        ("Degraded", "Contended", "Diverged"),
        ("Degraded", "Missing", "Missing"),
    ],
)
def test_a_failure_is_as_old_as_the_workloads_say(phase: str, reason: str, state: str) -> None:
    later = "2026-01-01T12:20:00Z"
    serving = [
        workload("UpToDate", EARLY),
        workload(state, later),
        workload(state, LATE),
        workload(state, None),
    ]

    began = of(phase=phase, conditions=[rolled_out("False", reason)], serving=serving)

    assert began == datetime(2026, 1, 1, 12, 10, tzinfo=UTC)


def test_what_went_wrong_first_counts_where_the_worst_came_later() -> None:
    serving = [workload("Degraded", EARLY), workload("Missing", LATE)]

    began = of(phase="Degraded", conditions=[rolled_out("False", "Missing")], serving=serving)

    assert began == datetime.fromisoformat(EARLY)


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "Failed", "conditions": [rolled_out("False", "RolloutFailed")]},
        {
            "phase": "Failed",
            "conditions": [rolled_out("False", "Refused")],
            "serving": [workload("Failed", EARLY)],
        },
        {"phase": "Unknown", "conditions": [rolled_out("True", "RolledOut")]},
        {"phase": "Ready"},
        {"phase": "RollingOut"},
    ],
    ids=["no workload", "another reason", "an older condition", "no condition", "no plan"],
)
def test_what_nothing_tells_is_not_guessed(status: dict[str, Any]) -> None:
    assert of(**status) is None
