"""What a version's tag says of its life under one alias."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.api.alias import (
    AliasMove,
    Bearing,
    FinishedRequest,
    HistoryEntry,
    ModelAliasStatus,
    Operation,
    Outcome,
    Plan,
    RequestRef,
)
from modelalias.api.conditions import Reason
from modelalias.api.metadata import Metadata
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.ledger import version_record
from tests.support.harness import START
from tests.support.world import request_spec

UID = "0f3c7a51-9d2e-4b8f-8a6c-000000000001"
OTHER_UID = "77777777-9d2e-4b8f-8a6c-000000000002"


def _request(uid: str = UID, name: str = "go") -> PromotionRequest:
    return PromotionRequest(metadata=Metadata(name=name, namespace="ml", uid=uid), spec=request_spec("2"))


def _plan(request: PromotionRequest | None = None, **fields: Any) -> Plan:
    moves = (AliasMove(name="prev", from_=None, to="1"), AliasMove(name="champion", from_="1", to="2"))
    if request is not None:
        ref = RequestRef(name=request.metadata.name, uid=request.metadata.uid)
        fields = {"request": ref, "spec_hash": request.spec_hash, **fields}
    return Plan(**{"operation": Operation.PROMOTE, "aliases": moves, "started_at": START, **fields})


def test_a_promotion_is_one_line_that_the_same_plan_gives_again() -> None:
    plan = _plan(_request(), actor="ana", reason="two\nlines")

    text = version_record.promoted(plan, "champion", None)

    assert (
        version_record.promoted(
            Plan.model_validate_json(plan.model_dump_json(by_alias=True)), "champion", text
        )
        == text
    )
    assert "\n" not in text
    assert json.loads(text) == {
        "at": "2026-01-01T12:00:00Z",
        "by": "ana",
        "from": "1",
        "operation": "Promote",
        "reason": "two\nlines",
        "request": "go",
        "done": {version_record.digest(_request()): "Succeeded 0f3c7a51"},
    }


def test_a_plan_that_was_undone_says_so_and_how_its_request_ended() -> None:
    forward = version_record.promoted(_plan(_request()), "champion", None)
    turned = {"turned_at": START + timedelta(seconds=90), "bearing": Bearing.BACKWARD}

    undone = version_record.promoted(
        _plan(_request(), **turned, failure="DeadlineExceeded"), "champion", forward
    )
    aborted = version_record.promoted(_plan(_request(), **turned, failure="Aborted"), "champion", forward)

    assert json.loads(undone)["rolledBack"] == {"at": "2026-01-01T12:01:30Z", "reason": "DeadlineExceeded"}
    assert version_record.past(undone, _request()) == version_record.Past(phase=Phase.ROLLED_BACK, own=True)
    assert version_record.past(aborted, _request()) == version_record.Past(phase=Phase.ABORTED, own=True)


def test_a_plan_that_failed_and_stays_says_that_its_request_failed() -> None:
    text = version_record.promoted(_plan(_request(), failure="DeadlineExceeded"), "champion", None)

    assert version_record.past(text, _request()) == version_record.Past(phase=Phase.FAILED, own=True)


def test_the_same_request_applied_again_is_known_and_another_one_is_not() -> None:
    text = version_record.ended(None, _request(), Phase.EXPIRED, Reason.EXPIRED, None, START)

    assert version_record.past(text, _request(OTHER_UID)) == version_record.Past(
        phase=Phase.EXPIRED, own=False
    )
    assert version_record.past(text, _request(OTHER_UID, name="gone")) is None


def test_a_refusal_stands_beside_the_promotion_and_is_written_once() -> None:
    promotion = version_record.promoted(_plan(_request()), "champion", None)
    other = _request(OTHER_UID, name="late")
    found = json.dumps({"gates": [{"name": "auc", "result": "Failed"}]})

    text = version_record.ended(promotion, other, Phase.REJECTED, Reason.GATES_FAILED, found, START)
    assert text is not None
    again = version_record.ended(
        text, other, Phase.REJECTED, Reason.GATES_FAILED, found, START + timedelta(hours=1)
    )

    told = json.loads(text)
    assert again is None
    assert (told["operation"], told["refused"]["request"], told["refused"]["reason"]) == (
        "Promote",
        "late",
        "GatesFailed",
    )
    assert told["refused"]["gates"] == [{"name": "auc", "result": "Failed"}]
    assert list(told["done"].values()) == ["Succeeded 0f3c7a51", "Rejected 77777777"]


def test_what_replaced_a_version_is_recorded_with_what_only_the_alias_remembers() -> None:
    no_op, aside = _request(OTHER_UID, name="no-op"), _request(OTHER_UID, name="aside")
    finished = (
        FinishedRequest(spec_hash=no_op.spec_hash, uid=OTHER_UID, phase=Phase.SUCCEEDED, version="1"),
        FinishedRequest(spec_hash=aside.spec_hash, uid=OTHER_UID, phase=Phase.REJECTED, version="7"),
    )
    entry = HistoryEntry(
        to="1",
        at=START,
        operation=Operation.PROMOTE,
        outcome=Outcome.SUCCEEDED,
        uid=UID,
        spec_hash=_request(name="first").spec_hash,
    )
    status = ModelAliasStatus(history=(entry,), finished=finished)
    plan = _plan(_request(name="second"), actor="ana", reason="better")

    text = version_record.archived(plan, "champion", status, None)
    assert text is not None

    assert json.loads(text) == {
        "archived": {
            "at": "2026-01-01T12:00:00Z",
            "by": "ana",
            "operation": "Promote",
            "reason": "better",
            "replacedBy": "2",
            "request": "second",
        },
        "done": {
            version_record.digest(no_op): "Succeeded 77777777",
            version_record.digest(_request(name="first")): "Succeeded 0f3c7a51",
        },
    }
    assert version_record.archived(plan, "champion", status, text) is None


def test_a_version_is_known_to_have_held_the_alias_also_after_a_later_try_was_undone() -> None:
    promoted = version_record.promoted(_plan(_request()), "champion", None)
    moves = (AliasMove(name="champion", from_="2", to="3"),)
    archived = version_record.archived(_plan(aliases=moves), "champion", ModelAliasStatus(), promoted)
    turned = {"turned_at": START, "bearing": Bearing.BACKWARD, "failure": "DeadlineExceeded"}
    later = _plan(_request(OTHER_UID, name="again"), started_at=START + timedelta(days=1), **turned)
    undone = version_record.promoted(later, "champion", archived)

    assert version_record.was_held(promoted)
    assert version_record.was_held(archived)
    assert version_record.was_held(undone)
    assert version_record.was_held(version_record.promoted(later, "champion", undone)), "written once more"
    assert not version_record.was_held(version_record.promoted(later, "champion", None))
    assert not version_record.was_held(
        version_record.ended(None, _request(), Phase.REJECTED, Reason.GATES_FAILED, None, START)
    )


def test_the_newest_fifty_requests_are_remembered() -> None:
    text: str | None = None
    requests = [_request(name=f"go-{number}") for number in range(60)]

    for item in requests:
        text = version_record.ended(text, item, Phase.SUPERSEDED, Reason.SUPERSEDED, None, START)

    known = [item.metadata.name for item in requests if version_record.past(text, item) is not None]
    assert known == [f"go-{number}" for number in range(10, 60)]
    assert text is not None
    assert len(text) < 2_500


@pytest.mark.parametrize("phase", [Phase.REJECTED, Phase.EXPIRED, Phase.ABORTED, Phase.SUPERSEDED], ids=str)
def test_what_moved_the_alias_is_remembered_longer_than_what_moved_nothing(phase: Phase) -> None:
    text: str | None = version_record.promoted(_plan(_request(name="went")), "champion", None)
    text = version_record.promoted(
        _plan(_request(name="failed"), failure="DeadlineExceeded"), "champion", text
    )
    asked = [_request(name=f"no-{number}") for number in range(60)]

    for item in asked:
        text = version_record.ended(text, item, phase, Reason.EXPIRED, None, START)

    assert version_record.past(text, _request(name="went")) == version_record.Past(
        phase=Phase.SUCCEEDED, own=True
    )
    assert version_record.past(text, _request(name="failed")) == version_record.Past(
        phase=Phase.FAILED, own=True
    )
    assert [item.metadata.name for item in asked if version_record.past(text, item)] == [
        f"no-{number}" for number in range(12, 60)
    ]


def test_among_requests_that_had_a_plan_the_successful_ones_are_dropped_last() -> None:
    text = version_record.promoted(_plan(_request(name="went")), "champion", None)
    failed = [_request(name=f"failed-{number}") for number in range(60)]

    for item in failed:
        text = version_record.promoted(_plan(item, failure="DeadlineExceeded"), "champion", text)

    assert version_record.past(text, _request(name="went")) is not None
    assert sum(version_record.past(text, item) is not None for item in failed) == 49


def _gates(count: int, message: str = "") -> str:
    gates = [{"name": f"gate-{n}", "result": "Passed", "message": message} for n in range(count)]
    return json.dumps({"gates": gates}, separators=(",", ":"))


WORDS = {
    "characters": "模" * 1024,
    "emoji": "\U0001f600" * 1000,
    "escapes": "\x01" * 1024,
    "quotes": '"' * 1024,
    "none": "",
}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_a_record_fits_into_every_registry_and_keeps_what_decides(words: str) -> None:
    asked = [_request(name=f"go-{number}") for number in range(48)]
    long: dict[str, Any] = {
        "actor": "a" * 512,
        "reason": words,
        "approvers": tuple(f"{n}{'b' * 510}" for n in range(10, 26)),
        "verdict": _gates(20, "m" * 100),
    }
    finished = (
        FinishedRequest(spec_hash=i.spec_hash, uid=UID, phase=Phase.SUCCEEDED, version="1") for i in asked
    )
    status = ModelAliasStatus(finished=tuple(finished))

    promoted = version_record.promoted(_plan(_request(name="p" * 253), **long), "champion", None)
    replaced = version_record.archived(_plan(_request(name="q" * 253), **long), "champion", status, promoted)
    refused = version_record.ended(
        replaced, _request(name="late"), Phase.REJECTED, Reason.GATES_FAILED, long["verdict"], START
    )
    assert replaced is not None
    assert refused is not None

    assert [len(text) < 5_000 for text in (promoted, replaced, refused)] == [True] * 3
    assert version_record.was_held(promoted)
    assert {"operation", "archived", "done"} <= set(json.loads(refused))
    assert all(version_record.past(refused, item) for item in asked)
    assert json.loads(replaced)["archived"]["replacedBy"] == "2"


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_a_shortened_record_is_not_written_again(words: str) -> None:
    plan = _plan(_request(), reason=words, verdict=_gates(20, "m" * 150), approvers=("u" * 512,) * 4)
    other, found = _request(OTHER_UID, name="late"), _gates(20, "m" * 140)

    promoted = version_record.promoted(plan, "champion", None)
    replaced = version_record.archived(plan, "champion", ModelAliasStatus(), promoted)
    refused = version_record.ended(replaced, other, Phase.REJECTED, Reason.GATES_FAILED, found, START)

    assert version_record.promoted(plan, "champion", promoted) == promoted
    assert version_record.archived(plan, "champion", ModelAliasStatus(), replaced) is None
    assert version_record.archived(plan, "champion", ModelAliasStatus(), refused) is None
    assert (
        version_record.ended(
            refused, other, Phase.REJECTED, Reason.GATES_FAILED, found, START + timedelta(days=1)
        )
        is None
    )


def test_findings_go_before_reasons_and_reasons_before_results() -> None:
    plan = _plan(_request(), reason="r" * 1024, verdict=_gates(20, "m" * 150))
    many = _plan(_request(), reason="r" * 1024, verdict=_gates(60, "m" * 20))
    before: str | None = None
    for number in range(45):
        before = version_record.ended(
            before, _request(name=f"no-{number}"), Phase.EXPIRED, Reason.EXPIRED, None, START
        )

    told = json.loads(version_record.promoted(plan, "champion", None))
    short = json.loads(version_record.promoted(many, "champion", before))

    assert told["reason"] == "r" * 1024
    assert told["verdict"]["gates"][0] == {"name": "gate-0", "result": "Passed"}
    assert short["reason"] == "r" * 200 + "…"
    assert len(short["verdict"]["gates"]) == 60


def test_a_long_record_of_before_is_still_read() -> None:
    kept = json.loads(version_record.promoted(_plan(_request()), "champion", None))
    long = json.dumps({**kept, "reason": "模" * 15_000})

    text = version_record.ended(
        long, _request(OTHER_UID, name="late"), Phase.REJECTED, Reason.NO_OP, None, START
    )

    assert len(long) > 90_000
    assert version_record.past(long, _request()) is not None
    assert text is not None
    assert version_record.past(text, _request()) is not None
    assert len(text) < 5_000


@pytest.mark.parametrize("outcome", list(Outcome), ids=str)
def test_what_the_history_says_of_a_replaced_version_goes_into_its_record(outcome: Outcome) -> None:
    entry = HistoryEntry(
        from_="1",
        to="1",
        at=START,
        operation=Operation.PROMOTE,
        outcome=outcome,
        uid=UID,
        spec_hash=_request(name="same").spec_hash,
    )
    other = entry.model_copy(update={"to": "7", "spec_hash": _request(name="aside").spec_hash})

    text = version_record.archived(
        _plan(_request()), "champion", ModelAliasStatus(history=(entry, other)), None
    )

    assert version_record.past(text, _request(name="same")) == version_record.Past(
        phase=Phase(str(outcome)), own=True
    )
    assert version_record.past(text, _request(name="aside")) is None


def test_a_lost_race_is_remembered_as_the_request_was_told() -> None:
    entry = HistoryEntry(
        from_="5",
        to="1",
        at=START,
        operation=Operation.PROMOTE,
        outcome=Outcome.ROLLED_BACK,
        uid=UID,
        spec_hash=_request(name="lost").spec_hash,
        failure=str(Reason.STALE_CHAMPION),
    )

    text = version_record.archived(_plan(_request()), "champion", ModelAliasStatus(history=(entry,)), None)

    assert version_record.past(text, _request(name="lost")) == version_record.Past(
        phase=Phase.FAILED, own=True
    )


def test_only_the_plan_that_replaced_a_version_takes_that_back() -> None:
    plan, before = _plan(_request()), version_record.promoted(_plan(_request(name="first")), "champion", None)
    replaced = version_record.archived(plan, "champion", ModelAliasStatus(), before)

    assert version_record.unarchived(plan, replaced) == before
    assert version_record.unarchived(plan, before) is None
    assert version_record.unarchived(_plan(started_at=START + timedelta(hours=1)), replaced) is None


@pytest.mark.parametrize(
    "foreign",
    [
        {"operation": "x" * 30_000},
        {"archived": {"at": "\x01" * 9_000, "more": "x" * 30_000}},
        {"archived": "x" * 30_000},
        {"note": "\ud800" * 3_000},
        {"done": {str(number): "y" * 900 for number in range(60)}},
        {"refused": {"gates": {"gates": ["x"] * 9_000}}},
    ],
    ids=lambda value: next(iter(value)),
)
def test_what_somebody_else_wrote_at_length_is_cut(foreign: dict[str, Any]) -> None:
    text = version_record.ended(json.dumps(foreign), _request(), Phase.REJECTED, Reason.NO_OP, None, START)

    assert text is not None
    assert len(text.encode()) < 20_000
    assert version_record.past(text, _request()) is not None


def test_the_key_fits_the_longest_alias() -> None:
    keys = {version_record.key("a" * 254 + letter) for letter in "xy"}

    assert version_record.key("champion") == "modelalias.champion"
    assert len(keys) == 2
    assert {len(key) for key in keys} == {250}


@given(
    st.one_of(
        st.text(),
        st.recursive(st.none() | st.text(), st.lists).map(json.dumps),
        st.fixed_dictionaries({"done": st.dictionaries(st.text(), st.text())}).map(json.dumps),
    )
)
def test_what_somebody_else_wrote_into_the_tag_does_no_harm(text: str) -> None:
    assert version_record.past(text, _request()) is None
    assert version_record.ended(text, _request(), Phase.EXPIRED, Reason.EXPIRED, None, START) is not None
    assert json.loads(version_record.promoted(_plan(_request()), "champion", text))["operation"] == "Promote"
