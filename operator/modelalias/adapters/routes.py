"""HTTPRoutes and EndpointSlices on a real API server."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from modelalias.adapters.kubernetes_client import Call, Connection, Denied, MissingObject, Verb
from modelalias.core.errors import InvalidRequest, StaleObject
from modelalias.ports.routes import Route, RouteBackend, RouteRef, RouteRule
from modelalias.rest import PatchType, Resource

ROUTES: Final = Resource(group="gateway.networking.k8s.io", version="v1", plural="httproutes")
SLICES: Final = Resource(group="discovery.k8s.io", version="v1", plural="endpointslices")

_SERVICE_NAME: Final = "kubernetes.io/service-name"
_DEFAULT_WEIGHT: Final = 1
"""What a backend without a weight has, by the Gateway API."""

_DOES_NOT_APPLY: Final = "the server rejected our request due to an error in our request"

_TOLD: Final = frozenset({"Accepted", "ResolvedRefs"})
"""What a gateway says of a route."""

Body = Mapping[str, Any]


class KubernetesRoutes:
    """The port `Routes` on a real API server."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection, which the caller closes."""
        self._connection = connection

    async def read(self, ref: RouteRef) -> Route | None:
        """Read a route afresh."""
        try:
            return parse_route(await self._connection.send(_call(Verb.GET, ref)))
        except MissingObject:
            return None

    async def ready_pods(self, namespace: str, service: str) -> int:
        """Return how many ready endpoints the slices of a Service have."""
        selector = ("labelSelector", f"{_SERVICE_NAME}={service}")
        call = Call(verb=Verb.LIST, resource=SLICES, namespace=namespace, query=(selector,))
        return ready_endpoints((await self._connection.send(call)).get("items") or ())

    async def set_weights(self, route: Route, weights: Mapping[str, int]) -> Route:
        """Write the weights that differ, each tested to be still that of its Service."""
        patch = [*_changes(route, weights)]
        if not patch:
            return route
        ref = route.ref
        same = {"op": "test", "path": "/metadata/uid", "value": route.uid}
        try:
            body = await self._connection.send(_call(Verb.PATCH, ref), [same, *patch], patch=PatchType.JSON)
        except MissingObject as error:
            raise StaleObject(f"HTTPRoute {ref.namespace}/{ref.name} is gone") from error
        except Denied as error:
            raise InvalidRequest(
                f"HTTPRoute {ref.namespace}/{ref.name} is not let change: {error}"
            ) from error
        except InvalidRequest as error:
            if _DOES_NOT_APPLY in str(error):
                raise StaleObject(
                    f"HTTPRoute {ref.namespace}/{ref.name} changed since it was read"
                ) from error
            raise
        written = parse_route(body)
        if any(_changes(written, weights)):
            raise InvalidRequest(
                f"something takes the weights out of HTTPRoute {ref.namespace}/{ref.name} on their way in"
            )
        return written


def parse_route(body: Body) -> Route:
    """Read an HTTPRoute."""
    metadata = body["metadata"]
    accepted, settled, problem = _parents(body)
    return Route(
        ref=RouteRef(namespace=metadata["namespace"], name=metadata["name"]),
        uid=metadata["uid"],
        rules=tuple(_rule(item, metadata["namespace"]) for item in body["spec"].get("rules") or ()),
        accepted=accepted,
        settled=settled,
        problem=problem,
    )


def ready_endpoints(slices: Sequence[Body]) -> int:
    """Return how many endpoints get requests; one whose readiness is not known counts as ready, by its API."""
    return sum(
        (endpoint.get("conditions") or {}).get("ready") is not False
        for item in slices
        for endpoint in item.get("endpoints") or ()
    )


def _rule(body: Body, namespace: str) -> RouteRule:
    return RouteRule(backends=tuple(_backend(item, namespace) for item in body.get("backendRefs") or ()))


def _backend(body: Body, namespace: str) -> RouteBackend:
    kind, its = body.get("kind") or "Service", body.get("namespace") or namespace
    is_service = not body.get("group") and kind == "Service" and its == namespace
    weight = body.get("weight")
    return RouteBackend(
        service=body["name"] if is_service else "",
        named=body["name"] if is_service else f"{kind} {its}/{body['name']}",
        weight=_DEFAULT_WEIGHT if weight is None else weight,
    )


class _Parent(NamedTuple):
    """What a route may be attached to, a Gateway as a rule."""

    kind: str
    namespace: str
    name: str
    section: str
    port: int

    def __str__(self) -> str:
        section = f" ({self.section})" if self.section else ""
        return f"{self.kind} {self.namespace}/{self.name}{section}"


def _parent(ref: Body, namespace: str) -> _Parent:
    return _Parent(
        ref.get("kind") or "Gateway",
        ref.get("namespace") or namespace,
        ref.get("name") or "",
        ref.get("sectionName") or "",
        ref.get("port") or 0,
    )


def _parents(body: Body) -> tuple[bool, bool, str]:
    """Return whether all gateways that the route names have accepted it, whether as it is now, and why one has not."""
    namespace, generation = body["metadata"]["namespace"], body["metadata"].get("generation") or 0
    named = {_parent(item, namespace) for item in body["spec"].get("parentRefs") or ()}
    answers: dict[_Parent, list[Body]] = {parent: [] for parent in named}
    for item in (body.get("status") or {}).get("parents") or ():
        parent = _parent(item.get("parentRef") or {}, namespace)
        if parent in answers:
            answers[parent] += item.get("conditions") or ()
    problems = {text for parent, conditions in answers.items() for text in _objections(parent, conditions)}
    if not named:
        problems.add("it names no Gateway")
    said = [item for conditions in answers.values() for item in conditions if item["type"] in _TOLD]
    settled = all((item.get("observedGeneration") or 0) >= generation for item in said)
    return not problems, not problems and settled, "; ".join(sorted(problems))


def _objections(parent: _Parent, conditions: Sequence[Body]) -> Iterator[str]:
    if not any(item["type"] == "Accepted" for item in conditions):
        yield f"{parent} has said nothing of it"
    for item in conditions:
        if item["type"] in _TOLD and item["status"] != "True":
            reason = f"{item.get('reason') or ''} {item.get('message') or ''}".strip()
            yield f"of {parent} {item['type']} is {item['status']}: {reason}".rstrip(": ")


def _changes(route: Route, weights: Mapping[str, int]) -> Iterator[Body]:
    for number, rule in enumerate(route.rules):
        if not rule.names([*weights]):
            continue
        for place, backend in enumerate(rule.backends):
            weight = weights.get(backend.service)
            if weight is not None and weight != backend.weight:
                path = f"/spec/rules/{number}/backendRefs/{place}"
                yield {"op": "test", "path": f"{path}/name", "value": backend.service}
                yield {"op": "add", "path": f"{path}/weight", "value": weight}


def _call(verb: Verb, ref: RouteRef) -> Call:
    return Call(verb=verb, resource=ROUTES, namespace=ref.namespace, name=ref.name)
