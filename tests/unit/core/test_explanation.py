"""The paragraph that says why an alias stands as it does, branch by branch."""

from datetime import UTC, datetime
from typing import Any

import pytest

from modelalias.api.alias import ModelAlias
from modelalias.core.explanation import explain

NOW = datetime(2026, 1, 2, tzinfo=UTC)
AT = "2026-01-01T12:00:00Z"
BASE: dict[str, Any] = {
    "observedGeneration": 1,
    "phase": "Ready",
    "current": {"version": "4", "since": AT, "actor": "ana", "request": "go"},
    "observed": {"version": "4", "at": AT},
}
CURRENT = "churn@champion is version 4 since 2026-01-01 12:00 UTC"
BACK = "modelalias rollback churn-champion -n ml --to-version 3 -m WHY"
MOVE = "To move it: modelalias promote churn-champion -n ml --version N."


def _condition(kind: str, status: str, reason: str, message: str) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": AT}


def _explained(spec: dict[str, Any] | None = None, **status: Any) -> str:
    known = {key: value for key, value in {**BASE, **status}.items() if value is not None}
    alias = {
        "metadata": {"name": "churn-champion", "namespace": "ml", "generation": 1},
        "spec": {"model": "churn", "alias": "champion", **(spec or {})},
        "status": known,
    }
    return explain(ModelAlias.model_validate(alias), NOW)


def _history(**fields: Any) -> list[dict[str, Any]]:
    return [{"from": "3", "to": "4", "at": AT, "operation": "Promote", "outcome": "Succeeded", **fields}]


PLAN: dict[str, Any] = {
    "operation": "Promote",
    "request": {"name": "go-5", "uid": "u"},
    "aliases": [{"name": "champion", "from": "4", "to": "5"}],
    "startedAt": "2026-01-01T23:48:00Z",
}
API = {"kind": "Deployment", "name": "churn-api"}


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        pytest.param(
            {}, {}, [f"{CURRENT} by ana with request go.", "The registry names it too", MOVE], id="at rest"
        ),
        pytest.param(
            {},
            {"policy": {"sources": ["ClusterPromotionPolicy/base", "PromotionPolicy/team"]}},
            [
                "Beside its own rules those of ClusterPromotionPolicy/base and PromotionPolicy/team hold.",
                MOVE,
            ],
            id="policies",
        ),
        pytest.param(
            {},
            {"phase": None, "current": None, "observed": None},
            ["The operator has not looked at ModelAlias churn-champion yet"],
            id="no status",
        ),
        pytest.param(
            {}, {"observedGeneration": 0}, ["has not looked at the latest edit"], id="edit not seen"
        ),
        pytest.param(
            {}, {"current": None}, ["Nothing was promoted to churn@champion yet.", MOVE], id="never promoted"
        ),
        pytest.param(
            {},
            {
                "history": _history(
                    evidence=f"sha256:{'0123456789ab':0<64}",
                    judged=[{"metric": "auc", "value": "0.8612345678"}],
                    approvers=["bo", "cy"],
                    reason="retrained on Q3",
                )
            },
            [
                f"{CURRENT}: the alias was promoted to it by ana with request go.",
                "The evidence is sha256:0123456789ab; it was judged on auc 0.861235; bo and cy approved; ",
                "; the reason given was: retrained on Q3.",
            ],
            id="grounds",
        ),
        pytest.param(
            {},
            {"history": _history(judged=[{"metric": f"m{n}", "value": "1"} for n in range(5)])},
            ["It was judged on m0 1, m1 1, m2 1 and 2 more."],
            id="many metrics",
        ),
        *(
            pytest.param({}, {"history": _history(operation=operation)}, [words], id=operation)
            for operation, words in [
                ("Rollback", "the alias was rolled back to it"),
                ("Swap", "the alias was swapped to it"),
                ("Pin", "the alias was pinned to it"),
                ("Adopt", "the alias named it already when the operator first looked"),
            ]
        ),
        pytest.param(
            {},
            {"conditions": [_condition("RegistryReachable", "False", "Unreachable", "no answer in 10 s")]},
            ["The registry cannot be used now, and nothing moves meanwhile: no answer in 10 s."],
            id="registry away",
        ),
        pytest.param(
            {},
            {
                "conditions": [
                    _condition("InSync", "False", "Drifted", "someone moved it; to move it back: x")
                ]
            },
            ["The registry does not agree: someone moved it; to move it back: x."],
            id="drift",
        ),
        pytest.param(
            {},
            {"plan": PLAN},
            ["A Promote to version 5 for request go-5 is under way for 12 min: the alias is being moved."],
            id="plan",
        ),
        pytest.param(
            {},
            {
                "plan": {
                    **PLAN,
                    "rollingSince": "2026-01-01T23:48:00Z",
                    "deadlineAt": "2026-01-02T00:08:00Z",
                }
            },
            [
                "is under way for 12 min: its workloads are being rolled.",
                "It fails and is undone if that is not done by 2026-01-02 00:08 UTC.",
            ],
            id="rolling",
        ),
        pytest.param(
            {},
            {"plan": {**PLAN, "request": None, "bearing": "Backward", "message": "the pods crash"}},
            ["A Promote to version 5 is under way for 12 min, and is being undone: the pods crash."],
            id="undone",
        ),
        pytest.param({}, {}, ["No workload is named in spec.serving"], id="no workload"),
        pytest.param(
            {},
            {
                "serving": [
                    {
                        **API,
                        "state": "UpToDate",
                        "desired": "4",
                        "served": "4",
                        "since": AT,
                        "pods": [{"version": "4", "pods": 3, "ready": 3}],
                    }
                ]
            },
            ["Deployment churn-api serves version 4 (3 of 3 pods ready) since 2026-01-01 12:00 UTC."],
            id="served",
        ),
        pytest.param(
            {},
            {"serving": [{**API, "state": "Diverged", "message": "kubectl made it run version 3"}]},
            ["Deployment churn-api is Diverged: kubectl made it run version 3."],
            id="diverged",
        ),
        pytest.param(
            {},
            {"serving": [{**API, "state": "Unknown"}]},
            ["It is not known which version Deployment churn-api serves."],
            id="unknown",
        ),
        pytest.param(
            {},
            {"conditions": [_condition("Stalled", "True", "ModelNotFound", "there is no model churn")]},
            ["A person has to change something (ModelNotFound): there is no model churn."],
            id="stalled",
        ),
        pytest.param(
            {"version": "4"},
            {"conditions": [_condition("Reconciling", "True", "Evaluating", "waits for a Job")]},
            [
                "Waiting (Evaluating): waits for a Job.",
                "to let them decide: modelalias unpin churn-champion -n ml.",
            ],
            id="pin that waits",
        ),
        pytest.param(
            {"suspend": True},
            {},
            ["It is suspended: nothing new starts; to go on: modelalias resume"],
            id="suspended",
        ),
        pytest.param(
            {},
            {"conditions": [_condition("Held", "True", "Held", "held since noon")]},
            ["Automatic steps are stopped: held since noon.", MOVE],
            id="held",
        ),
        pytest.param({}, {"queue": ["a"]}, ["1 request waits for its turn: a."], id="one waits"),
        pytest.param({}, {"queue": ["a", "b"]}, ["2 requests wait for their turn: a, b."], id="two wait"),
        pytest.param(
            {},
            {"previous": {"version": "3", "since": AT}, "history": _history()},
            [
                MOVE,
                f"To go back to version 3: {BACK}.",
            ],
            id="way back",
        ),
    ],
)
def test_the_paragraph_says_it(spec: dict[str, Any], status: dict[str, Any], expected: list[str]) -> None:
    text = _explained(spec, **status)

    assert "\n" not in text
    for words in expected:
        assert words in text


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        pytest.param({"version": "4"}, {}, id="pinned"),
        pytest.param({"suspend": True}, {}, id="suspended"),
        pytest.param({}, {"plan": PLAN}, id="plan"),
        pytest.param({}, {"conditions": [_condition("Stalled", "True", "Invalid", "edit it")]}, id="stalled"),
        pytest.param({}, {"conditions": [_condition("InSync", "False", "Drifted", "moved")]}, id="drift"),
    ],
)
def test_what_would_not_work_now_is_not_proposed(spec: dict[str, Any], status: dict[str, Any]) -> None:
    assert "To move it" not in _explained(spec, **status)


def test_an_unreachable_registry_is_not_said_to_agree() -> None:
    text = _explained(conditions=[_condition("RegistryReachable", "False", "Unreachable", "away")])

    assert "names it too" not in text


def test_the_windows_are_explained_as_of_now() -> None:
    window = {"kind": "Deny", "cron": "0 0 2 1 *", "duration": "3d", "name": "inventory"}

    text = _explained({"policy": {"windows": [window]}})

    wait = "which wait until 2026-01-05 00:00 UTC, when the window inventory closes"
    assert f"By policy.windows it is closed for Promote, Pin and Adopt, {wait}." in text


LATER = "2026-01-01T15:00:00Z"


def test_a_move_by_hand_that_was_put_back_is_told_apart_from_what_made_the_version_current() -> None:
    put_back = {
        "from": "4",
        "to": "4",
        "found": "9",
        "drifted": True,
        "at": LATER,
        "operation": "Rollback",
        "outcome": "Succeeded",
        "actor": "bo",
        "request": "undo",
        "reason": "undo by hand",
    }
    promoted = _history(request="go", actor="ana", reason="retrained on Q3")

    text = _explained(history=[*promoted, put_back])

    assert f"{CURRENT}: the alias was promoted to it by ana with request go. " in text
    assert "The reason given was: retrained on Q3. " in text
    told = "The alias was put back to it at 2026-01-01 15:00 UTC by bo with request undo"
    assert f"{told}: somebody had moved it to version 9; the reason given was: undo by hand." in text
    assert "rolled back to it" not in text


def test_a_reason_that_nobody_gave_is_not_said_to_be_given() -> None:
    text = _explained(history=_history(operation="Pin", reason="spec.version was set to 4"))

    assert "The operator noted: spec.version was set to 4." in text
    assert "the reason given" not in text.lower()


def test_after_going_back_the_version_before_is_the_one_that_a_rollback_goes_to() -> None:
    moves = [(None, "1", "Promote"), ("1", "2", "Promote"), ("2", "4", "Promote"), ("4", "2", "Rollback")]
    history = [
        {"from": left, "to": to, "at": AT, "operation": operation, "outcome": "Succeeded"}
        for left, to, operation in moves
    ]

    text = _explained(
        current={"version": "2", "since": AT},
        previous={"version": "4", "since": AT},
        history=history,
        rolledBack=[{"version": "4", "reason": "Rollback", "at": AT}],
    )

    assert f"To go back to version 1: {BACK.replace('3', '1')}." in text
    assert "Version 4 is nothing to go back to: it was rolled back at 2026-01-01 12:00 UTC." in text
