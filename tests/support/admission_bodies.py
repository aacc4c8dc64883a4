"""Admission policies that a cluster's owner may have, for the Deployments of one namespace only."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

GROUP: Final = "admissionregistration.k8s.io/v1"
Body = Mapping[str, Any]


def mutating(namespace: str, expression: str) -> Sequence[Body]:
    """Return a policy that merges an object, given in CEL, into what is written, and its binding."""
    mutation = {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}
    policy = _spec(namespace, "UPDATE") | {"mutations": [mutation], "reinvocationPolicy": "Never"}
    name = f"rewrite-{namespace}"
    return (
        _body("MutatingAdmissionPolicy", name, policy),
        _body("MutatingAdmissionPolicyBinding", name, {"policyName": name}),
    )


def denying(namespace: str, message: str) -> Sequence[Body]:
    """Return a policy that lets no Deployment change the pods' annotations, and its binding.

    It answers 403 as Gatekeeper does.
    """
    same = (
        "object.spec.template.metadata.?annotations.orValue({}) == "
        "oldObject.spec.template.metadata.?annotations.orValue({})"
    )
    validation = {"expression": same, "message": message, "reason": "Forbidden"}
    policy = _spec(namespace, "UPDATE") | {"validations": [validation]}
    name = f"deny-{namespace}"
    return (
        _body("ValidatingAdmissionPolicy", name, policy),
        _body("ValidatingAdmissionPolicyBinding", name, {"policyName": name, "validationActions": ["Deny"]}),
    )


def denying_weights(namespace: str, message: str) -> Sequence[Body]:
    """Return a policy that lets the spec of no HTTPRoute change, and its binding."""
    validation = {"expression": "object.spec == oldObject.spec", "message": message, "reason": "Forbidden"}
    policy = _spec(namespace, "UPDATE", "gateway.networking.k8s.io", "httproutes")
    name = f"deny-weights-{namespace}"
    return (
        _body("ValidatingAdmissionPolicy", name, policy | {"validations": [validation]}),
        _body("ValidatingAdmissionPolicyBinding", name, {"policyName": name, "validationActions": ["Deny"]}),
    )


def _spec(
    namespace: str, operation: str, group: str = "apps", resource: str = "deployments"
) -> dict[str, Any]:
    rule = {
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "operations": [operation],
        "resources": [resource],
    }
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"namespaceSelector": selector, "resourceRules": [rule]},
    }


def _body(kind: str, name: str, spec: Body) -> Body:
    return {"apiVersion": GROUP, "kind": kind, "metadata": {"name": name}, "spec": spec}
