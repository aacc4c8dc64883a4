"""What the engine may rely on when it reads objects and writes status, on the fake and on a real API server."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from modelalias.adapters.kubernetes_objects import KubernetesObjects
from modelalias.api.alias import ModelAlias, ModelAliasSpec
from modelalias.api.alias_status import AliasPhase, ModelAliasStatus
from modelalias.api.conditions import Condition, Status
from modelalias.api.plan import AliasMove, Operation, Plan
from modelalias.api.promotion_policy import ClusterPromotionPolicySpec, PolicyKind, PromotionPolicySpec
from modelalias.api.request import PromotionRequest, PromotionRequestSpec
from modelalias.api.request_status import Phase, PromotionRequestStatus
from modelalias.core.errors import InvalidRequest, Refused, StaleObject, Unavailable
from modelalias.ports import EventType, GivenPolicy, Involved, Objects
from modelalias.rest import FIELD_MANAGER
from tests.support.fake_objects import OPERATOR, FakeObjects
from tests.support.installation import install_crds, install_policy
from tests.support.kube_api import KubeApi, Person
from tests.support.raw_api import RawApi, connection_as, raw_api
from tests.support.team import Team

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
UNSEEN = ModelAliasStatus(observed_generation=-1)
API = "/apis/modelalias.dev/v1alpha1"


class World(Protocol):
    """An API server with users on it."""

    namespace: str
    objects: Objects

    async def add_alias(self, name: str) -> None: ...

    async def add_request(self, name: str) -> None: ...

    async def touch(self, name: str) -> None: ...

    async def delete_alias(self, name: str) -> None: ...

    async def delete_request(self, name: str) -> None: ...

    async def user(self) -> str: ...

    async def put_policy(self, name: str, spec: Mapping[str, Any], *, cluster: bool = False) -> None: ...

    async def delete_policy(self, name: str, *, cluster: bool = False) -> None: ...


class FakeWorld:
    namespace = "ml"

    def __init__(self) -> None:
        self.fake = FakeObjects()
        self.objects: Objects = self.fake

    async def add_alias(self, name: str) -> None:
        self.fake.add_alias(self.namespace, name, ModelAliasSpec(model="churn", alias="champion"))

    async def add_request(self, name: str) -> None:
        self.fake.add_request(self.namespace, name, PromotionRequestSpec.model_validate(request_spec()))

    async def touch(self, name: str) -> None:
        self.fake.annotate_alias(self.namespace, name, touched="yes")

    async def delete_alias(self, name: str) -> None:
        self.fake.delete_alias(self.namespace, name)

    async def delete_request(self, name: str) -> None:
        self.fake.remove_request(self.namespace, name)

    async def user(self) -> str:
        return OPERATOR

    async def put_policy(self, name: str, spec: Mapping[str, Any], *, cluster: bool = False) -> None:
        model = ClusterPromotionPolicySpec if cluster else PromotionPolicySpec
        self.fake.put_policy(name, model.model_validate(spec), "" if cluster else self.namespace)

    async def delete_policy(self, name: str, *, cluster: bool = False) -> None:
        self.fake.delete_policy(name, "" if cluster else self.namespace)


class RealWorld:
    def __init__(self, api: RawApi, objects: Objects, namespace: str) -> None:
        self.api = api
        self.objects = objects
        self.namespace = namespace

    async def add_alias(self, name: str) -> None:
        await self._create("modelaliases", "ModelAlias", name, {"model": "churn", "alias": "champion"})

    async def add_request(self, name: str) -> None:
        await self._create(
            "promotionrequests", "PromotionRequest", name, request_spec(await self.api.whoami())
        )

    async def touch(self, name: str) -> None:
        await self.api.merge(
            self.path("modelaliases", name), {"metadata": {"annotations": {"touched": "yes"}}}
        )

    async def delete_alias(self, name: str) -> None:
        await self.api.delete(self.path("modelaliases", name))

    async def delete_request(self, name: str) -> None:
        await self.api.delete(self.path("promotionrequests", name))

    async def user(self) -> str:
        return await self.api.whoami()

    async def put_policy(self, name: str, spec: Mapping[str, Any], *, cluster: bool = False) -> None:
        if not cluster:
            await self._create("promotionpolicies", "PromotionPolicy", name, spec)
            return
        head = {"apiVersion": "modelalias.dev/v1alpha1", "kind": "ClusterPromotionPolicy"}
        body = {**head, "metadata": {"name": name}, "spec": spec}
        await self.api.create(f"{API}/clusterpromotionpolicies", body)

    async def delete_policy(self, name: str, *, cluster: bool = False) -> None:
        path = f"{API}/clusterpromotionpolicies/{name}" if cluster else self.path("promotionpolicies", name)
        await self.api.delete(path)

    def path(self, plural: str, name: str = "") -> str:
        return f"{API}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    async def _create(self, plural: str, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        body = {
            "apiVersion": "modelalias.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        }
        await self.api.create(self.path(plural), body)


@pytest.fixture
async def real(kubeconfig: str, namespace: str) -> AsyncIterator[RealWorld]:
    install_crds(kubeconfig)
    async with raw_api(kubeconfig) as api, connection_as(kubeconfig) as connection:
        yield RealWorld(api, KubernetesObjects(connection, identity="test"), namespace)


@pytest.fixture
def policed(kubeconfig: str) -> None:
    """The admission policies are installed."""
    install_policy(kubeconfig)


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = FakeWorld() if request.param == "fake" else request.getfixturevalue("real")
    return found


def request_spec(user: str = "ana") -> Mapping[str, Any]:
    return {"aliasRef": {"name": "churn"}, "source": {"version": "4"}, "requestedBy": user}


def condition(kind: str, message: str = "") -> Condition:
    return Condition(
        type=kind, status=Status.TRUE, reason="Accepted", message=message, last_transition_time=NOW
    )


def full_status() -> ModelAliasStatus:
    plan = Plan(
        operation=Operation.PROMOTE,
        aliases=(AliasMove(name="champion", from_="3", to="4"),),
        started_at=NOW,
        tags={"a": "b"},
    )
    return ModelAliasStatus(
        observed_generation=1,
        phase=AliasPhase.PROMOTING,
        plan=plan,
        queue=("churn-v5",),
        conditions=(condition("Ready"), condition("InSync", "the registry holds 3")),
    )


async def read_alias(world: World, name: str = "churn") -> ModelAlias:
    alias = await world.objects.alias(world.namespace, name)
    assert alias is not None
    return alias


async def test_what_is_not_there_reads_as_none(world: World) -> None:
    assert await world.objects.alias(world.namespace, "nobody") is None
    assert await world.objects.request(world.namespace, "nobody") is None


async def test_an_object_reads_as_it_was_created(world: World) -> None:
    await world.add_alias("churn")

    alias = await read_alias(world)

    assert (alias.spec.model, alias.spec.alias, alias.status) == ("churn", "champion", UNSEEN)
    assert alias.metadata.uid
    assert alias.metadata.generation == 1
    assert alias.metadata.creation_timestamp is not None


async def test_a_list_has_every_object_of_the_namespaces_that_are_named(world: World) -> None:
    for name in ("b", "a", "c"):
        await world.add_alias(name)
        await world.add_request(f"{name}-v4")

    aliases = [item async for item in world.objects.every_alias((world.namespace,))]
    requests = [item async for item in world.objects.every_request((world.namespace, "kube-system"))]

    assert [item.metadata.name for item in aliases] == ["a", "b", "c"]
    assert [item.metadata.name for item in requests] == ["a-v4", "b-v4", "c-v4"]
    assert [item async for item in world.objects.every_alias(("kube-system",))] == []
    everywhere = [item async for item in world.objects.every_alias(())]
    assert {item.metadata.name for item in everywhere if item.metadata.namespace == world.namespace} == {
        "a",
        "b",
        "c",
    }


GATE = {"name": "auc", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.85}


async def test_policies_are_listed_of_the_namespaces_that_are_named_and_of_the_cluster(world: World) -> None:
    await world.put_policy("team", {"policy": {"gates": [GATE], "pins": "Gated"}})
    mine = f"base-{world.namespace}"
    await world.put_policy(mine, {"appliesTo": {"namespaces": [world.namespace]}}, cluster=True)

    async def listed(*namespaces: str) -> dict[str, GivenPolicy]:
        found = [item async for item in world.objects.every_policy(namespaces)]
        ours = (
            item for item in found if item.metadata.namespace == world.namespace or item.metadata.name == mine
        )
        return {item.metadata.name: item for item in ours}

    found = await listed(world.namespace)
    assert found["team"].id == (PolicyKind.NAMESPACED, world.namespace, "team")
    assert found["team"].spec == PromotionPolicySpec.model_validate(
        {"policy": {"gates": [GATE], "pins": "Gated"}}
    )
    assert found["team"].spec is not None
    assert found["team"].spec.policy.model_fields_set == {"gates", "pins"}, "what was left out is known"
    assert found["team"].applies_to is None
    assert found[mine].id == (PolicyKind.CLUSTER, "", mine)
    applies_to = found[mine].applies_to
    assert applies_to is not None
    assert (applies_to.namespaces, applies_to.models) == ((world.namespace,), ("*",))
    assert found[mine].metadata.uid
    assert int(found[mine].metadata.resource_version) > 0
    assert set(await listed("kube-system")) == {mine}
    await world.delete_policy("team")
    assert set(await listed()) == {mine}
    await world.delete_policy(mine, cluster=True)
    assert await listed() == {}


async def test_a_list_goes_on_over_pages(real: RealWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelalias.adapters.kubernetes_client.PAGE", 2)
    for name in ("a", "b", "c", "d", "e"):
        await real.add_alias(name)

    found = [item.metadata.name async for item in real.objects.every_alias((real.namespace,))]

    assert found == ["a", "b", "c", "d", "e"]


async def test_a_status_reads_as_it_was_written(world: World) -> None:
    await world.add_alias("churn")

    written = await world.objects.write_alias_status(await read_alias(world), full_status())

    assert written.status == full_status()
    assert (await read_alias(world)) == written


async def test_what_a_new_status_leaves_out_is_gone(world: World) -> None:
    await world.add_alias("churn")
    before = await world.objects.write_alias_status(await read_alias(world), full_status())
    ended = full_status().model_copy(
        update={"plan": None, "queue": (), "conditions": (condition("Ready", "done"),)}
    )

    await world.objects.write_alias_status(before, ended)

    assert (await read_alias(world)).status == ended


async def test_each_write_answers_what_the_next_is_based_on(world: World) -> None:
    await world.add_alias("churn")
    alias = await read_alias(world)

    for generation in (1, 2, 3):
        alias = await world.objects.write_alias_status(
            alias, full_status().model_copy(update={"observed_generation": generation})
        )

    assert (await read_alias(world)).status.observed_generation == 3


async def test_a_write_over_a_changed_object_is_a_conflict_and_loses_nothing(world: World) -> None:
    await world.add_alias("churn")
    seen = await read_alias(world)
    await world.objects.write_alias_status(seen, full_status())

    with pytest.raises(StaleObject):
        await world.objects.write_alias_status(seen, ModelAliasStatus())

    assert (await read_alias(world)).status == full_status()


async def test_a_changed_annotation_is_a_conflict_too(world: World) -> None:
    await world.add_alias("churn")
    seen = await read_alias(world)
    await world.touch("churn")

    with pytest.raises(StaleObject):
        await world.objects.write_alias_status(seen, full_status())


async def test_writing_to_a_deleted_object_is_a_conflict(world: World) -> None:
    await world.add_alias("churn")
    seen = await read_alias(world)
    await world.delete_alias("churn")

    with pytest.raises(StaleObject):
        await world.objects.write_alias_status(seen, full_status())


async def test_writing_to_an_object_made_anew_is_a_conflict(world: World) -> None:
    await world.add_alias("churn")
    seen = await read_alias(world)
    await world.delete_alias("churn")
    await world.add_alias("churn")

    with pytest.raises(StaleObject):
        await world.objects.write_alias_status(seen, full_status())

    assert (await read_alias(world)).status == UNSEEN


async def test_the_same_status_again_changes_nothing(world: World) -> None:
    await world.add_alias("churn")
    first = await world.objects.write_alias_status(await read_alias(world), full_status())

    again = await world.objects.write_alias_status(first, full_status())

    assert again == first


async def test_a_status_write_leaves_spec_and_generation_alone(world: World) -> None:
    await world.add_alias("churn")
    before = await read_alias(world)

    after = await world.objects.write_alias_status(before, full_status())

    assert (after.spec, after.metadata.generation, after.metadata.uid) == (
        before.spec,
        1,
        before.metadata.uid,
    )


async def test_an_object_that_was_never_read_is_not_written(world: World) -> None:
    await world.add_alias("churn")
    alias = await read_alias(world)
    unread = alias.model_copy(update={"metadata": alias.metadata.model_copy(update={"resource_version": ""})})

    with pytest.raises(ValueError, match="has no resourceVersion"):
        await world.objects.write_alias_status(unread, full_status())


async def test_a_request_is_written_by_the_same_rules(world: World) -> None:
    await world.add_request("churn-v4")
    seen = await world.objects.request(world.namespace, "churn-v4")
    assert seen is not None
    status = PromotionRequestStatus(
        phase=Phase.PENDING, explanation="waits", conditions=(condition("Resolved"),)
    )

    written = await world.objects.write_request_status(seen, status)

    assert written.status == status
    with pytest.raises(StaleObject):
        await world.objects.write_request_status(seen, status.model_copy(update={"phase": Phase.QUEUED}))
    await world.delete_request("churn-v4")
    with pytest.raises(StaleObject):
        await world.objects.write_request_status(written, status.model_copy(update={"phase": Phase.QUEUED}))


async def test_a_request_is_deleted_only_as_it_was_seen(world: World) -> None:
    await world.add_request("churn-v4")
    first = await world.objects.request(world.namespace, "churn-v4")
    assert first is not None
    written = await world.objects.write_request_status(
        first, PromotionRequestStatus(phase=Phase.PENDING, explanation="waits")
    )
    meta = written.metadata
    where, version = (world.namespace, "churn-v4"), int(meta.resource_version)

    for uid, seen in (
        (meta.uid, int(first.metadata.resource_version)),
        ("00000000-0000-4000-8000-000000000000", version),
    ):
        with pytest.raises(StaleObject):
            await world.objects.delete_request(*where, uid, seen)
    there = await world.objects.request(*where)
    await world.objects.delete_request(*where, meta.uid, version)
    gone = await world.objects.request(*where)
    await world.objects.delete_request(*where, meta.uid, version)

    assert there is not None
    assert gone is None


async def own_spec(world: World, **fields: Any) -> PromotionRequestSpec:
    """Return a request in the name of whoever files it, in which one field has its default value."""
    given = {**request_spec(await world.objects.account()), "skipGates": False, **fields}
    return PromotionRequestSpec.model_validate(given)


async def test_the_account_is_who_the_api_server_says_we_are(world: World) -> None:
    assert await world.objects.account() == await world.user()


async def test_a_request_is_filed_as_it_is_given_and_known_by_the_same_hash(world: World) -> None:
    spec = await own_spec(world, reason="a monitor was breached")

    filed = await world.objects.create_request(world.namespace, "churn-auto-4", spec)
    read = await world.objects.request(world.namespace, "churn-auto-4")

    given = PromotionRequest(metadata=filed.metadata, spec=spec)
    assert read == filed
    assert (filed.spec, filed.spec_hash) == (spec, given.spec_hash)
    assert filed.status == PromotionRequestStatus(observed_generation=-1)
    assert filed.metadata.uid


async def test_the_request_that_has_the_name_already_is_returned_as_it_stands(world: World) -> None:
    first = await world.objects.create_request(world.namespace, "churn-auto-4", await own_spec(world))

    other = await own_spec(world, source={"version": "5"})
    again = await world.objects.create_request(world.namespace, "churn-auto-4", other)

    assert again == first


async def test_a_request_that_is_made_anew_is_another_one(world: World) -> None:
    first = await world.objects.create_request(world.namespace, "churn-auto-4", await own_spec(world))
    await world.delete_request("churn-auto-4")

    again = await world.objects.create_request(world.namespace, "churn-auto-4", await own_spec(world))

    assert again.metadata.uid != first.metadata.uid


async def test_a_request_in_whose_way_one_was_that_is_gone_is_decided_again(
    real: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await real.add_request("churn-auto-4")

    async def gone(namespace: str, name: str) -> None:
        """Read it a moment later, when somebody has deleted it."""
        del namespace
        await real.delete_request(name)

    monkeypatch.setattr(real.objects, "request", gone)

    with pytest.raises(StaleObject, match="already exists"):
        await real.objects.create_request(real.namespace, "churn-auto-4", await own_spec(real))


async def test_what_the_api_server_does_not_take_is_an_invalid_request(real: RealWorld) -> None:
    with pytest.raises(InvalidRequest, match=r"metadata\.name"):
        await real.objects.create_request(real.namespace, "No Name", await own_spec(real))


@pytest.mark.usefixtures("policed")
async def test_what_a_policy_does_not_let_in_is_an_invalid_request(real: RealWorld) -> None:
    anothers = await own_spec(real, requestedBy="ana")

    with pytest.raises(InvalidRequest, match=r"spec\.requestedBy must be your user name"):
        await real.objects.create_request(real.namespace, "churn-auto-4", anothers)

    assert await real.objects.request(real.namespace, "churn-auto-4") is None


@pytest.mark.usefixtures("policed")
async def test_what_a_policy_forbids_is_no_missing_permission(real: RealWorld, kubeconfig: str) -> None:
    team = Team(KubeApi(kubeconfig), real.namespace)
    await asyncio.to_thread(team.bind, Person("ana"), "edit", "create")

    async with connection_as(kubeconfig, "ana") as connection:
        objects = KubernetesObjects(connection, identity="ana")
        ungated = PromotionRequestSpec.model_validate(
            {**request_spec(), "skipGates": True, "reason": "the champion is broken"}
        )
        with pytest.raises(InvalidRequest, match="ana may not bypass modelaliases/churn"):
            await objects.create_request(real.namespace, "churn-auto-4", ungated)


def involved(alias: ModelAlias) -> Involved:
    metadata = alias.metadata
    return Involved(
        api_version=alias.api_version,
        kind=alias.kind,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
    )


async def test_an_event_is_seen_on_its_object(real: RealWorld) -> None:
    await real.add_alias("churn")
    alias = await read_alias(real)
    about = involved(alias)

    for _ in range(2):
        await real.objects.post_event(
            about,
            EventType.WARNING,
            "RolledBack",
            "back from 4 to 3" + "." * 2000,
            now=NOW,
            annotations={"modelalias.dev/from": "4", "modelalias.dev/actor": "ann@example.org"},
        )

    listed = await real.api.get(
        f"/api/v1/namespaces/{real.namespace}/events?fieldSelector=involvedObject.uid={about.uid}"
    )
    [event] = listed["items"]
    assert event["involvedObject"] == {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": "ModelAlias",
        "name": "churn",
        "namespace": real.namespace,
        "uid": about.uid,
    }
    assert (event["type"], event["reason"], event["reportingInstance"]) == ("Warning", "RolledBack", "test")
    assert event["reportingComponent"] == event["source"]["component"] == "modelalias.dev/operator"
    assert event["lastTimestamp"] == "2026-11-21T12:00:00Z"
    assert len(event["message"]) == 1024
    assert event["metadata"]["annotations"] == {
        "modelalias.dev/from": "4",
        "modelalias.dev/actor": "ann@example.org",
    }


async def test_an_event_that_cannot_be_posted_is_logged(
    real: RealWorld, caplog: pytest.LogCaptureFixture
) -> None:
    about = Involved(api_version="v1", kind="Pod", namespace="no-such-namespace", name="a", uid="b")

    with caplog.at_level(logging.WARNING):
        await real.objects.post_event(about, EventType.NORMAL, "Promoted", "3 to 4", now=NOW)

    assert "no-such-namespace" in caplog.text


async def test_the_fake_keeps_what_an_event_says_for_programs() -> None:
    fake = FakeObjects()
    about = Involved(api_version="v1", kind="Pod", namespace="ml", name="a", uid="b")

    await fake.post_event(about, EventType.NORMAL, "Promoted", "", now=NOW, annotations={"a": "1"})
    await fake.post_event(about, EventType.NORMAL, "Promoted", "", now=NOW)

    assert [event.annotations for event in fake.events] == [{"a": "1"}, {}]


async def test_an_event_that_cannot_be_posted_by_the_fake_is_passed_over() -> None:
    fake = FakeObjects()
    fake.fail_next(Unavailable("away"), call="post_event")

    await fake.post_event(
        Involved(api_version="v1", kind="Pod", namespace="ml", name="a", uid="b"),
        EventType.NORMAL,
        "Promoted",
        "",
        now=NOW,
    )

    assert fake.events == []


async def test_a_status_is_owned_by_our_field_manager(real: RealWorld) -> None:
    await real.add_alias("churn")
    await real.objects.write_alias_status(await read_alias(real), full_status())

    body = await real.api.get(real.path("modelaliases", "churn"))

    owners = {(item["manager"], item.get("subresource")) for item in body["metadata"]["managedFields"]}
    assert (FIELD_MANAGER, "status") in owners


async def test_a_missing_permission_is_refused_with_its_name(real: RealWorld, kubeconfig: str) -> None:
    await real.add_alias("churn")
    alias = await read_alias(real)

    async with connection_as(kubeconfig, "system:serviceaccount:nobody:nobody") as connection:
        stranger = KubernetesObjects(connection, identity="stranger")
        with pytest.raises(
            Refused, match=rf"^may not get modelaliases\.modelalias\.dev in namespace {real.namespace}: grant"
        ):
            await stranger.alias(real.namespace, "churn")
        with pytest.raises(
            Refused, match=r"^may not patch modelaliases/status\.modelalias\.dev in namespace"
        ):
            await stranger.write_alias_status(alias, full_status())
        with pytest.raises(Refused, match=r"^may not create promotionrequests\.modelalias\.dev in namespace"):
            await stranger.create_request(real.namespace, "churn-auto-4", await own_spec(real))


async def test_a_kind_that_is_not_served_is_no_missing_object(
    real: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = "modelalias.adapters.kubernetes_objects.ALIASES"
    from modelalias.adapters.kubernetes_objects import ALIASES  # noqa: PLC0415 - the value that is replaced

    monkeypatch.setattr(resource, ALIASES.model_copy(update={"plural": "nosuchthings"}))

    with pytest.raises(Unavailable, match="are its CRDs installed"):
        await real.objects.alias(real.namespace, "churn")
