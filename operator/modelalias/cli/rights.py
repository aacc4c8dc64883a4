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
OWNER: Final = "modelalias-alias-owner"
"""The ClusterRole whose holders change ModelAliases."""
API: Final = "authorization.k8s.io/v1"
GRANTED_BY: Final[Mapping[str, str]] = {
    APPROVE: "modelalias-approver",
    "promote": "modelalias-edit",
    "rollback": "modelalias-edit",
    "release": "modelalias-edit",
}
"""The ClusterRoles that are installed with the operator and have our verbs; the admission policies name them too."""


class Right(Value):
    """A verb on one object of ours; the namespace is that of the cluster that is asked."""

    verb: str
    plural: str
    name: str
    """"" for what has no name yet."""

    def __str__(self) -> str:
        """Name the verb and what it is on."""
        return f"{self.verb} {self.plural}{f'/{self.name}' if self.name else ''}"


def role_with(right: Right) -> str | None:
    """Return a ClusterRole of ours that has a right, and whatever else the same deed takes; None where none has it."""
    is_edit = right.plural == ALIASES and right.verb in {"patch", "release"}
    return OWNER if is_edit else GRANTED_BY.get(right.verb)


def to_decide(request: PromotionRequest) -> tuple[Right, ...]:
    """Return what approving or rejecting a request takes."""
    return _on_alias(APPROVE, request), _edit(request)


def to_abort(request: PromotionRequest) -> tuple[Right, ...]:
    """Return what aborting a request takes."""
    verbs = [_verb(request.spec.operation), *(["bypass"] if request.spec.skip_gates else [])]
    return *(_on_alias(verb, request) for verb in verbs), _edit(request)


def to_file(operation: RequestOperation, alias: str) -> tuple[Right, ...]:
    """Return what filing a request takes, by the name of its ModelAlias."""
    asks = Right(verb=_verb(operation), plural=ALIASES, name=alias)
    return asks, Right(verb="create", plural=REQUESTS, name="")


def to_edit(alias: str) -> tuple[Right, ...]:
    """Return what changing the spec of a ModelAlias takes, by its name."""
    return (Right(verb="patch", plural=ALIASES, name=alias),)


def to_say(alias: str) -> tuple[Right, ...]:
    """Return what releasing a hold and acknowledging a drift take, by the name of the ModelAlias."""
    return Right(verb="release", plural=ALIASES, name=alias), *to_edit(alias)


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


def _verb(operation: RequestOperation) -> str:
    return "promote" if operation is RequestOperation.PROMOTE else "rollback"


def _on_alias(verb: str, request: PromotionRequest) -> Right:
    return Right(verb=verb, plural=ALIASES, name=request.spec.alias_ref.name)


def _edit(request: PromotionRequest) -> Right:
    return Right(verb="patch", plural=REQUESTS, name=request.metadata.name)
