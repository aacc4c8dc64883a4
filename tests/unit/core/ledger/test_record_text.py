"""Whatever stands in the tag of a record is read without harm, kept, and written within its room."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.api.alias import AliasMove, FinishedRequest, ModelAliasStatus, Operation, Plan, RequestRef
from modelalias.api.conditions import Reason
from modelalias.api.metadata import Metadata
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.ledger.record_text import fit, parse_parts
from modelalias.core.ledger.version_record import VersionRecord
from tests.support.harness import START
from tests.support.world import request_spec

ROOM = 5_000
MOVE = ("at", "operation", "from", "request", "by", "evidence", "reason", "approvers")
PARTS = ("outcome", "verdict", "rolledBack", "again", "earlier", "archived", "refused", "done")
OURS = (*MOVE, *PARTS, "gates", "eligibility", "replacedBy")
MOVES = (AliasMove(name="champion", from_="1", to="2"),)
REQUEST = PromotionRequest(metadata=Metadata(name="go", namespace="ml", uid="7" * 36), spec=request_spec("2"))
PLAN = Plan(operation=Operation.PROMOTE, aliases=MOVES, started_at=START, actor="ana")


def parse(text: str | None) -> VersionRecord:
    """Read what a proved tag would hold."""
    return VersionRecord(parts=parse_parts(text or "") or {})


_any_text = st.text(st.characters(categories=None))
"""Text with halves of surrogate pairs in it, as JSON can hold it."""
_long = st.sampled_from(["x" * 400, "x" * 6_000, "\x01" * 2_000, "\ud800" * 3_000])
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _any_text | _long,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(OURS) | st.text(), inner, max_size=4)
    ),
    max_leaves=8,
)
_ended = st.dictionaries(
    st.text() | st.text("0123456789abcdef", min_size=20, max_size=20), _any_text | _values
)
_parts = st.dictionaries(st.sampled_from(OURS) | st.text(), _values, max_size=8)
_records = st.builds(
    lambda parts, ended: VersionRecord(parts={**parts, **({"done": ended} if ended else {})}), _parts, _ended
)
_foreign = st.dictionaries(st.text().filter(lambda name: name not in OURS), st.text(max_size=20), max_size=5)


def _with_end(record: VersionRecord) -> VersionRecord:
    return record.with_end(REQUEST, Phase.REJECTED, Reason.GATES_FAILED, '{"gates":[]}', START)


@given(_records)
def test_what_was_fitted_into_its_room_stays_as_it_is(record: VersionRecord) -> None:
    text = fit(record)

    assert fit(parse(text)) == text
    assert "\n" not in text


@given(_records)
def test_what_decides_is_the_same_after_fitting(record: VersionRecord) -> None:
    read = parse(fit(record))

    assert read.ended == record.ended
    assert read.was_held == record.was_held


@given(_foreign, _foreign)
def test_what_a_newer_release_wrote_stays_where_it_is(before: dict[str, str], after: dict[str, str]) -> None:
    own = VersionRecord().with_promotion(PLAN, "champion").parts
    parts = {**before, **own, **after}

    ended = _with_end(VersionRecord(parts=parts))
    replaced = ended.replaced_by(PLAN, "champion", ModelAliasStatus())
    restored = replaced.without_replacement(PLAN)

    assert list(json.loads(fit(replaced))) == [*parts, "done", "refused", "archived"]
    assert {**before, **after}.items() <= json.loads(fit(replaced)).items()
    assert fit(restored) == fit(ended)


@given(_records)
def test_a_step_that_is_taken_again_adds_nothing(record: VersionRecord) -> None:
    ended = _with_end(record)
    replaced = parse(fit(ended.replaced_by(PLAN, "champion", ModelAliasStatus())))

    assert _with_end(ended) == ended
    assert _with_end(parse(fit(ended))) == parse(fit(ended))
    assert replaced.replaced_by(PLAN, "champion", ModelAliasStatus()) == replaced


@given(
    st.sampled_from(["", "a", "模", "\x01", '"', "\U0001f600"]),
    st.integers(0, 1_024),
    st.integers(0, 16),
    st.integers(0, 60),
    st.integers(0, 50),
)
def test_what_we_write_fits_whatever_its_length(
    letter: str, length: int, approvers: int, gates: int, remembered: int
) -> None:
    words = letter * length
    found = json.dumps({"gates": [{"name": f"gate-{n}", "result": "Passed"} for n in range(gates)]})
    plan = PLAN.changed(
        request=RequestRef(name="q" * 253, uid="7" * 36),
        spec_hash=REQUEST.spec_hash,
        reason=words,
        approvers=("u" * 512,) * approvers,
        verdict=found,
        turned_at=START,
        failure="F" * 64,
    )
    finished = (
        FinishedRequest(spec_hash=f"sha256:{n:064x}"[::-1], uid="7" * 36, phase=Phase.SUCCEEDED, version="1")
        for n in range(remembered)
    )

    promoted = VersionRecord().with_promotion(plan, "champion")
    replaced = promoted.replaced_by(plan, "champion", ModelAliasStatus(finished=tuple(finished)))
    refused = replaced.with_end(REQUEST, Phase.REJECTED, Reason.GATES_FAILED, found, START)

    assert [len(fit(record)) < ROOM for record in (promoted, replaced, refused)] == [True] * 3


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[1]",
        "null",
        '{"archived": ' * 50_000,
        "[" * 50_000 + "]" * 50_000,
        '{"number": ' + "1" * 5_000 + "}",
        json.dumps({"note": "x" * 100_000}),
    ],
    ids=["none", "empty", "broken", "list", "null", "nested", "nested-lists", "number", "longer-than-a-tag"],
)
def test_a_tag_that_holds_no_record_is_an_empty_one(text: str | None) -> None:
    assert parse(text) == VersionRecord()


@pytest.mark.parametrize(
    "parts",
    [
        {"\ud800": 1, "from_": "1", "rolled_back": True, "parts": {}},
        {"done": [], "archived": [], "refused": 7, "verdict": "gates", "rolledBack": None},
        {"done": {"abc": None, "\ud800": "Succeeded", "abd": "Succeeded\n", "abe": "S" * 31}},
        {"archived": {"\ud800": "\ud800", "at": {}, "request": []}},
        {"limit": float("inf"), "operation": None, "from": 1},
    ],
    ids=["names", "kinds", "ends", "nested", "numbers"],
)
def test_a_part_that_is_not_ours_is_kept_and_not_believed(parts: dict[str, Any]) -> None:
    record = parse(json.dumps(parts))

    ended = _with_end(record).replaced_by(
        PLAN.changed(started_at=START + timedelta(hours=1)), "champion", ModelAliasStatus()
    )

    assert record.ended == {}
    assert record.parts == parts
    assert record.replacement.get("at") != "2026-01-01T12:00:00Z"
    assert set(json.loads(json.dumps(parts).replace("\\ud800", "?"))) <= set(json.loads(fit(ended)))
    assert list(ended.ended.values()) == ["Rejected 77777777"]
