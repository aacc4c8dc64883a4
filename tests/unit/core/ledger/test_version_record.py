"""What a version's tag says of its life under one alias."""

import json
from base64 import b64encode
from datetime import datetime, timedelta
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
from modelalias.core.ledger import ended_requests
from modelalias.core.ledger.ended_requests import Past
from modelalias.core.ledger.record_text import tag_key
from modelalias.core.ledger.signed_record import Seal, message_of, read, write
from modelalias.core.ledger.statement import Place
from modelalias.core.ledger.version_record import VersionRecord
from tests.support.fake_keys import NOTARY
from tests.support.harness import START
from tests.support.world import request_spec

UID = "0f3c7a51-9d2e-4b8f-8a6c-000000000001"
OTHER_UID = "77777777-9d2e-4b8f-8a6c-000000000002"
HERE = "c1c1c1c1"
PLACE = Place(registry="default", model="churn", alias="champion", version="2")


def parse(text: str | None) -> VersionRecord:
    return read(NOTARY, PLACE, text)


def fit(record: VersionRecord) -> str:
    return write(NOTARY, PLACE, record)


def _told(text: str) -> dict[str, Any]:
    """Return what a record holds beside its signature."""
    return {name: value for name, value in json.loads(text).items() if name != "signed"}


def _own(phase: Phase, *, own: bool = True) -> Past:
    had_plan = phase in {Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.FAILED}
    return Past(phase=phase, own=own, here=True, had_plan=had_plan)


def _request(uid: str = UID, name: str = "go") -> PromotionRequest:
    return PromotionRequest(metadata=Metadata(name=name, namespace="ml", uid=uid), spec=request_spec("2"))


def _plan(request: PromotionRequest | None = None, **fields: Any) -> Plan:
    moves = (AliasMove(name="prev", from_=None, to="1"), AliasMove(name="champion", from_="1", to="2"))
    if request is not None:
        ref = RequestRef(name=request.metadata.name, uid=request.metadata.uid)
        fields = {"request": ref, "spec_hash": request.spec_hash, **fields}
    return Plan(**{"operation": Operation.PROMOTE, "aliases": moves, "started_at": START, **fields})


def _promoted(plan: Plan, alias: str, before: str | None) -> str:
    return fit(parse(before).with_promotion(plan, alias))


def _replaced(plan: Plan, alias: str, status: ModelAliasStatus, before: str | None) -> str | None:
    return _changed(before, parse(before).replaced_by(plan, alias, status))


def _not_replaced(plan: Plan, before: str | None) -> str | None:
    return _changed(before, parse(before).without_replacement(plan))


def _ended(
    before: str | None,
    request: PromotionRequest,
    phase: Phase,
    reason: Reason,
    findings: str | None,
    now: datetime,
) -> str | None:
    return _changed(before, parse(before).with_end(request, phase, reason, findings, now))


def _changed(before: str | None, record: VersionRecord) -> str | None:
    """Return the text to write; None when there is nothing new."""
    return None if record == parse(before) else fit(record)


def _past(text: str | None, request: PromotionRequest) -> Past | None:
    return parse(text).past(request)


def _was_held(text: str | None) -> bool:
    return parse(text).was_held


def test_a_promotion_is_one_line_that_the_same_plan_gives_again() -> None:
    plan = _plan(_request(), actor="ana", reason="two\nlines")

    text = _promoted(plan, "champion", None)

    assert _promoted(Plan.model_validate_json(plan.model_dump_json(by_alias=True)), "champion", text) == text
    assert "\n" not in text
    assert _told(text) == {
        "at": "2026-01-01T12:00:00Z",
        "by": "ana",
        "from": "1",
        "operation": "Promote",
        "reason": "two\nlines",
        "request": "go",
        "outcome": "Succeeded",
        "done": {ended_requests.digest(_request()): f"Succeeded 0f3c7a51 {HERE}"},
    }


def test_a_plan_that_was_undone_says_so_and_how_its_request_ended() -> None:
    forward = _promoted(_plan(_request()), "champion", None)
    turned = {"turned_at": START + timedelta(seconds=90), "bearing": Bearing.BACKWARD}

    undone = _promoted(_plan(_request(), **turned, failure="DeadlineExceeded"), "champion", forward)
    aborted = _promoted(_plan(_request(), **turned, failure="Aborted"), "champion", forward)

    assert json.loads(undone)["rolledBack"] == {"at": "2026-01-01T12:01:30Z", "reason": "DeadlineExceeded"}
    assert _past(undone, _request()) == _own(Phase.ROLLED_BACK)
    assert _past(aborted, _request()) == _own(Phase.ABORTED)


def test_a_plan_that_failed_and_stays_says_that_its_request_failed() -> None:
    text = _promoted(_plan(_request(), failure="DeadlineExceeded"), "champion", None)

    assert _past(text, _request()) == _own(Phase.FAILED)


def test_the_same_request_applied_again_is_known_and_another_one_is_not() -> None:
    text = _ended(None, _request(), Phase.EXPIRED, Reason.EXPIRED, None, START)

    assert _past(text, _request(OTHER_UID)) == _own(Phase.EXPIRED, own=False)
    assert _past(text, _request(OTHER_UID, name="gone")) is None


def test_a_refusal_stands_beside_the_promotion_and_is_written_once() -> None:
    promotion = _promoted(_plan(_request()), "champion", None)
    other = _request(OTHER_UID, name="late")
    found = json.dumps({"gates": [{"name": "auc", "result": "Failed"}]})

    text = _ended(promotion, other, Phase.REJECTED, Reason.GATES_FAILED, found, START)
    assert text is not None
    again = _ended(text, other, Phase.REJECTED, Reason.GATES_FAILED, found, START + timedelta(hours=1))

    told = json.loads(text)
    assert again is None
    assert (told["operation"], told["refused"]["request"], told["refused"]["reason"]) == (
        "Promote",
        "late",
        "GatesFailed",
    )
    assert told["refused"]["gates"] == [{"name": "auc", "result": "Failed"}]
    assert list(told["done"].values()) == [f"Succeeded 0f3c7a51 {HERE}", f"Rejected 77777777 {HERE}"]


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

    text = _replaced(plan, "champion", status, None)
    assert text is not None

    assert _told(text) == {
        "archived": {
            "at": "2026-01-01T12:00:00Z",
            "by": "ana",
            "operation": "Promote",
            "reason": "better",
            "replacedBy": "2",
            "request": "second",
            "held": True,
        },
        "done": {
            ended_requests.digest(no_op): f"Succeeded 77777777 {HERE}",
            ended_requests.digest(_request(name="first")): f"Succeeded 0f3c7a51 {HERE}",
        },
    }
    assert _replaced(plan, "champion", status, text) is None


def test_a_version_is_known_to_have_held_the_alias_also_after_a_later_try_was_undone() -> None:
    promoted = _promoted(_plan(_request()), "champion", None)
    moves = (AliasMove(name="champion", from_="2", to="3"),)
    archived = _replaced(_plan(aliases=moves), "champion", ModelAliasStatus(), promoted)
    turned = {"turned_at": START, "bearing": Bearing.BACKWARD, "failure": "DeadlineExceeded"}
    later = _plan(_request(OTHER_UID, name="again"), started_at=START + timedelta(days=1), **turned)
    undone = _promoted(later, "champion", archived)

    assert _was_held(promoted)
    assert _was_held(archived)
    assert _was_held(undone)
    assert _was_held(_promoted(later, "champion", undone)), "written once more"
    assert not _was_held(_promoted(later, "champion", None))
    assert not _was_held(_ended(None, _request(), Phase.REJECTED, Reason.GATES_FAILED, None, START))


def test_the_newest_fifty_requests_are_remembered() -> None:
    text: str | None = None
    requests = [_request(name=f"go-{number}") for number in range(60)]

    for item in requests:
        text = _ended(text, item, Phase.SUPERSEDED, Reason.SUPERSEDED, None, START)

    known = [item.metadata.name for item in requests if _past(text, item) is not None]
    assert known == [f"go-{number}" for number in range(10, 60)]
    assert text is not None
    assert len(text) < 3_000


@pytest.mark.parametrize("phase", [Phase.REJECTED, Phase.EXPIRED, Phase.ABORTED, Phase.SUPERSEDED], ids=str)
def test_what_moved_the_alias_is_remembered_longer_than_what_moved_nothing(phase: Phase) -> None:
    text: str | None = _promoted(_plan(_request(name="went")), "champion", None)
    text = _promoted(_plan(_request(name="failed"), failure="DeadlineExceeded"), "champion", text)
    asked = [_request(name=f"no-{number}") for number in range(60)]

    for item in asked:
        text = _ended(text, item, phase, Reason.EXPIRED, None, START)

    assert _past(text, _request(name="went")) == _own(Phase.SUCCEEDED)
    assert _past(text, _request(name="failed")) == _own(Phase.FAILED)
    assert [item.metadata.name for item in asked if _past(text, item)] == [
        f"no-{number}" for number in range(12, 60)
    ]


def test_among_requests_that_had_a_plan_the_successful_ones_are_dropped_last() -> None:
    text = _promoted(_plan(_request(name="went")), "champion", None)
    failed = [_request(name=f"failed-{number}") for number in range(60)]

    for item in failed:
        text = _promoted(_plan(item, failure="DeadlineExceeded"), "champion", text)

    assert _past(text, _request(name="went")) is not None
    assert sum(_past(text, item) is not None for item in failed) == 49


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

    promoted = _promoted(_plan(_request(name="p" * 253), **long), "champion", None)
    replaced = _replaced(_plan(_request(name="q" * 253), **long), "champion", status, promoted)
    refused = _ended(
        replaced, _request(name="late"), Phase.REJECTED, Reason.GATES_FAILED, long["verdict"], START
    )
    assert replaced is not None
    assert refused is not None

    assert [len(text) < 5_000 for text in (promoted, replaced, refused)] == [True] * 3
    assert _was_held(promoted)
    assert {"operation", "archived", "done"} <= set(json.loads(refused))
    assert all(_past(refused, item) for item in asked)
    assert json.loads(replaced)["archived"]["replacedBy"] == "2"


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_a_shortened_record_is_not_written_again(words: str) -> None:
    plan = _plan(_request(), reason=words, verdict=_gates(20, "m" * 150), approvers=("u" * 512,) * 4)
    other, found = _request(OTHER_UID, name="late"), _gates(20, "m" * 140)

    promoted = _promoted(plan, "champion", None)
    replaced = _replaced(plan, "champion", ModelAliasStatus(), promoted)
    refused = _ended(replaced, other, Phase.REJECTED, Reason.GATES_FAILED, found, START)

    assert _promoted(plan, "champion", promoted) == promoted
    assert _replaced(plan, "champion", ModelAliasStatus(), replaced) is None
    assert _replaced(plan, "champion", ModelAliasStatus(), refused) is None
    assert (
        _ended(refused, other, Phase.REJECTED, Reason.GATES_FAILED, found, START + timedelta(days=1)) is None
    )


def test_findings_go_before_reasons_and_reasons_before_results() -> None:
    plan = _plan(_request(), reason="r" * 1024, verdict=_gates(20, "m" * 150))
    many = _plan(_request(), reason="r" * 1024, verdict=_gates(60, "m" * 20))
    before: str | None = None
    for number in range(35):
        before = _ended(before, _request(name=f"no-{number}"), Phase.EXPIRED, Reason.EXPIRED, None, START)

    told = json.loads(_promoted(plan, "champion", None))
    short = json.loads(_promoted(many, "champion", before))

    assert told["reason"] == "r" * 1024
    assert told["verdict"]["gates"][0] == {"name": "gate-0", "result": "Passed"}
    assert short["reason"] == "r" * 200 + "…"
    assert len(short["verdict"]["gates"]) == 60


def test_a_long_record_of_another_release_is_still_read() -> None:
    kept = {**_told(_promoted(_plan(_request()), "champion", None)), "reason": "模" * 15_000}
    seal = Seal(registry="default", cluster=NOTARY.cluster, key=NOTARY.key, signature="")
    signature = b64encode(NOTARY.sign(message_of(PLACE, seal, kept))).decode()
    long = json.dumps({**kept, "signed": seal.changed(signature=signature).model_dump()})

    text = _ended(long, _request(OTHER_UID, name="late"), Phase.REJECTED, Reason.NO_OP, None, START)

    assert len(long) > 90_000
    assert _past(long, _request()) is not None
    assert text is not None
    assert _past(text, _request()) is not None
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

    text = _replaced(_plan(_request()), "champion", ModelAliasStatus(history=(entry, other)), None)

    assert _past(text, _request(name="same")) == _own(Phase(str(outcome)))
    assert _past(text, _request(name="aside")) is None


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

    text = _replaced(_plan(_request()), "champion", ModelAliasStatus(history=(entry,)), None)

    assert _past(text, _request(name="lost")) == _own(Phase.FAILED)


def test_only_the_plan_that_replaced_a_version_takes_that_back() -> None:
    plan, before = _plan(_request()), _promoted(_plan(_request(name="first")), "champion", None)
    replaced = _replaced(plan, "champion", ModelAliasStatus(), before)

    assert _not_replaced(plan, replaced) == before
    assert _not_replaced(plan, before) is None
    assert _not_replaced(_plan(started_at=START + timedelta(hours=1)), replaced) is None


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
    text = _ended(json.dumps(foreign), _request(), Phase.REJECTED, Reason.NO_OP, None, START)

    assert text is not None
    assert len(text.encode()) < 20_000
    assert _past(text, _request()) is not None


def test_the_key_fits_the_longest_alias() -> None:
    keys = {tag_key("a" * 254 + letter) for letter in "xy"}

    assert tag_key("champion") == "modelalias.champion"
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
    assert _past(text, _request()) is None
    assert _ended(text, _request(), Phase.EXPIRED, Reason.EXPIRED, None, START) is not None
    assert json.loads(_promoted(_plan(_request()), "champion", text))["operation"] == "Promote"


@given(st.data())
def test_no_change_of_a_signed_record_proves_anything_else(data: st.DataObject) -> None:
    text = _promoted(_plan(_request(), actor="ana", reason="better"), "champion", None)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, min(len(text), start + 5)))
    changed = text[:start] + data.draw(st.text(max_size=5)) + text[end:]

    assert parse(changed).parts in ({}, parse(text).parts)


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_a_signed_record_proves_nothing_in_any_other_place(
    registry: str, model: str, alias: str, version: str
) -> None:
    place = Place(registry=registry, model=model, alias=alias, version=version)
    text = _promoted(_plan(_request()), "champion", None)

    assert place == PLACE or read(NOTARY, place, text).parts == {}


def test_five_long_promotions_fit_and_each_keeps_who_and_on_which_evidence() -> None:
    text: str | None = None
    for number in range(5):
        plan = _plan(
            _request(name=f"go-{number}"),
            actor=f"person-{number}",
            reason="r" * 1_024,
            approvers=("bo", "cy"),
            evidence=f"sha256:{number:064x}",
            started_at=START + timedelta(days=number),
            verdict=_gates(20, "m" * 100),
        )
        text = _promoted(plan, "champion", text)
        assert _promoted(plan, "champion", text) == text

    told = _told(text or "")
    kept = [told, *reversed(told["earlier"])]
    assert len(text or "") < 5_000
    assert [item["approvers"] for item in kept] == [["bo", "cy"]] * 5
    assert [(item["by"], item["request"], item["evidence"], item["outcome"]) for item in kept] == [
        (f"person-{number}", f"go-{number}", f"sha256:{number:064x}", "Succeeded")
        for number in range(4, -1, -1)
    ]
