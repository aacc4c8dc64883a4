"""Objects and events as the API server writes them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from modelalias.adapters.kubernetes_objects import event_body, parse_alias, parse_request, status_patch
from modelalias.api.alias_status import Hold, ModelAliasStatus
from modelalias.api.metadata import Metadata
from modelalias.core.errors import InvalidRequest
from modelalias.ports import EventType, Involved

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
EXTRA = "Extra inputs are not permitted"
ABOUT = Involved(api_version="apps/v1", kind="Deployment", namespace="ml", name="api", uid="u-1")


def alias_body(**changes: Any) -> Mapping[str, Any]:
    metadata = {
        "name": "churn",
        "namespace": "ml",
        "uid": "u",
        "resourceVersion": "7",
        "generation": 2,
        "labels": {"a": "b"},
        "creationTimestamp": "2026-11-21T12:00:00Z",
        "managedFields": [{"manager": "kubectl"}],
        "ownerReferences": [],
    }
    spec = {"model": "churn", "alias": "champion"}
    return {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": "ModelAlias",
        "metadata": metadata,
        "spec": spec,
        **changes,
    }


def test_metadata_that_we_do_not_know_is_passed_over() -> None:
    alias = parse_alias(alias_body())

    assert (alias.metadata.resource_version, alias.metadata.generation, alias.spec.model) == ("7", 2, "churn")


def test_status_of_a_newer_release_is_passed_over() -> None:
    alias = parse_alias(alias_body(status={"observedGeneration": 2, "somethingNew": {"a": 1}}))

    assert alias.status == ModelAliasStatus(observed_generation=2)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (alias_body(spec={"model": "churn"}), "ModelAlias ml/churn is not valid: spec.alias: Field required"),
        (
            alias_body(spec={"model": "churn", "alias": "champion", "modle": 1}),
            f"ModelAlias ml/churn is not valid: spec.modle: {EXTRA}",
        ),
        ({}, "ModelAlias / is not valid: metadata: Field required; spec: Field required"),
        (
            alias_body(spec={"a": 1, "b": 1, "c": 1, "d": 1, "model": "m", "alias": "x"}),
            (
                f"ModelAlias ml/churn is not valid: spec.a: {EXTRA}; spec.b: {EXTRA}; spec.c: {EXTRA} (and "
                "1 more)"
            ),
        ),
    ],
    ids=["field missing", "unknown field", "empty", "many faults"],
)
def test_an_object_that_does_not_fit_says_where(body: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        parse_alias(body)

    assert str(raised.value) == message


@pytest.mark.parametrize("metadata", [None, 3, [], {"name": 1}], ids=["none", "number", "list", "wrong name"])
def test_an_object_of_another_shape_is_refused(metadata: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^ModelAlias .* is not valid: metadata"):
        parse_alias(alias_body(metadata=metadata))


def test_a_value_that_does_not_fit_is_not_repeated() -> None:
    with pytest.raises(InvalidRequest) as raised:
        parse_request(
            alias_body(
                kind="PromotionRequest", spec={"aliasRef": {"name": "hunter2!"}, "source": {"version": "4"}}
            )
        )

    assert "spec.aliasRef.name" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_status_patch_is_tied_to_what_was_seen_and_leaves_none_out() -> None:
    seen = Metadata(name="churn", namespace="ml", resource_version="7")
    status = ModelAliasStatus(observed_generation=2, plan=None, hold=Hold(reason="RolledBack", since=NOW))

    first, second = status_patch(seen, status)

    assert first == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    assert (second["op"], second["path"]) == ("add", "/status")
    assert "plan" not in second["value"]
    assert second["value"]["hold"] == {"reason": "RolledBack", "since": "2026-11-21T12:00:00Z"}


def event(
    reason: str = "Promoted", message: str = "3 to 4", now: datetime = NOW, about: Involved = ABOUT
) -> Mapping[str, Any]:
    return event_body(about, EventType.NORMAL, reason, message, now=now, identity="pod-1")


def name(body: Mapping[str, Any]) -> str:
    return str(body["metadata"]["name"])


def test_the_same_event_has_the_same_name_and_others_have_others() -> None:
    others = [
        event(reason="RolledBack"),
        event(message="3 to 5"),
        event(now=NOW + timedelta(milliseconds=1)),
        event(about=ABOUT.model_copy(update={"uid": "u-2"})),
    ]

    assert event() == event()
    assert len({name(event()), *(name(item) for item in others)}) == 5


def test_an_event_tells_its_time_in_utc() -> None:
    berlin = NOW.astimezone(timezone(timedelta(hours=1)))

    assert event(now=berlin) == event()
    assert event()["lastTimestamp"] == "2026-11-21T12:00:00Z"


def test_an_event_keeps_the_limits_of_the_api_server() -> None:
    long = event(
        reason="R" * 300,
        message="ä" * 2000,
        about=ABOUT.model_copy(update={"name": "a" * 235 + "." + "b" * 17}),
    )

    assert len(name(long)) <= 253
    assert ".." not in name(long)
    assert len(long["reason"]) == 128
    assert len(long["message"].encode()) <= 1024
    assert long["message"].endswith("ä...")
