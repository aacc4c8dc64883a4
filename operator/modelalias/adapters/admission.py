"""The admission policies that prove who writes requests and approvals, who pins, and who is an installation.

Whether they stand in the API server, and bite. Who may change the policies is trusted; what is looked for is
an installation without them, one that only warns, or one that leaves namespaces or writes out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelalias.adapters.kubernetes_client import Call, Connection, MissingObject, Verb
from modelalias.api.fields import GROUP
from modelalias.kinds.marks import INSTALLATION
from modelalias.rest import Resource

_POLICIES: Final = Resource(
    group="admissionregistration.k8s.io", version="v1", plural="validatingadmissionpolicies"
)
_BINDINGS: Final = Resource(
    group="admissionregistration.k8s.io", version="v1", plural="validatingadmissionpolicybindings"
)

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Guard:
    """A policy and its binding, which have one name, and what they have to cover."""

    plural: str
    writes: frozenset[str]
    group: str = GROUP
    label: str = ""
    """The label of the objects that are guarded; "" stands for all."""

    @property
    def name(self) -> str:
        """The name of both: the resource that they guard."""
        return f"{self.plural}.{GROUP}"


REQUESTS: Final = Guard("promotionrequests", frozenset({"CREATE", "UPDATE", "DELETE"}))
PINS: Final = Guard("modelaliases", frozenset({"CREATE", "UPDATE"}))
INSTALLATIONS: Final = Guard(
    "leases", frozenset({"CREATE", "UPDATE"}), group="coordination.k8s.io", label=INSTALLATION
)


class KubernetesAdmission:
    """The port `Admission` on a real API server."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection, which the caller closes."""
        self._connection = connection

    async def why_unproved(self) -> str:
        """Return why nobody proves who writes requests and approvals; "" when the API server does."""
        return await self._judge(REQUESTS)

    async def why_pins_unproved(self) -> str:
        """Return why nobody proves who pins; "" when the API server does."""
        return await self._judge(PINS)

    async def why_installations_unproved(self, seconds: float) -> str:
        """Return, within so many seconds, why nobody proves whose Leases those of installations are.

        "" when the API server does.
        """
        return await self._judge(INSTALLATIONS, seconds / 2)  # one for each of two calls

    async def _judge(self, guard: Guard, seconds: float | None = None) -> str:
        policy = await self._read(_POLICIES, guard, seconds)
        return why_unproved(guard, policy, await self._read(_BINDINGS, guard, seconds))

    async def _read(self, resource: Resource, guard: Guard, seconds: float | None) -> Body | None:
        call = Call(verb=Verb.GET, resource=resource, namespace="", name=guard.name)
        try:
            return await self._connection.send(call, seconds=seconds)
        except MissingObject:
            return None


def why_unproved(guard: Guard, policy: Body | None, binding: Body | None) -> str:
    """Judge a policy and its binding as they stand in the API server."""
    name = guard.name
    if policy is None:
        return f"ValidatingAdmissionPolicy {name} is not installed"
    if binding is None:
        return f"ValidatingAdmissionPolicyBinding {name} is not installed"
    spec, bound = policy["spec"], binding["spec"]
    if spec.get("failurePolicy", "Fail") != "Fail":
        return f"ValidatingAdmissionPolicy {name} does not fail closed: set failurePolicy: Fail"
    if not _covers(guard, spec.get("matchConstraints") or {}) or not spec.get("validations"):
        return f"ValidatingAdmissionPolicy {name} does not cover every write of {guard.plural}.{guard.group}"
    if bound.get("policyName") != name or "Deny" not in bound.get("validationActions", ()):
        return f"ValidatingAdmissionPolicyBinding {name} does not deny: set validationActions: [Deny]"
    if bound.get("paramRef") or _narrows(bound.get("matchResources") or {}):
        return f"ValidatingAdmissionPolicyBinding {name} leaves objects out: remove its matchResources"
    return ""


def _covers(guard: Guard, constraints: Body) -> bool:
    selector = constraints.get("objectSelector")
    if selector == _having(guard.label):
        selector = None
    if _narrows({**constraints, "resourceRules": (), "objectSelector": selector}):
        return False
    return any(
        guard.group in rule.get("apiGroups", ())
        and guard.plural in rule.get("resources", ())
        and set(rule.get("operations", ())) >= guard.writes
        and not rule.get("resourceNames")
        and rule.get("scope", "*") in {"*", "Namespaced"}
        for rule in constraints.get("resourceRules", ())
    )


def _having(label: str) -> Body:
    """Return the selector of what has a label, of any value; nothing where there is none."""
    return {"matchExpressions": [{"key": label, "operator": "Exists"}]} if label else {}


def _narrows(match: Body) -> bool:
    """Return whether selectors or rules leave anything out; the API server fills in empty selectors."""
    selectors = (match.get("namespaceSelector"), match.get("objectSelector"))
    return any(selectors) or bool(match.get("excludeResourceRules")) or bool(match.get("resourceRules"))
