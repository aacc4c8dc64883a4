"""The ledger, and by what a request is known again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.api.alias import AliasMove, HistoryEntry, NamedVersion, Operation, Outcome, Plan, RequestRef
from modelalias.api.metadata import Metadata
from modelalias.api.request import PromotionRequest
from modelalias.core.ledger import history
from tests.support.harness import START
from tests.support.world import alias_spec, request_spec


def _request(uid: str = "u1", name: str = "go", namespace: str = "ml", **fields: Any) -> PromotionRequest:
    spec = request_spec(None if "source" in fields else "2", **fields)
    return PromotionRequest(metadata=Metadata(name=name, namespace=namespace, uid=uid), spec=spec)


def _entry(request: PromotionRequest, outcome: Outcome = Outcome.SUCCEEDED) -> HistoryEntry:
    return HistoryEntry(
        to="2",
        at=START,
        operation=Operation.PROMOTE,
        outcome=outcome,
        request=request.metadata.name,
        uid=request.metadata.uid,
        spec_hash=request.spec_hash,
    )


def _plan(**fields: Any) -> Plan:
    moves = (AliasMove(name="prev", from_=None, to="1"), AliasMove(name="champion", from_="1", to="2"))
    return Plan(operation=Operation.PROMOTE, aliases=moves, started_at=START, **fields)


def test_the_same_request_has_the_same_hash_whatever_its_uid_its_approvals_and_its_abort() -> None:
    approval = {"user": "bo", "evidence": "sha256:" + 64 * "a", "decision": "Approve"}

    assert _request("u1").spec_hash == _request("u2", approvals=[approval], abort=True).spec_hash


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "other"},
        {"namespace": "other"},
        {"source": {"version": "3"}},
        {"reason": "why"},
        {"dryRun": False},
    ],
    ids=str,
)
def test_what_was_asked_differently_has_another_hash(fields: dict[str, Any]) -> None:
    name = {"name": fields.pop("name")} if "name" in fields else {}
    changed = _request(**fields)
    metadata = changed.metadata.model_copy(update=name)

    assert _request().spec_hash != changed.model_copy(update={"metadata": metadata}).spec_hash


def test_a_hash_survives_the_way_through_json() -> None:
    request = _request(onSuccess={"tags": {"b": "1", "a": "2"}})
    text = request.model_dump_json(by_alias=True, exclude_unset=True)

    assert PromotionRequest.model_validate_json(text).spec_hash == request.spec_hash


def test_its_own_entry_goes_before_that_of_an_earlier_copy() -> None:
    earlier, again = _request("u1"), _request("u2")
    ledger = (_entry(again, Outcome.FAILED), _entry(earlier))

    found = history.finished(ledger, again)

    assert found is not None
    assert found.outcome is Outcome.FAILED


def test_of_several_copies_the_newest_counts_and_others_are_unknown() -> None:
    ledger = (_entry(_request("u1"), Outcome.FAILED), _entry(_request("u2")))

    found = history.finished(ledger, _request("u3"))

    assert found is not None
    assert found.outcome is Outcome.SUCCEEDED
    assert history.finished(ledger, _request("u3", reason="another")) is None


@given(st.integers(1, 50), st.integers(0, 120))
def test_the_ledger_keeps_the_newest_and_no_more(limit: int, count: int) -> None:
    ledger: tuple[HistoryEntry, ...] = ()
    for number in range(count):
        ledger = history.appended(
            ledger, history.adopted(NamedVersion(version=str(number + 1), since=START)), limit
        )

    assert [item.to for item in ledger] == [str(number + 1) for number in range(count)][-limit:]


def test_an_entry_tells_who_moved_what_and_why() -> None:
    plan = _plan(
        request=RequestRef(name="go", uid="u1"),
        actor="ana",
        reason="retrained",
        run_id="r2",
        spec_hash="sha256:1",
    )

    entry = history.entry(plan, alias_spec(), Outcome.SUCCEEDED, START)

    assert (entry.from_, entry.to, entry.operation, entry.outcome) == ("1", "2", "Promote", "Succeeded")
    assert (entry.request, entry.uid, entry.spec_hash) == ("go", "u1", "sha256:1")
    assert (entry.actor, entry.reason, entry.run_id) == ("ana", "retrained", "r2")
