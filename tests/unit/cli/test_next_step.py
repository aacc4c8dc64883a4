"""What comes next after each way in which a request ends: a command that works then."""

import shlex
from typing import Any

import pytest

from modelalias.api.conditions import Reason
from modelalias.cli import next_step
from modelalias.cli.main import parser
from tests.support.cli_cluster import condition, ended, request

ALIAS, RETRY = "churn-champion -n ml", "modelalias retry go -n ml"
OTHER = f"modelalias promote {ALIAS} --version N"
SAME = f"modelalias promote {ALIAS} --version 4"
EXPLAIN = f"modelalias explain {ALIAS}"
ROLLBACK = {"operation": "Rollback", "reason": "complaints"}
BARE = {"resolved": None, "gates": None}


def lines(spec: dict[str, Any] | None, phase: str, reason: Reason | str, **status: Any) -> tuple[str, ...]:
    told = ended(phase, **status)
    told["conditions"] = [
        condition("Complete", "True", reason),
        condition("Succeeded", "True" if phase == "Succeeded" else "False", reason),
    ]
    step = next_step.of_request(request(spec, **told))
    return () if step is None else step.lines


@pytest.mark.parametrize(
    ("phase", "reason", "wanted"),
    [
        ("Aborted", Reason.ABORTED, (RETRY,)),
        ("Rejected", Reason.ALIAS_PINNED, (f"modelalias unpin {ALIAS}", RETRY)),
        ("Rejected", Reason.ALIAS_REPLACED, (RETRY,)),
        ("Rejected", Reason.ALREADY_PROCESSED, (RETRY,)),
        ("Rejected", Reason.DECLINED, (OTHER,)),
        ("Expired", Reason.EXPIRED, (RETRY,)),
        ("Rejected", Reason.GATES_FAILED, (OTHER,)),
        ("Rejected", Reason.INCONCLUSIVE, (RETRY,)),
        ("Rejected", Reason.INVALID, (SAME,)),
        ("Rejected", Reason.MODEL_NOT_FOUND, (RETRY,)),
        ("Rejected", Reason.NEVER_HELD, (SAME,)),
        ("Rejected", Reason.NOT_ALLOWED, (SAME,)),
        ("Rejected", Reason.NOT_ELIGIBLE, (OTHER,)),
        ("Rejected", Reason.NO_PREVIOUS, (OTHER,)),
        ("Rejected", Reason.RUN_NOT_FOUND, (OTHER,)),
        ("Rejected", Reason.STALE_CHAMPION, (SAME,)),
        ("Failed", Reason.STALE_CHAMPION, (EXPLAIN,)),
        ("Superseded", Reason.SUPERSEDED, (RETRY,)),
        ("Errored", Reason.UNEXPECTED_ERROR, (RETRY,)),
        ("Rejected", Reason.VERSION_GONE, (OTHER,)),
        ("Rejected", Reason.VERSION_NOT_READY, (OTHER,)),
        ("Failed", Reason.ROLLOUT_FAILED, (EXPLAIN,)),
        ("RolledBack", Reason.ROLLED_BACK, (EXPLAIN,)),
        ("Rejected", "OfANewerRelease", (OTHER,)),
    ],
)
def test_after_an_end_without_success_comes_what_helps(
    phase: str, reason: Reason | str, wanted: tuple[str, ...]
) -> None:
    assert lines(None, phase, reason) == wanted


@pytest.mark.parametrize(
    ("spec", "phase", "reason", "wanted"),
    [
        pytest.param(
            ROLLBACK,
            "Rejected",
            Reason.VERSION_GONE,
            f"modelalias rollback {ALIAS} --to-version N -m WHY",
            id="gone",
        ),
        pytest.param(ROLLBACK, "Rejected", Reason.NEVER_HELD, SAME, id="never accepted"),
        pytest.param(
            ROLLBACK,
            "Rejected",
            Reason.HELD,
            f"modelalias rollback {ALIAS} --to-version 4 -m WHY",
            id="automatic",
        ),
        pytest.param(
            {**ROLLBACK, "dryRun": True},
            "Succeeded",
            Reason.DRY_RUN,
            f"modelalias rollback {ALIAS} --to-version 4 -m WHY",
            id="dry run",
        ),
        pytest.param(
            {"operation": "Swap", "reason": "tryout", "source": None},
            "Rejected",
            Reason.STALE_CHAMPION,
            f"modelalias promote {ALIAS} --operation Swap -m WHY",
            id="swap",
        ),
    ],
)
def test_what_was_no_promotion_is_asked_for_as_what_it_was(
    spec: dict[str, Any], phase: str, reason: Reason, wanted: str
) -> None:
    assert lines(spec, phase, reason) == (wanted,)


def test_a_run_that_nobody_registered_is_asked_for_by_its_run() -> None:
    spec = {"source": {"runId": "abc"}, "dryRun": True}

    assert lines(spec, "Succeeded", Reason.DRY_RUN, **BARE) == (f"modelalias promote {ALIAS} --run-id abc",)


@pytest.mark.parametrize(
    ("champion", "wanted"), [("3", (f"modelalias rollback {ALIAS} -m WHY",)), (None, ()), ("4", ())]
)
def test_one_goes_back_only_where_there_was_another_version(
    champion: str | None, wanted: tuple[str, ...]
) -> None:
    resolved = {"version": "4", "champion": champion, "from": "version 4", "model": "churn"}

    assert lines(None, "Succeeded", Reason.SUCCEEDED, resolved=resolved) == wanted


def test_going_back_is_said_for_as_long_as_the_alias_is_there() -> None:
    step = next_step.of_request(request(None, **ended("Succeeded")))

    assert step is not None
    assert step.sentence == "While the alias is at version 4, to go back to the one before:"


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("operation", ["Promote", "Rollback", "Swap"])
def test_every_line_is_a_command_as_it_stands(reason: Reason, operation: str) -> None:
    spec = {
        "operation": operation,
        "reason": "why",
        "source": None if operation == "Swap" else {"version": "4"},
    }

    for line in lines(spec, "Rejected", reason):
        words = shlex.split(line)[1:]

        assert parser(words).parse_args(words)
