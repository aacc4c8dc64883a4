"""Pinning from the command line: what is written, what is left alone, and how waiting ends."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from modelalias.api.alias import ModelAlias
from modelalias.api.metadata import PINNED_BY
from modelalias.cli import alias_edit, edits, pin_edit, pin_waiting
from modelalias.cli.waiting import Ending
from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from tests.support.cli_cluster import NOW, FakeCluster, condition
from tests.support.standing_clock import StandingClock

NAME = "churn-champion"


def _alias(version: str | None = None, *, generation: int = 1, **metadata: Any) -> dict[str, Any]:
    pinned = {} if version is None else {"version": version}
    return {
        "metadata": {"name": NAME, "namespace": "ml", "uid": "u-1", "generation": generation, **metadata},
        "spec": {"model": "churn", "alias": "champion", **pinned},
    }


def _signed(by: str, **others: str) -> dict[str, Any]:
    return {PINNED_BY: by, **others}


def _status(current: str | None, *, observed: int = 1, stalled: str = "", **more: Any) -> dict[str, Any]:
    told = stalled or ("version 4" if current else "nothing was promoted yet")
    named = {} if current is None else {"current": {"version": current, "since": NOW}}
    return {
        **named,
        "observedGeneration": observed,
        "phase": "Stalled" if stalled else "Ready",
        "conditions": [
            condition("Ready", "False" if stalled else "True", "Told", told),
            condition("Stalled", "True" if stalled else "False", "Told", stalled),
        ],
        **more,
    }


async def _pin(cluster: FakeCluster, version: str = "4") -> ModelAlias | None:
    alias = await cluster.alias(NAME)
    return await alias_edit.carry_out(
        cluster, alias, lambda found: pin_edit.pin(found, version, cluster.me.user), pin_edit.must_agree
    )


async def _unpin(cluster: FakeCluster) -> ModelAlias | None:
    alias = await cluster.alias(NAME)
    return await alias_edit.carry_out(cluster, alias, pin_edit.unpin, pin_edit.must_agree)


@pytest.mark.parametrize(
    "before",
    [
        _alias(),
        _alias("3"),
        _alias(annotations={"team": "ml"}),
        _alias("3", annotations=_signed("cy", team="ml")),
    ],
    ids=["never", "unsigned", "annotated", "signed-by-another"],
)
async def test_the_pin_is_set_and_signed_and_nothing_else_is_changed(before: dict[str, Any]) -> None:
    cluster = FakeCluster(alias=before)

    pinned = await _pin(cluster)

    assert pinned is not None
    assert (pinned.spec.version, pinned.metadata.pinned_by) == ("4", "bo")
    others = {key: value for key, value in pinned.metadata.annotations.items() if key != PINNED_BY}
    assert others == {
        key: value for key, value in before["metadata"].get("annotations", {}).items() if key != PINNED_BY
    }


@pytest.mark.parametrize("annotations", [_signed("cy"), {}], ids=["signed", "unsigned"])
async def test_the_signature_goes_with_the_pin(annotations: dict[str, Any]) -> None:
    cluster = FakeCluster(alias=_alias("4", annotations={**annotations, "team": "ml"}))

    unpinned = await _unpin(cluster)

    assert unpinned is not None
    assert unpinned.spec.version is None
    assert unpinned.metadata.annotations == {"team": "ml"}


async def test_what_is_so_already_is_not_written() -> None:
    pinned, free = FakeCluster(alias=_alias("4", annotations=_signed("cy"))), FakeCluster(alias=_alias())

    assert await _pin(pinned) is None
    assert await _unpin(free) is None

    assert (pinned.patches, free.patches) == (0, 0)


def _pins(version: str | None) -> Callable[[dict[str, Any]], None]:
    """Let somebody else pin, or unpin, just before."""

    def write(found: dict[str, Any]) -> None:
        found["spec"].pop("version", None)
        if version is not None:
            found["spec"]["version"] = version
            found["metadata"]["annotations"] = _signed("eve")

    return write


@pytest.mark.parametrize("change", [_pin, _unpin], ids=["pin", "unpin"])
@pytest.mark.parametrize(
    ("meanwhile", "says"), [("5", "pinned to version 5 by eve"), (None, "not pinned")], ids=["other", "none"]
)
async def test_a_pin_that_somebody_else_changed_is_left_as_it_is(
    change: Callable[[FakeCluster], Any], meanwhile: str | None, says: str
) -> None:
    cluster = FakeCluster(alias=_alias("3"))
    cluster.before_patch = _pins(meanwhile)

    with pytest.raises(InvalidRequest, match=f"changed the pin meanwhile: {NAME} is {says}"):
        await change(cluster)

    assert cluster.patches == 1
    assert cluster.alias_body is not None
    assert cluster.alias_body["spec"].get("version") == meanwhile


async def test_annotations_that_somebody_else_adds_meanwhile_are_kept() -> None:
    cluster = FakeCluster(alias=_alias())
    cluster.before_patch = lambda found: found["metadata"].setdefault("annotations", {"team": "ml"})

    pinned = await _pin(cluster)

    assert pinned is not None
    assert pinned.metadata.annotations == {"team": "ml", PINNED_BY: "bo"}
    assert cluster.patches == 2


async def test_an_alias_that_was_made_anew_is_not_pinned() -> None:
    cluster = FakeCluster(alias=_alias())
    cluster.before_patch = lambda found: found["metadata"].update(uid="u-2")

    with pytest.raises(InvalidRequest, match="rejected our request"):
        await _pin(cluster)


@pytest.mark.parametrize("version", ["", "0", "04", "latest", "4 ", "1e3", 19 * "9"])
async def test_what_is_no_version_is_refused_before_it_is_sent(version: str) -> None:
    cluster = FakeCluster(alias=_alias())

    with pytest.raises(InvalidRequest, match="is not a version of a model"):
        await _pin(cluster, version)

    assert cluster.patches == 0


async def test_what_is_printed_is_what_is_carried_out() -> None:
    cluster = FakeCluster(alias=_alias("3"))
    edit = pin_edit.pin(await cluster.alias(NAME), "4", "bo")
    assert edit is not None

    text = edits.text(edit, None)
    body = edits.text(edit, "json")

    assert text.startswith(f"# kubectl patch modelaliases.modelalias.dev {NAME} -n ml --type=json")
    assert yaml.safe_load(text) == json.loads(body) == edit.body
    assert edit.body[:2] == [
        {"op": "test", "path": "/metadata/uid", "value": "u-1"},
        {"op": "test", "path": "/spec/version", "value": "3"},
    ]


async def _wait(*reads: Any, seconds: float = 60) -> tuple[Ending, str, list[str]]:
    """Wait for a pin to version 4 while the alias is read like this; return what was said at the end."""
    cluster, told = FakeCluster(alias=_alias("4", generation=2)), list[str]()
    pinned = await cluster.alias(NAME)
    cluster.said_of_alias = list(reads)
    latest, ending = await pin_waiting.until_taken(
        cluster, pinned, seconds, told.append, StandingClock().clock
    )
    return ending, pin_waiting.conclusion(latest, pinned), told


def _seen(version: str | None = "4", **status: Any) -> dict[str, Any]:
    return {**_alias(version, generation=2), "status": _status(**status)}


PLAN = {"operation": "Pin", "aliases": [{"name": "champion", "from": "3", "to": "4"}], "startedAt": NOW}


async def test_a_pin_ends_once_the_operator_has_carried_it_out() -> None:
    ending, says, _ = await _wait(
        _seen(current="3", observed=1),
        _seen(current="3", observed=2, plan=PLAN),
        _seen(current="4", observed=2, plan=PLAN),
        _seen(current="4", observed=2),
    )

    assert (ending, says) == (Ending.SUCCEEDED, "churn@champion is version 4")


async def test_what_the_status_said_of_the_pin_before_does_not_count() -> None:
    ending, *_ = await _wait(
        _seen(current="4", observed=1),
        _seen(current="3", observed=1, stalled="the pin of version 9 is refused"),
        _seen(current="4", observed=2),
    )

    assert ending is Ending.SUCCEEDED


async def test_a_refusal_ends_it_with_its_sentence() -> None:
    why = "the pin of version 4 is refused: gate auc: val_auc 0.7 is not >= 0.8"

    ending, says, told = await _wait(_seen(current="3", observed=2, stalled=why))

    assert (ending, says) == (Ending.NOT_SUCCEEDED, why)
    assert told == [f"Stalled: {why}"]


@pytest.mark.parametrize(
    ("version", "says"), [("5", "is pinned to version 5"), (None, "is not pinned")], ids=["other", "none"]
)
async def test_a_pin_that_is_changed_ends_the_waiting(version: str | None, says: str) -> None:
    ending, told, _ = await _wait(_seen(version, current="3", observed=2))

    assert ending is Ending.NOT_SUCCEEDED
    assert told == f"somebody changed the pin meanwhile: {NAME} {says}"


async def test_an_operator_that_does_not_look_is_waited_for_in_vain() -> None:
    ending, _, told = await _wait(seconds=30)

    assert ending is Ending.TIMED_OUT
    assert told == [f"timed out after 30 s: the pin of {NAME} has not been taken yet"]


async def test_lost_connections_and_old_credentials_do_not_end_it() -> None:
    ending, _, told = await _wait(
        Unavailable("no answer"), Unavailable("no answer"), Refused("expired"), _seen(current="4", observed=2)
    )

    assert ending is Ending.SUCCEEDED
    assert told.count("no answer; trying again") == 1


@pytest.mark.parametrize(
    ("read", "says"),
    [
        (None, "was deleted"),
        ({**_alias("4", uid="u-2")}, "was deleted, and another one was created with its name"),
    ],
    ids=["gone", "made-anew"],
)
async def test_an_alias_that_is_deleted_ends_it(read: Any, says: str) -> None:
    ending, _, told = await _wait(read)

    assert ending is Ending.NOT_SUCCEEDED
    assert told == [f"ModelAlias {NAME} {says}"]
