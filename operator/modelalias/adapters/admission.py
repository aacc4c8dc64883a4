"""The admission policy that proves who writes requests and approvals.

Whether it stands in the API server, and bites. Who may change the policy is trusted; what is looked for is an
installation without it, one that only warns, or one that leaves namespaces or writes out.
"""

from collections.abc import Mapping
from typing import Any, Final

from modelalias.adapters.kubernetes_client import Call, Connection, MissingObject, Verb
from modelalias.api.fields import GROUP
from modelalias.rest import Resource

NAME: Final = f"promotionrequests.{GROUP}"
_POLICIES: Final = Resource(
    group="admissionregistration.k8s.io", version="v1", plural="validatingadmissionpolicies"
)
_BINDINGS: Final = Resource(
    group="admissionregistration.k8s.io", version="v1", plural="validatingadmissionpolicybindings"
)
_WRITES: Final = frozenset({"CREATE", "UPDATE", "DELETE"})

Body = Mapping[str, Any]


class KubernetesAdmission:
    """The port `Admission` on a real API server."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection, which the caller closes."""
        self._connection = connection

    async def why_unproved(self) -> str:
        """Return why nobody proves who writes requests and approvals; "" when the API server does."""
        return why_unproved(await self._read(_POLICIES), await self._read(_BINDINGS))

    async def _read(self, resource: Resource) -> Body | None:
        try:
            return await self._connection.send(
                Call(verb=Verb.GET, resource=resource, namespace="", name=NAME)
            )
        except MissingObject:
            return None


def why_unproved(policy: Body | None, binding: Body | None) -> str:
    """Judge the policy and its binding as they stand in the API server."""
    if policy is None:
        return f"ValidatingAdmissionPolicy {NAME} is not installed"
    if binding is None:
        return f"ValidatingAdmissionPolicyBinding {NAME} is not installed"
    spec, bound = policy["spec"], binding["spec"]
    if spec.get("failurePolicy", "Fail") != "Fail":
        return f"ValidatingAdmissionPolicy {NAME} does not fail closed: set failurePolicy: Fail"
    if not _covers(spec.get("matchConstraints") or {}) or not spec.get("validations"):
        return f"ValidatingAdmissionPolicy {NAME} does not cover every write of promotionrequests.{GROUP}"
    if bound.get("policyName") != NAME or "Deny" not in bound.get("validationActions", ()):
        return f"ValidatingAdmissionPolicyBinding {NAME} does not deny: set validationActions: [Deny]"
    if bound.get("paramRef") or _narrows(bound.get("matchResources") or {}):
        return f"ValidatingAdmissionPolicyBinding {NAME} leaves requests out: remove its matchResources"
    return ""


def _covers(constraints: Body) -> bool:
    if _narrows({**constraints, "resourceRules": ()}):
        return False
    return any(
        GROUP in rule.get("apiGroups", ())
        and "promotionrequests" in rule.get("resources", ())
        and set(rule.get("operations", ())) >= _WRITES
        and not rule.get("resourceNames")
        and rule.get("scope", "*") in {"*", "Namespaced"}
        for rule in constraints.get("resourceRules", ())
    )


def _narrows(match: Body) -> bool:
    """Return whether selectors or rules leave anything out; the API server fills in empty selectors."""
    selectors = (match.get("namespaceSelector"), match.get("objectSelector"))
    return any(selectors) or bool(match.get("excludeResourceRules")) or bool(match.get("resourceRules"))
