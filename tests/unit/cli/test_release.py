"""Releasing a hold from the command line: what is written, and how waiting ends."""

from typing import Any

import pytest

from modelalias.api.alias_status import Hold
from modelalias.api.metadata import PINNED_BY, RELEASE_HOLD
from modelalias.cli import holds, release, said
from modelalias.cli.waiting import Ending
from modelalias.core.errors import InvalidRequest, Unavailable
from tests.support.cli_cluster import FakeCluster, condition
from tests.support.standing_clock import StandingClock

NAME = "churn-champion"
SINCE, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
HOLD = {"reason": "RolledBack", "request": "churn-v4", "since": SINCE}
MESSAGE = "automatic steps are on hold"


def _alias(hold: dict[str, Any] | None = HOLD, **metadata: Any) -> dict[str, Any]:
    status: dict[str, Any] = {"conditions": [condition("Held", "True", "RolledBack", MESSAGE)]}
    return {
        "metadata": {"name": NAME, "namespace": "ml", "uid": "u-1", **metadata},
        "spec": {"model": "churn", "alias": "champion"},
        "status": status if hold is None else {**status, "hold": hold},
    }


async def _say(cluster: FakeCluster) -> tuple[dict[str, str], bool]:
    """Return the annotations after the command's write, and whether it wrote."""
    written, new = await said.say(cluster, await cluster.alias(NAME), lambda it: holds.wanted(it, "bo"))
    return dict(written.metadata.annotations), new is not None


async def _wait(*reads: Any, seconds: float = 60) -> tuple[str, Ending]:
    cluster, clock = FakeCluster(alias=_alias()), StandingClock()
    alias, hold = await cluster.alias(NAME), Hold.model_validate(HOLD)
    cluster.said_of_alias = list(reads)
    text, ending = await release.until_released(cluster, alias, hold, seconds, clock.clock)
    return text, Ending(ending)


@pytest.mark.parametrize(
    "before", [{}, {"team": "ml"}, {RELEASE_HOLD: f"{LATER} eve"}], ids=["never", "annotated", "another-hold"]
)
async def test_the_hold_is_named_by_its_beginning_and_the_writer(before: dict[str, str]) -> None:
    annotations, wrote = await _say(FakeCluster(alias=_alias(**({"annotations": before} if before else {}))))

    assert wrote
    assert annotations == {**before, RELEASE_HOLD: f"{SINCE} bo"}


async def test_what_the_operator_reads_of_it_is_hold_and_writer() -> None:
    cluster = FakeCluster(alias=_alias())
    await _say(cluster)

    signed = (await cluster.alias(NAME)).metadata.release

    assert signed == (SINCE, "bo")


@pytest.mark.parametrize(
    "alias",
    [_alias(None), _alias(annotations={RELEASE_HOLD: f"{SINCE} eve"})],
    ids=["no-hold", "released-by-another"],
)
async def test_what_is_said_already_is_not_written(alias: dict[str, Any]) -> None:
    cluster = FakeCluster(alias=alias)

    _, wrote = await _say(cluster)

    assert (wrote, cluster.patches) == (False, 0)


async def test_annotations_that_somebody_else_adds_meanwhile_are_kept() -> None:
    cluster = FakeCluster(alias=_alias())
    cluster.before_patch = lambda found: found["metadata"].setdefault("annotations", {PINNED_BY: "cy"})

    annotations, _ = await _say(cluster)

    assert annotations == {PINNED_BY: "cy", RELEASE_HOLD: f"{SINCE} bo"}


async def test_a_hold_that_ends_meanwhile_needs_no_release() -> None:
    cluster = FakeCluster(alias=_alias())

    def end(found: dict[str, Any]) -> None:
        found["metadata"]["annotations"] = {"team": "ml"}
        del found["status"]["hold"]

    cluster.before_patch = end

    annotations, wrote = await _say(cluster)

    assert (annotations, wrote) == ({"team": "ml"}, False)


async def test_an_alias_that_was_made_anew_is_not_written() -> None:
    cluster = FakeCluster(alias=_alias())
    cluster.before_patch = lambda found: found["metadata"].update(uid="u-2")

    with pytest.raises(InvalidRequest, match="rejected our request"):
        await _say(cluster)

    assert cluster.patches == 1


async def test_what_is_printed_for_kubectl_is_one_line_of_a_shell() -> None:
    alias = await FakeCluster(alias=_alias()).alias(NAME)
    new = holds.wanted(alias, "o'neil of ml")
    assert new is not None

    assert new.command(alias) == (
        f"kubectl annotate modelaliases.modelalias.dev {NAME} -n ml --overwrite "
        f"""'{RELEASE_HOLD}={SINCE} o'"'"'neil of ml'"""
    )


async def test_it_ends_once_there_is_no_hold() -> None:
    text, ending = await _wait(_alias(), Unavailable("no answer"), _alias(), _alias(None))

    assert ending is Ending.SUCCEEDED
    assert text == f"{NAME}: the hold since {SINCE} (RolledBack) has ended\n"


async def test_another_hold_is_not_the_one_that_was_released() -> None:
    text, ending = await _wait(_alias({**HOLD, "reason": "Breached", "since": LATER}))

    assert ending is Ending.NOT_SUCCEEDED
    assert text.endswith(f"has ended, and another one began at {LATER} (Breached)\n")


async def test_an_operator_that_does_not_look_is_waited_for_in_vain(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text, ending = await _wait(seconds=30)

    assert ending is Ending.TIMED_OUT
    assert text == f"{NAME}: the hold since {SINCE} (RolledBack) goes on: {MESSAGE}\n"
    assert capsys.readouterr().err == f"timed out after 30 s: the hold of {NAME} has not ended\n"


async def test_an_alias_that_is_deleted_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    _, ending = await _wait(None)

    assert ending is Ending.NOT_SUCCEEDED
    assert capsys.readouterr().err == f"ModelAlias {NAME} was deleted\n"
