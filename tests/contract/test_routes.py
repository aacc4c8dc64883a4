"""What the engine may rely on when it splits the requests of a route, on the fake and on a real API server."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

import pytest

from hack.cluster import recipes
from modelalias.adapters.routes import ROUTES, SLICES, KubernetesRoutes
from modelalias.core.errors import InvalidRequest, Refused, StaleObject
from modelalias.ports import Route, RouteRef, Routes
from modelalias.rest import FIELD_MANAGER
from tests.support.admission_bodies import denying_weights
from tests.support.argo_rollouts import installed
from tests.support.fake_routes import FakeRoutes
from tests.support.raw_api import RawApi, connection_as, raw_api, until

MAIN, OTHER = "main", "other"
ALL: Mapping[str, int] = {MAIN: 100, OTHER: 0}
SPLIT: Mapping[str, int] = {MAIN: 90, OTHER: 10}


class World(Protocol):
    """Routes with users and a gateway on them."""

    namespace: str
    routes: Routes

    async def add(self, *rules: Mapping[str, int]) -> RouteRef:
        """Create the route `churn`, each rule with these weights."""

    async def edit(self, ref: RouteRef, *rules: Mapping[str, int]) -> None: ...

    async def remove(self, ref: RouteRef) -> None: ...

    async def follow(self, ref: RouteRef, **conditions: str) -> None:
        """Say in the status, as a gateway does, how the route stands."""

    async def deny(self, ref: RouteRef, message: str) -> None:
        """Let a policy refuse each change with 403 and this message."""

    async def pods(self, service: str, *ready: bool | None) -> None:
        """Let a Service have these endpoints."""


class FakeWorld:
    namespace = "ml"

    def __init__(self) -> None:
        self.fake = FakeRoutes()
        self.fake.gateway_follows = False
        self.routes: Routes = self.fake

    async def add(self, *rules: Mapping[str, int]) -> RouteRef:
        return self.fake.add("churn", *rules)

    async def edit(self, ref: RouteRef, *rules: Mapping[str, int]) -> None:
        self.fake.edit(ref, *rules)

    async def remove(self, ref: RouteRef) -> None:
        self.fake.remove(ref)

    async def follow(self, ref: RouteRef, **conditions: str) -> None:
        self.fake.follow(ref, **conditions)

    async def deny(self, ref: RouteRef, message: str) -> None:
        del ref
        self.fake.denied = message

    async def pods(self, service: str, *ready: bool | None) -> None:
        self.fake.ready[self.namespace, service] = sum(item is not False for item in ready)


class RealWorld:
    def __init__(self, api: RawApi, routes: Routes, namespace: str) -> None:
        self.api, self.routes, self.namespace = api, routes, namespace
        self._policies: list[str] = []

    async def add(self, *rules: Mapping[str, int]) -> RouteRef:
        ref = RouteRef(namespace=self.namespace, name="churn")
        body = {
            "apiVersion": ROUTES.api_version,
            "kind": "HTTPRoute",
            "metadata": {"name": ref.name},
            "spec": _spec(rules),
        }
        await self.api.create(ROUTES.path(self.namespace), body)
        return ref

    async def edit(self, ref: RouteRef, *rules: Mapping[str, int]) -> None:
        await self.api.merge(ROUTES.path(ref.namespace, ref.name), {"spec": _spec(rules)})

    async def remove(self, ref: RouteRef) -> None:
        await self.api.delete(ROUTES.path(ref.namespace, ref.name))

    async def follow(self, ref: RouteRef, **conditions: str) -> None:
        path = ROUTES.path(ref.namespace, ref.name)
        generation = (await self.api.get(path))["metadata"]["generation"]
        states = {"Accepted": "True", "ResolvedRefs": "True", **conditions}
        said = [
            {
                "type": kind,
                "status": status,
                "reason": kind,
                "message": "",
                "observedGeneration": generation,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
            for kind, status in states.items()
        ]
        parent = {
            "parentRef": {"name": "gateway"},
            "controllerName": "example.com/gateway",
            "conditions": said,
        }
        await self.api.merge(f"{path}/status", {"status": {"parents": [parent]}})

    async def deny(self, ref: RouteRef, message: str) -> None:
        for body in denying_weights(self.namespace, message):
            path = f"/apis/{body['apiVersion']}/{_plural(str(body['kind']))}"
            await self.api.create(path, body)
            self._policies.append(f"{path}/{body['metadata']['name']}")

        async def holds() -> bool:
            spec = {"spec": {"rules": [{"backendRefs": [{"name": MAIN, "port": 80, "weight": 7}]}]}}
            answer = await self.api.do(
                "PATCH",
                f"{ROUTES.path(ref.namespace, ref.name)}?dryRun=All",
                spec,
                content_type="application/merge-patch+json",
                ok=False,
            )
            return message in str(answer.get("message"))

        await until(holds, "the validating policy is in force")

    async def pods(self, service: str, *ready: bool | None) -> None:
        endpoints = [
            {
                "addresses": [f"10.9.8.{number}"],
                "conditions": {} if item is None else {"ready": item},
            }
            for number, item in enumerate(ready, 1)
        ]
        body = {
            "apiVersion": SLICES.api_version,
            "kind": "EndpointSlice",
            "metadata": {"name": f"{service}-1", "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [],
        }
        await self.api.create(SLICES.path(self.namespace), body)

    async def clean_up(self) -> None:
        for path in reversed(self._policies):
            await self.api.delete(path)


def _plural(kind: str) -> str:
    lower = kind.lower()
    return f"{lower.removesuffix('policy')}policies" if lower.endswith("policy") else f"{lower}s"


def _spec(rules: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    return {
        "parentRefs": [{"name": "gateway"}],
        "rules": [
            {"backendRefs": [{"name": name, "port": 80, "weight": weight} for name, weight in rule.items()]}
            for rule in rules
        ],
    }


@pytest.fixture(params=["fake", "API server"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "fake":
        yield FakeWorld()
        return
    kubeconfig = request.getfixturevalue("kubeconfig")
    namespace = request.getfixturevalue("namespace")
    installed(kubeconfig, recipes.GATEWAY)
    async with raw_api(kubeconfig) as api, connection_as(kubeconfig) as connection:
        real = RealWorld(api, KubernetesRoutes(connection), namespace)
        try:
            yield real
        finally:
            await real.clean_up()


async def read(world: World, ref: RouteRef) -> Route:
    route = await world.routes.read(ref)
    assert route is not None
    return route


def weights(route: Route) -> list[Mapping[str, int]]:
    return [{item.service: item.weight for item in rule.backends} for rule in route.rules]


async def test_what_is_not_there_is_none(world: World) -> None:
    assert await world.routes.read(RouteRef(namespace=world.namespace, name="churn")) is None


async def test_weights_are_written_into_each_rule_that_has_all_the_services(world: World) -> None:
    ref = await world.add(ALL, {MAIN: 1}, {OTHER: 1, MAIN: 0})

    after = await world.routes.set_weights(await read(world, ref), SPLIT)

    assert weights(after) == [SPLIT, {MAIN: 1}, SPLIT]
    assert weights(await read(world, ref)) == [SPLIT, {MAIN: 1}, SPLIT]


async def test_the_same_weights_are_no_write(world: World) -> None:
    ref = await world.add(SPLIT)
    await world.deny(ref, "no change at all")

    after = await world.routes.set_weights(await read(world, ref), SPLIT)

    assert weights(after) == [SPLIT]


async def test_a_route_whose_backends_are_in_other_places_now_is_stale(world: World) -> None:
    ref = await world.add(ALL)
    seen = await read(world, ref)
    await world.edit(ref, {OTHER: 0, MAIN: 100})

    with pytest.raises(StaleObject):
        await world.routes.set_weights(seen, SPLIT)

    assert weights(await read(world, ref)) == [{OTHER: 0, MAIN: 100}]


async def test_a_route_that_was_made_anew_is_stale(world: World) -> None:
    ref = await world.add(ALL)
    seen = await read(world, ref)
    await world.remove(ref)
    await world.add(ALL)

    with pytest.raises(StaleObject):
        await world.routes.set_weights(seen, SPLIT)

    assert weights(await read(world, ref)) == [ALL]


async def test_a_route_that_is_gone_is_stale(world: World) -> None:
    ref = await world.add(ALL)
    seen = await read(world, ref)
    await world.remove(ref)

    with pytest.raises(StaleObject):
        await world.routes.set_weights(seen, SPLIT)


async def test_a_policy_that_lets_no_change_in_is_told_in_its_words(world: World) -> None:
    ref = await world.add(ALL)
    seen = await read(world, ref)
    await world.deny(ref, "weights are ours")

    with pytest.raises(InvalidRequest, match="weights are ours"):
        await world.routes.set_weights(seen, SPLIT)


async def test_whether_a_gateway_has_taken_the_route_is_read_off_its_status(world: World) -> None:
    ref = await world.add(ALL)
    if isinstance(world, FakeWorld):
        world.fake.bodies[ref].pop("status")
    before = await read(world, ref)
    await world.follow(ref)
    accepted = await read(world, ref)

    changed = await world.routes.set_weights(accepted, SPLIT)

    assert (before.accepted, before.settled) == (False, False)
    assert (accepted.accepted, accepted.settled) == (True, True)
    assert (changed.accepted, changed.settled) == (True, False)


@pytest.mark.parametrize("kind", ["Accepted", "ResolvedRefs"])
async def test_a_route_that_its_gateway_refuses_says_why(world: World, kind: str) -> None:
    ref = await world.add(ALL)

    await world.follow(ref, **{kind: "False"})

    route = await read(world, ref)
    assert not route.accepted
    assert f"{kind} is False" in route.problem


async def test_ready_endpoints_are_counted(world: World) -> None:
    await world.pods(MAIN, True, False, None)

    assert await world.routes.ready_pods(world.namespace, MAIN) == 2
    assert await world.routes.ready_pods(world.namespace, OTHER) == 0


async def test_the_operator_is_named_as_the_writer(namespace: str, kubeconfig: str) -> None:
    installed(kubeconfig, recipes.GATEWAY)
    async with raw_api(kubeconfig) as api, connection_as(kubeconfig) as connection:
        world = RealWorld(api, KubernetesRoutes(connection), namespace)
        ref = await world.add(ALL)

        await world.routes.set_weights(await read(world, ref), SPLIT)

        body = await api.get(ROUTES.path(namespace, "churn"))
        assert FIELD_MANAGER in {item["manager"] for item in body["metadata"]["managedFields"]}


async def test_who_may_not_is_refused_with_the_permission_by_name(namespace: str, kubeconfig: str) -> None:
    installed(kubeconfig, recipes.GATEWAY)
    user = f"system:serviceaccount:{namespace}:nobody"
    async with connection_as(kubeconfig, user) as connection:
        routes = KubernetesRoutes(connection)

        with pytest.raises(Refused, match="get httproutes"):
            await routes.read(RouteRef(namespace=namespace, name="churn"))
        with pytest.raises(Refused, match="list endpointslices"):
            await routes.ready_pods(namespace, MAIN)
