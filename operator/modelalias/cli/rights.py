"""What a person may do, asked of the API server before a page or a command offers it.

The verbs are those that the admission policies ask for (docs/governance.md). What is asked here only decides what is
offered: whether something is allowed, the API server decides when it is written.
"""

from collections.abc import Mapping
from typing import Any, Final

from modelalias.api.fields import GROUP, Value
from modelalias.api.request import PromotionRequest, RequestOperation

ALIASES: Final = "modelaliases"
REQUESTS: Final = "promotionrequests"
APPROVE: Final = "approve"
API: Final = "authorization.k8s.io/v1"


class Right(Value):
    """A verb on one object of ours; the namespace is that of the cluster that is asked."""

    verb: str
    plural: str
    name: str


def to_decide(request: PromotionRequest) -> tuple[Right, ...]:
    """Return what approving or rejecting a request takes."""
    return _on_alias(APPROVE, request), _edit(request)


def to_abort(request: PromotionRequest) -> tuple[Right, ...]:
    """Return what aborting a request takes."""
    promotes = request.spec.operation is RequestOperation.PROMOTE
    verbs = ["promote" if promotes else "rollback", *(["bypass"] if request.spec.skip_gates else [])]
    return *(_on_alias(verb, request) for verb in verbs), _edit(request)


def review(right: Right, namespace: str) -> Mapping[str, Any]:
    """Return the SelfSubjectAccessReview that asks for a right."""
    attributes = {
        "group": GROUP,
        "resource": right.plural,
        "verb": right.verb,
        "namespace": namespace,
        "name": right.name,
    }
    return {
        "apiVersion": API,
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }


def is_allowed(answer: Mapping[str, Any]) -> bool:
    """Return what the API server answered to a review."""
    return answer.get("status", {}).get("allowed") is True


def _on_alias(verb: str, request: PromotionRequest) -> Right:
    return Right(verb=verb, plural=ALIASES, name=request.spec.alias_ref.name)


def _edit(request: PromotionRequest) -> Right:
    return Right(verb="patch", plural=REQUESTS, name=request.metadata.name)
