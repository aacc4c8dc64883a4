"""What a version's tag says of its life under one alias."""

import json
from datetime import timedelta
from typing import Any

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
from modelalias.core import record
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

    text = record.promoted(plan, "champion", None)

    assert record.promoted(Plan.model_validate_json(plan.model_dump_json(by_alias=True)), "champion", text) == text
    assert "\n" not in text
    assert json.loads(text) == {
        "at": "2026-01-01T12:00:00Z",
        "by": "ana",
        "from": "1",
        "operation": "Promote",
        "reason": "two\nlines",
        "request": "go",
        "done": {record.digest(_request()): "Succeeded 0f3c7a51"},
    }


def test_a_plan_that_was_undone_says_so_and_how_its_request_ended() -> None:
    forward = record.promoted(_plan(_request()), "champion", None)
    turned = {"turned_at": START + timedelta(seconds=90), "bearing": Bearing.BACKWARD}

    undone = record.promoted(_plan(_request(), **turned, failure="DeadlineExceeded"), "champion", forward)
    aborted = record.promoted(_plan(_request(), **turned, failure="Aborted"), "champion", forward)

    assert json.loads(undone)["rolledBack"] == {"at": "2026-01-01T12:01:30Z", "reason": "DeadlineExceeded"}
    assert record.past(undone, _request()) == record.Past(phase=Phase.ROLLED_BACK, own=True)
    assert record.past(aborted, _request()) == record.Past(phase=Phase.ABORTED, own=True)


def test_a_plan_that_failed_and_stays_says_that_its_request_failed() -> None:
    text = record.promoted(_plan(_request(), failure="DeadlineExceeded"), "champion", None)

    assert record.past(text, _request()) == record.Past(phase=Phase.FAILED, own=True)


def test_the_same_request_applied_again_is_known_and_another_one_is_not() -> None:
    text = record.ended(None, _request(), Phase.EXPIRED, Reason.EXPIRED, None, START)

    assert record.past(text, _request(OTHER_UID)) == record.Past(phase=Phase.EXPIRED, own=False)
    assert record.past(text, _request(OTHER_UID, name="gone")) is None


def test_a_refusal_stands_beside_the_promotion_and_is_written_once() -> None:
    promotion = record.promoted(_plan(_request()), "champion", None)
    other = _request(OTHER_UID, name="late")
    found = json.dumps({"gates": [{"name": "auc", "result": "Failed"}]})

    text = record.ended(promotion, other, Phase.REJECTED, Reason.GATES_FAILED, found, START)
    assert text is not None
    again = record.ended(text, other, Phase.REJECTED, Reason.GATES_FAILED, found, START + timedelta(hours=1))

    told = json.loads(text)
    assert again is None
    assert (told["operation"], told["refused"]["request"], told["refused"]["reason"]) == ("Promote", "late", "GatesFailed")
    assert told["refused"]["gates"] == [{"name": "auc", "result": "Failed"}]
    assert list(told["done"].values()) == ["Succeeded 0f3c7a51", "Rejected 77777777"]


def test_what_replaced_a_version_is_recorded_with_what_only_the_alias_remembers() -> None:
    no_op, aside = _request(OTHER_UID, name="no-op"), _request(OTHER_UID, name="aside")
    finished = (
        FinishedRequest(spec_hash=no_op.spec_hash, uid=OTHER_UID, phase=Phase.SUCCEEDED, version="1"),
        FinishedRequest(spec_hash=aside.spec_hash, uid=OTHER_UID, phase=Phase.REJECTED, version="7"),
    )
    entry = HistoryEntry(to="1", at=START, operation=Operation.PROMOTE, outcome=Outcome.SUCCEEDED, uid=UID,
                         spec_hash=_request(name="first").spec_hash)  # fmt: skip
    status = ModelAliasStatus(history=(entry,), finished=finished)
    plan = _plan(_request(name="second"), actor="ana", reason="better")

    text = record.archived(plan, "champion", status, None)
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
            record.digest(no_op): "Succeeded 77777777",
            record.digest(_request(name="first")): "Succeeded 0f3c7a51",
        },
    }
    assert record.archived(plan, "champion", status, text) is None


def test_a_version_is_known_to_have_held_the_alias_also_after_a_later_try_was_undone() -> None:
    promoted = record.promoted(_plan(_request()), "champion", None)
    moves = (AliasMove(name="champion", from_="2", to="3"),)
    archived = record.archived(_plan(aliases=moves), "champion", ModelAliasStatus(), promoted)
    turned = {"turned_at": START, "bearing": Bearing.BACKWARD, "failure": "DeadlineExceeded"}
    later = _plan(_request(OTHER_UID, name="again"), started_at=START + timedelta(days=1), **turned)
    undone = record.promoted(later, "champion", archived)

    assert record.was_held(promoted)
    assert record.was_held(archived)
    assert record.was_held(undone)
    assert record.was_held(record.promoted(later, "champion", undone)), "written once more"
    assert not record.was_held(record.promoted(later, "champion", None))
    assert not record.was_held(record.ended(None, _request(), Phase.REJECTED, Reason.GATES_FAILED, None, START))


def test_the_newest_fifty_requests_are_remembered() -> None:
    text: str | None = None
    requests = [_request(name=f"go-{number}") for number in range(60)]

    for item in requests:
        text = record.ended(text, item, Phase.SUPERSEDED, Reason.SUPERSEDED, None, START)

    known = [item.metadata.name for item in requests if record.past(text, item) is not None]
    assert known == [f"go-{number}" for number in range(10, 60)]
    assert text is not None
    assert len(text) < 2_500


def test_the_key_fits_the_longest_alias() -> None:
    keys = {record.key("a" * 254 + letter) for letter in "xy"}

    assert record.key("champion") == "modelalias.champion"
    assert len(keys) == 2
    assert {len(key) for key in keys} == {250}


@given(st.one_of(st.text(), st.recursive(st.none() | st.text(), st.lists).map(json.dumps),
                 st.fixed_dictionaries({"done": st.dictionaries(st.text(), st.text())}).map(json.dumps)))  # fmt: skip
def test_what_somebody_else_wrote_into_the_tag_does_no_harm(text: str) -> None:
    assert record.past(text, _request()) is None
    assert record.ended(text, _request(), Phase.EXPIRED, Reason.EXPIRED, None, START) is not None
    assert json.loads(record.promoted(_plan(_request()), "champion", text))["operation"] == "Promote"
