"""Acknowledging drift from the command line: what is written, what is left alone, and what is said to follow."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from modelalias.api.alias import ModelAlias
from modelalias.api.metadata import ACKNOWLEDGE_DRIFT
from modelalias.cli import ack, drift, drift_waiting
from modelalias.cli.main import main
from modelalias.cli.waiting import Ending
from modelalias.core.errors import Refused
from tests.support.cli_cluster import NOW, FakeCluster, condition
from tests.support.standing_clock import StandingClock

NAME = "churn-champion"


def _alias(
    does: str = "Restore", observed: str | None = "4", current: str = "3", reason: str = "", **metadata: Any
) -> dict[str, Any]:
    """Return an alias that the registry names otherwise, unless `observed` is `current`."""
    if not reason:
        reason = "InSync" if observed == current else "MassDrift"
    named = {} if observed is None else {"version": observed}
    message = f"churn@champion is version {observed}"
    return {
        "metadata": {"name": NAME, "namespace": "ml", "uid": "u-1", **metadata},
        "spec": {"model": "churn", "alias": "champion", "drift": does},
        "status": {
            "current": {"version": current, "since": NOW},
            "observed": {**named, "at": NOW, "epoch": 1},
            "conditions": [condition("InSync", str(observed == current), reason, message)],
        },
    }


async def _ack(cluster: FakeCluster, seconds: float = 0) -> tuple[str, Ending]:
    results = await ack.acknowledged(
        cluster, [await cluster.alias(NAME)], "bo", seconds, StandingClock().clock
    )
    [result] = results
    return result.line, result.ending


async def _wait(before: dict[str, Any], *reads: Any) -> tuple[str, Ending]:
    """Wait for what follows while the alias is read like this."""
    cluster = FakeCluster(alias=before)
    alias = await cluster.alias(NAME)
    drifted = drift.of(alias)
    assert drifted is not None
    cluster.said_of_alias = list(reads)
    return await drift_waiting.until_corrected(cluster, alias, drifted, 30, StandingClock().clock)


@pytest.mark.parametrize(
    ("observed", "value"), [("4", "4@1 bo"), (None, "none@1 bo")], ids=["another-version", "no-version"]
)
@pytest.mark.parametrize("annotations", [{}, {"team": "ml"}, {ACKNOWLEDGE_DRIFT: "9 eve"}], ids=str)
async def test_the_version_is_named_that_the_registry_names(
    observed: str | None, value: str, annotations: dict[str, str]
) -> None:
    before = _alias(observed=observed)
    if annotations:
        before["metadata"]["annotations"] = annotations
    cluster = FakeCluster(alias=before)

    await _ack(cluster)

    latest = await cluster.alias(NAME)
    assert latest.metadata.annotations == {**annotations, ACKNOWLEDGE_DRIFT: value}
    assert latest.metadata.acknowledgement == tuple(value.split())


@pytest.mark.parametrize("reason", ["MassDrift", "Drifted", "Contended"])
@pytest.mark.parametrize(
    ("does", "follows"), [("Restore", "it will be restored"), ("Adopt", "it will be adopted")], ids=str
)
async def test_what_follows_is_said(
    does: str, follows: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await _ack(FakeCluster(alias=_alias(does, reason=reason)))

    told = capsys.readouterr().err.splitlines()[0]
    assert told == f"{NAME}: version 4 in place of version 3 acknowledged by bo: {follows}"


async def test_a_drift_that_is_reported_only_is_not_acknowledged() -> None:
    cluster = FakeCluster(alias=_alias("Report", observed=None, reason="Drifted"))

    line, ending = await _ack(cluster)

    assert ending is Ending.NOT_SUCCEEDED
    assert line == (
        f"{NAME}: the registry names no version in place of version 3, and it is reported only (spec.drift: Report)"
    )
    assert cluster.patches == 0


async def test_with_many_at_once_it_is_acknowledged_though_nothing_follows() -> None:
    cluster = FakeCluster(alias=_alias("Report"))
    await _ack(cluster)

    line, ending = await _wait(_alias("Report"), _alias("Report"), _alias("Report", reason="Drifted"))

    assert cluster.patches == 1
    assert ending is Ending.SUCCEEDED
    assert line == (
        f"{NAME}: acknowledged, and reported only: churn@champion is version 4 in place of version 3"
    )


@pytest.mark.parametrize(
    "never", [{"current": None}, {"observed": None}], ids=["nothing-accepted", "not-looked"]
)
async def test_without_drift_nothing_is_written(never: dict[str, None]) -> None:
    unknown = _alias()
    unknown["status"] = {
        key: item for key, item in unknown["status"].items() if key not in never and key != "conditions"
    }

    for alias in (unknown, _alias(observed="3")):
        cluster = FakeCluster(alias=alias)
        assert await _ack(cluster) == (f"{NAME}: there is no drift", Ending.SUCCEEDED)
        assert cluster.patches == 0


async def test_what_another_has_acknowledged_is_only_waited_for() -> None:
    cluster = FakeCluster(alias=_alias(annotations={ACKNOWLEDGE_DRIFT: "4@1 eve"}))

    _, ending = await _ack(cluster)

    assert (ending, cluster.patches) == (Ending.TIMED_OUT, 0)


async def test_a_drift_that_changes_before_the_write_is_acknowledged_as_it_is_now() -> None:
    cluster = FakeCluster(alias=_alias())

    def move(found: dict[str, Any]) -> None:
        found["metadata"].setdefault("annotations", {"team": "ml"})
        found["status"]["observed"]["version"] = "5"

    cluster.before_patch = move

    await _ack(cluster)

    assert cluster.alias_body is not None
    assert cluster.alias_body["metadata"]["annotations"] == {"team": "ml", ACKNOWLEDGE_DRIFT: "5@1 bo"}


@pytest.mark.parametrize(
    ("does", "after", "says"),
    [
        ("Restore", _alias(observed="3"), "restored: churn@champion is version 3"),
        ("Adopt", _alias("Adopt", current="4"), "adopted: churn@champion is version 4"),
    ],
    ids=["restored", "adopted"],
)
async def test_it_ends_once_the_alias_is_in_sync(does: str, after: dict[str, Any], says: str) -> None:
    line, ending = await _wait(_alias(does), _alias(does), _alias(does, reason="Drifted"), after)

    assert (line, ending) == (f"{NAME}: {says}", Ending.SUCCEEDED)


async def test_another_move_is_another_drift() -> None:
    line, ending = await _wait(_alias(), _alias(observed="5"))

    assert ending is Ending.NOT_SUCCEEDED
    assert line == (
        f"{NAME}: somebody moved it meanwhile: churn@champion is version 5 in place of version 3, which has to "
        "be acknowledged anew"
    )


async def test_an_operator_that_does_not_look_is_waited_for_in_vain(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line, ending = await _wait(_alias())

    assert (line, ending) == (f"{NAME}: churn@champion is version 4", Ending.TIMED_OUT)
    assert capsys.readouterr().err == f"timed out after 30 s: the drift of {NAME} has not been corrected\n"


class _Several(FakeCluster):
    """Some aliases, each by its name."""

    def __init__(self, *aliases: dict[str, Any]) -> None:
        super().__init__()
        self.each = {item["metadata"]["name"]: FakeCluster(alias=item) for item in aliases}
        self.refuses: set[str] = set()

    async def alias(self, name: str) -> ModelAlias:
        return await self.each[name].alias(name)

    async def patch_alias(self, name: str, operations: Sequence[Mapping[str, Any]]) -> ModelAlias:
        if name in self.refuses:
            raise Refused(f"may not release modelaliases/{name}")
        return await self.each[name].patch_alias(name, operations)


async def test_one_that_cannot_be_written_keeps_no_other_from_it(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = _Several(_alias(name="a"), _alias(name="b"), _alias(observed="3", name="c"))
    cluster.refuses = {"a"}
    aliases = [await cluster.alias(name) for name in "abc"]
    cluster.each["b"].before_patch = lambda found: found.update(_alias(observed="3", name="b"))

    results = await ack.acknowledged(cluster, aliases, "bo", 30, StandingClock().clock)

    assert [(item.line, item.ending) for item in results] == [
        ("a: not acknowledged", Ending.TIMED_OUT),
        ("b: restored: churn@champion is version 3", Ending.SUCCEEDED),
        ("c: there is no drift", Ending.SUCCEEDED),
    ]
    assert "modelalias: a: may not release modelaliases/a" in capsys.readouterr().err


async def test_all_share_the_time_to_wait() -> None:
    names = "abc"
    cluster, clock = _Several(*(_alias(name=name) for name in names)), StandingClock()

    results = await ack.acknowledged(
        cluster, [await cluster.alias(name) for name in names], "bo", 30, clock.clock
    )

    assert {item.ending for item in results} == {Ending.TIMED_OUT}
    assert clock.now == pytest.approx(30)


@pytest.mark.parametrize("arguments", [(), ("a", "--all")], ids=["neither", "both"])
def test_names_or_all(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ack", *arguments]) == 2

    assert capsys.readouterr().err == "modelalias: name the ModelAliases, or say --all\n"
