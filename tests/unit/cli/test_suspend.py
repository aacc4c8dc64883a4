"""Suspending and resuming from the command line: what is written, and what is left alone."""

import json
from typing import Any

import pytest
import yaml

from modelalias.api.alias import ModelAlias
from modelalias.cli import alias_edit, edits, suspend_edit
from modelalias.core.errors import InvalidRequest
from tests.support.cli_cluster import FakeCluster

NAME = "churn-champion"


def _alias(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": NAME, "namespace": "ml", "uid": "u-1"},
        "spec": {"model": "churn", "alias": "champion", **spec},
    }


async def _carry_out(cluster: FakeCluster, make: alias_edit.Make) -> ModelAlias | None:
    return await alias_edit.carry_out(cluster, await cluster.alias(NAME), make)


@pytest.mark.parametrize("spec", [{}, {"suspend": False}], ids=["never-said", "said"])
async def test_it_is_suspended_and_nothing_else_is_changed(spec: dict[str, Any]) -> None:
    cluster = FakeCluster(alias=_alias(version="4", **spec))

    suspended = await _carry_out(cluster, suspend_edit.suspend)

    assert suspended is not None
    assert cluster.alias_body == _alias(version="4", suspend=True)


async def test_what_is_resumed_says_nothing_of_it_any_more() -> None:
    cluster = FakeCluster(alias=_alias(suspend=True))

    resumed = await _carry_out(cluster, suspend_edit.resume)

    assert resumed is not None
    assert cluster.alias_body == _alias()


async def test_what_is_so_already_is_not_written() -> None:
    suspended, free = FakeCluster(alias=_alias(suspend=True)), FakeCluster(alias=_alias(suspend=False))

    assert await _carry_out(suspended, suspend_edit.suspend) is None
    assert await _carry_out(free, suspend_edit.resume) is None

    assert (suspended.patches, free.patches) == (0, 0)


async def test_what_somebody_else_did_meanwhile_is_not_done_again() -> None:
    cluster = FakeCluster(alias=_alias())
    cluster.before_patch = lambda found: found["spec"].update(suspend=True)

    assert await _carry_out(cluster, suspend_edit.suspend) is None

    assert cluster.patches == 1


async def test_an_alias_that_was_made_anew_is_not_suspended() -> None:
    cluster = FakeCluster(alias=_alias())
    cluster.before_patch = lambda found: found["metadata"].update(uid="u-2")

    with pytest.raises(InvalidRequest, match="rejected our request"):
        await _carry_out(cluster, suspend_edit.suspend)

    assert cluster.alias_body is not None
    assert "suspend" not in cluster.alias_body["spec"]


@pytest.mark.parametrize(
    ("spec", "stands"), [({}, None), ({"suspend": False}, False)], ids=["never-said", "said"]
)
async def test_what_is_printed_names_what_it_replaces(spec: dict[str, Any], stands: bool | None) -> None:
    edit = suspend_edit.suspend(ModelAlias.model_validate(_alias(**spec)))
    assert edit is not None

    text = edits.text(edit, None)

    assert text.startswith(f"# kubectl patch modelaliases.modelalias.dev {NAME} -n ml --type=json")
    assert yaml.safe_load(text) == json.loads(edits.text(edit, "json")) == edit.body
    assert edit.body == [
        {"op": "test", "path": "/metadata/uid", "value": "u-1"},
        {"op": "test", "path": "/spec/suspend", "value": stands},
        {"op": "add", "path": "/spec/suspend", "value": True},
    ]
