"""Where a request is on its way, for each way that requests go."""

from typing import Any

import pytest

from modelalias.web.request_steps import LOOKS, StepState, steps
from tests.support.cli_cluster import condition, request

TRUE, FALSE, UNKNOWN = "True", "False", "Unknown"
RESOLVED = condition("Resolved", TRUE, "Resolved")
ELIGIBLE = condition("Eligible", TRUE, "Eligible")
PASSED = condition("GatesPassed", TRUE, "GatesPassed")
ASKS = condition("Approved", FALSE, "AwaitingApproval")
OPEN = condition("Complete", FALSE, "Progressing")


def _ended(good: bool) -> list[Any]:
    return [condition("Complete", TRUE, "x"), condition("Succeeded", str(good), "x")]


@pytest.mark.parametrize(
    ("phase", "conditions", "states"),
    [
        pytest.param(None, [], "now ahead ahead ahead ahead ahead ahead ahead", id="not-looked-at"),
        pytest.param("Pending", [RESOLVED, OPEN], "done now ahead ahead ahead ahead ahead ahead", id="waits"),
        pytest.param(
            "Queued", [RESOLVED, OPEN], "done ahead ahead ahead ahead ahead ahead ahead", id="queued"
        ),
        pytest.param(
            "Evaluating",
            [RESOLVED, ELIGIBLE, OPEN],
            "done done now ahead ahead ahead ahead ahead",
            id="measured",
        ),
        pytest.param(
            "AwaitingApproval",
            [RESOLVED, PASSED, ASKS, OPEN],
            "done not-needed done asks ahead ahead ahead ahead",
            id="people-are-asked",
        ),
        pytest.param(
            "AwaitingApproval",
            [RESOLVED, condition("GatesPassed", FALSE, "Inconclusive"), ASKS, OPEN],
            "done not-needed unclear asks ahead ahead ahead ahead",
            id="people-decide-what-is-unclear",
        ),
        pytest.param(
            "Promoting",
            [RESOLVED, PASSED, OPEN],
            "done not-needed done not-needed now ahead ahead ahead",
            id="moves",
        ),
        pytest.param(
            "RollingOut",
            [RESOLVED, PASSED, condition("RolledOut", FALSE, "RollingOut"), OPEN],
            "done not-needed done not-needed now now ahead ahead",
            id="rolls-out",
        ),
        pytest.param(
            "RollingBack",
            [RESOLVED, PASSED, condition("RolledOut", FALSE, "RollingOut"), OPEN],
            "done not-needed done not-needed undone undone ahead ahead",
            id="is-undone",
        ),
        pytest.param(
            "Succeeded",
            [
                *(RESOLVED, ELIGIBLE, PASSED, condition("Approved", TRUE, "Approved")),
                *(condition(kind, TRUE, "x") for kind in ("AliasUpdated", "RolledOut", "Verified")),
                *_ended(True),
            ],
            "done done done done done done done done",
            id="succeeded",
        ),
        pytest.param(
            "Succeeded",
            [RESOLVED, PASSED, *_ended(True)],
            "done not-needed done not-needed not-needed not-needed not-needed done",
            id="dry-run",
        ),
        pytest.param(
            "Rejected",
            [RESOLVED, condition("GatesPassed", FALSE, "GatesFailed"), *_ended(False)],
            "done not-needed failed not-reached not-reached not-reached not-reached failed",
            id="refused-by-a-gate",
        ),
        pytest.param(
            "Rejected",
            [
                RESOLVED,
                condition("Eligible", FALSE, "NotEligible"),
                condition("GatesPassed", UNKNOWN, "NotEligible"),
                *_ended(False),
            ],
            "done failed not-needed not-reached not-reached not-reached not-reached failed",
            id="not-eligible",
        ),
        pytest.param(
            "Rejected",
            [RESOLVED, PASSED, condition("Approved", FALSE, "Declined"), *_ended(False)],
            "done not-needed done failed not-reached not-reached not-reached failed",
            id="declined",
        ),
        pytest.param(
            "RolledBack",
            [
                *(RESOLVED, PASSED, condition("AliasUpdated", FALSE, "RolledBack")),
                *(condition("RolledOut", FALSE, "RolledBack"), condition("RolledBack", TRUE, "RolledBack")),
                *_ended(False),
            ],
            "done not-needed done not-needed undone undone not-reached failed",
            id="undone",
        ),
        pytest.param(
            "Failed",
            [
                *(RESOLVED, PASSED, condition("AliasUpdated", FALSE, "RolloutFailed")),
                *(
                    condition("RolledOut", FALSE, "RolloutFailed"),
                    condition("RolledBack", FALSE, "RolloutFailed"),
                ),
                *_ended(False),
            ],
            "done not-needed done not-needed failed failed not-reached failed",
            id="failed-and-not-undone",
        ),
        pytest.param(
            "Expired",
            [RESOLVED, PASSED, ASKS, *_ended(False)],
            "done not-needed done not-reached not-reached not-reached not-reached failed",
            id="nobody-approved",
        ),
        pytest.param(
            "Aborted",
            [RESOLVED, PASSED, condition("Approved", FALSE, "Aborted"), *_ended(False)],
            "done not-needed done not-reached not-reached not-reached not-reached failed",
            id="aborted-while-people-were-asked",
        ),
    ],
)
def test_each_step_says_how_far_it_has_come(phase: str | None, conditions: list[Any], states: str) -> None:
    way = steps(request(phase=phase, conditions=conditions).status)

    assert " ".join(step.state for step in way) == states
    assert [step.name for step in way] == [
        "Resolved",
        "Eligible",
        "Gates",
        "Approved",
        "Alias",
        "Rollout",
        "Verified",
        "Complete",
    ]
    assert all(step.word and step.icon for step in way)


def test_each_state_has_a_word_of_its_own() -> None:
    words = [LOOKS[state].word for state in StepState]

    assert len(set(words)) == len(StepState)


def test_a_step_has_the_sentence_of_its_condition() -> None:
    known = condition("Resolved", TRUE, "Resolved", "alias challenger is version 4")

    assert steps(request(conditions=[known]).status)[0].message == "alias challenger is version 4"
