"""HTTPRoutes and the endpoints of Services in memory, with the gateway that follows them.

The suite in `tests/contract/test_routes.py` runs on this and on a real API server.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from modelalias.adapters.routes import parse_route, ready_endpoints
from modelalias.core.errors import InvalidRequest, StaleObject
from modelalias.ports import Route, RouteRef
from tests.support.fault_queue import ANY, FaultQueue


class FakeRoutes:
    """The port `Routes` in memory, with what users, kubelets and the gateway do beside it."""

    def __init__(self) -> None:
        self.bodies: dict[RouteRef, dict[str, Any]] = {}
        self.ready: dict[tuple[str, str], int] = {}
        """Ready pods of Services by namespace and name."""
        self.writes: list[tuple[str, Mapping[str, int]]] = []
        """Names of routes, with the weights that were written."""
        self.denied = ""
        """What a policy says that lets no change in."""
        self.gateway_follows = True
        """Whether a gateway accepts each change at once."""
        self._faults = FaultQueue()
        self._serial = 0

    # What a user does

    def add(self, name: str, *rules: Mapping[str, int], namespace: str = "ml") -> RouteRef:
        """Make a route with these rules, each the weights of its Services; one of the same name is made anew."""
        self._serial += 1
        ref = RouteRef(namespace=namespace, name=name)
        self.bodies[ref] = {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": f"route-{self._serial}",
                "generation": 1,
            },
            "spec": _spec(rules),
        }
        self.follow(ref)
        return ref

    def edit(self, ref: RouteRef, *rules: Mapping[str, int]) -> None:
        """Replace the rules of a route."""
        body = self.bodies[ref]
        body["spec"] = _spec(rules)
        self._changed(body)

    def remove(self, ref: RouteRef) -> None:
        """Delete a route."""
        del self.bodies[ref]

    def weights(self, ref: RouteRef) -> Sequence[Mapping[str, int]]:
        """Return the weights of each rule."""
        rules = self.bodies[ref]["spec"]["rules"]
        return [{item["name"]: item.get("weight", 1) for item in rule["backendRefs"]} for rule in rules]

    # What a gateway does

    def follow(self, ref: RouteRef, **conditions: str) -> None:
        """Say in the status that the route is taken as it is now, or how a condition stands."""
        body = self.bodies[ref]
        states = {"Accepted": "True", "ResolvedRefs": "True", **conditions}
        generation = body["metadata"]["generation"]
        body["status"] = {
            "parents": [
                {
                    "parentRef": {"name": "gateway"},
                    "conditions": [
                        {"type": kind, "status": status, "reason": kind, "observedGeneration": generation}
                        for kind, status in states.items()
                    ],
                }
            ]
        }

    # The port

    def fail_next(self, error: Exception, call: str = ANY) -> None:
        """Let the next call fail."""
        self._faults.add(error, call=call)

    async def read(self, ref: RouteRef) -> Route | None:
        self._faults.before("read")
        body = self.bodies.get(ref)
        return None if body is None else parse_route(body)

    async def ready_pods(self, namespace: str, service: str) -> int:
        self._faults.before("ready_pods")
        count = self.ready.get((namespace, service), 0)
        return ready_endpoints([{"endpoints": [{"conditions": {"ready": True}}] * count}])

    async def set_weights(self, route: Route, weights: Mapping[str, int]) -> Route:
        ref = route.ref
        body = self.bodies.get(ref)
        rules = [rule for rule in route.rules if rule.names([*weights])]
        differ = any(rule.weight_of(name) != weight for rule in rules for name, weight in weights.items())
        if not differ:
            return route
        self._faults.before("set_weights")
        if body is None or body["metadata"]["uid"] != route.uid:
            raise StaleObject(f"HTTPRoute {ref.namespace}/{ref.name} is gone")
        if [_names(rule) for rule in body["spec"]["rules"]] != [
            [item.service for item in rule.backends] for rule in route.rules
        ]:
            raise StaleObject(f"HTTPRoute {ref.namespace}/{ref.name} changed since it was read")
        if self.denied:
            raise InvalidRequest(f"HTTPRoute {ref.namespace}/{ref.name} is not let change: {self.denied}")
        for number, rule in enumerate(route.rules):
            if rule.names([*weights]):
                for item in body["spec"]["rules"][number]["backendRefs"]:
                    item["weight"] = weights.get(item["name"], item.get("weight", 1))
        self.writes.append((ref.name, dict(weights)))
        self._changed(body)
        return parse_route(copy.deepcopy(body))

    def _changed(self, body: dict[str, Any]) -> None:
        body["metadata"]["generation"] += 1
        if self.gateway_follows:
            self.follow(RouteRef(namespace=body["metadata"]["namespace"], name=body["metadata"]["name"]))


def _spec(rules: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    return {
        "parentRefs": [{"name": "gateway"}],
        "rules": [{"backendRefs": _refs(weights)} for weights in rules],
    }


def _refs(weights: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"name": name, "weight": weight, "port": 80} for name, weight in weights.items()]


def _names(rule: Mapping[str, Any]) -> list[str]:
    return [item["name"] for item in rule["backendRefs"]]
