"""Edits: printed for kubectl, and carried out although others write at the same moment."""

import argparse
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from modelalias.api.request import ApprovalDecision, PromotionRequest
from modelalias.cli import abort_edit, approval_entry, edits
from modelalias.cli.approval_entry import Choice
from modelalias.cli.edits import Edit, Filing
from modelalias.core.errors import InvalidRequest
from tests.support.cli_cluster import EVIDENCE, OTHER_EVIDENCE, FakeCluster, approval, body, ended

EDIT = Edit("go", "ml", ({"op": "add", "path": "/spec/abort", "value": True},))


async def _approve(cluster: FakeCluster) -> bool:
    def make(found: PromotionRequest) -> Edit | None:
        return approval_entry.edit(
            found, None, cluster.me, Choice(ApprovalDecision.APPROVE, evidence=EVIDENCE)
        )

    return await edits.carry_out(cluster, await cluster.request("go"), make)


def _adds(approval: Any) -> Callable[[dict[str, Any]], None]:
    """Let somebody else write just before."""

    def write(found: dict[str, Any]) -> None:
        approvals = found["spec"].setdefault("approvals", [])
        if approval not in approvals:
            approvals.append(approval)

    return write


def _change(found: dict[str, Any]) -> None:
    found["status"]["resolved"]["evidence"] = OTHER_EVIDENCE


def _end(found: dict[str, Any]) -> None:
    found["status"].update(ended("Aborted", "stopped"))
    found["spec"]["approvals"] = [approval("cy")]


async def test_who_is_second_to_begin_the_list_adds_to_it() -> None:
    cluster = FakeCluster(body())
    cluster.before_patch = _adds(approval("cy"))

    assert await _approve(cluster)

    assert cluster.found is not None
    assert cluster.found["spec"]["approvals"] == [approval("cy"), approval("bo")]
    assert cluster.patches == 2


async def test_the_same_approval_from_two_windows_is_there_once() -> None:
    cluster = FakeCluster(body())
    cluster.before_patch = _adds(approval("bo", message="from the other window"))

    assert not await _approve(cluster)

    assert cluster.patches == 1


@pytest.mark.parametrize(
    ("meanwhile", "words"),
    [(_change, "the evidence of request go has changed"), (_end, "request go has ended: Aborted, stopped")],
    ids=["judged-again", "ended"],
)
async def test_what_changed_since_it_was_shown_is_not_approved(
    meanwhile: Callable[[dict[str, Any]], None], words: str
) -> None:
    cluster = FakeCluster(body())
    cluster.before_patch = meanwhile

    with pytest.raises(InvalidRequest, match=words):
        await _approve(cluster)


async def test_a_refusal_that_has_another_cause_is_not_tried_again() -> None:
    cluster = FakeCluster(body())

    def refuse(_: object) -> None:
        raise InvalidRequest("a policy says no")

    cluster.before_patch = refuse

    with pytest.raises(InvalidRequest, match=r"^a policy says no$"):
        await _approve(cluster)
    assert cluster.patches == 1


async def test_another_request_of_the_name_is_left_alone() -> None:
    cluster = FakeCluster(body())

    def replace(found: dict[str, Any]) -> None:
        found["metadata"]["uid"] = "u-2"

    cluster.before_patch = replace

    with pytest.raises(InvalidRequest, match="another one was created with its name"):
        await edits.carry_out(cluster, await cluster.request("go"), abort_edit.edit)
    assert "abort" not in (cluster.found or {})["spec"]


def test_yaml_names_the_command_that_takes_it() -> None:
    text = edits.text(EDIT, None)

    assert text.startswith(
        "# kubectl patch promotionrequests.modelalias.dev go -n ml --type=json --patch-file=FILE\n"
    )
    assert yaml.safe_load(text) == [*EDIT.operations]


def test_json_is_the_edit_alone() -> None:
    assert json.loads(edits.text(EDIT, "json")) == [*EDIT.operations]


def test_what_a_person_typed_stays_one_value() -> None:
    text = edits.text(Filing({"reason": "a\n# b: [c]\nd: e"}), "yaml")

    assert yaml.safe_load(text) == {"reason": "a\n# b: [c]\nd: e"}
    assert text.startswith("# kubectl create -f FILE\n")


def test_a_form_without_a_dry_run_is_refused() -> None:
    assert edits.only_prints(argparse.Namespace(output="json", dry_run=True))
    with pytest.raises(InvalidRequest, match=r"^-o json needs --dry-run$"):
        edits.only_prints(argparse.Namespace(output="json", dry_run=False))
