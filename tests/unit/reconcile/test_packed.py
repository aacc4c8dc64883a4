"""What is remembered of objects is what they were, in a fraction of the space."""

from datetime import UTC, datetime
from typing import Any

import pytest

from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.reconcile import packed
from tests.support.fake_objects import FakeObjects
from tests.support.world import alias_spec, request_spec

SINCE = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as a process does."""
    monkeypatch.setattr(packed, "_ALIKE", {})
    packed.unpacked_alias.cache_clear()
    packed.unpacked_request.cache_clear()


def _alias(number: int, *, is_new: bool = False) -> ModelAlias:
    alias = FakeObjects().add_alias("ml", f"risk-{number}", alias_spec(model=f"risk-{number}"))
    if is_new:
        return alias
    conditions: list[Any] = [
        {
            "type": kind,
            "status": "True",
            "reason": "Reachable",
            "message": f"what the condition {kind} says of an alias is a sentence",
            "observedGeneration": 1,
            "lastTransitionTime": SINCE,
        }
        for kind in ("RegistryReachable", "InSync", "RolledOut", "Reconciling", "Stalled", "Ready")
    ]
    return alias.with_status(ModelAliasStatus.model_validate({"phase": "Ready", "conditions": conditions}))


def test_it_is_read_as_it_was_however_many_came_since() -> None:
    seen = [_alias(0, is_new=True), *map(_alias, range(1, 6))]
    kept = [packed.pack(alias) for alias in seen]

    found = [packed.unpacked_alias(text) for text in kept]
    assert [(alias.metadata.name, alias.spec, alias.status) for alias in found] == [
        (alias.metadata.name, alias.spec, alias.status) for alias in seen
    ]


def test_little_is_left_also_where_the_first_was_just_made() -> None:
    """A ModelAlias that was just made has no status; most of what the others say stands in theirs."""
    packed.pack(_alias(0, is_new=True))
    packed.pack(_alias(1))

    alias = _alias(2)

    assert len(packed.pack(alias)) < len(alias.status.model_dump_json(by_alias=True, exclude_unset=True)) / 10


def test_requests_are_like_requests() -> None:
    packed.pack(_alias(0))
    request = FakeObjects().add_request("ml", "next", request_spec("1", name="risk"))

    assert packed.unpacked_request(packed.pack(request)).spec == request.spec
