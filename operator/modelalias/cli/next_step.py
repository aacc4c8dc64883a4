"""What somebody may do next with a request, or for its alias: a sentence and a command line."""

import shlex
from typing import Final, NamedTuple

from modelalias.api.conditions import Reason, RequestCondition, Status, find
from modelalias.api.request import PromotionRequest, RequestOperation
from modelalias.api.request_status import Phase
from modelalias.cli.request_state import has_ended

NOTHING_MOVED: Final = frozenset({Reason.NO_OP, Reason.NO_CHALLENGER, Reason.ALREADY_PROCESSED})
"""Reasons of ends after which nothing is left to do."""


class NextStep(NamedTuple):
    """A sentence that ends in a colon, and the command line for it."""

    sentence: str
    line: str


def of_request(request: PromotionRequest) -> NextStep | None:
    """Return what somebody may do next with a request, or for its alias; None when nothing is left to do."""
    spec, status = request.spec, request.status
    place = where(request.metadata.namespace)
    promote = f"modelalias promote {spec.alias_ref.name}{place}"
    if status.phase == Phase.AWAITING_APPROVAL:
        return NextStep("Whoever is asked decides:", f"modelalias approve {request.metadata.name}{place}")
    if not has_ended(request):
        return NextStep(
            "It has not ended yet. To wait for its end:",
            f"modelalias status request/{request.metadata.name}{place} --wait",
        )
    succeeded = find(status.conditions, RequestCondition.SUCCEEDED)
    version = status.resolved.version if status.resolved else None
    if succeeded is None or succeeded.status is not Status.TRUE:
        if status.phase == Phase.REJECTED:
            return NextStep("It is not judged again. To ask with another version:", f"{promote} --version N")
        return NextStep(
            "Why the alias stands as it does:", f"modelalias explain {spec.alias_ref.name}{place}"
        )
    if succeeded.reason in NOTHING_MOVED:
        return None
    if spec.dry_run:
        return NextStep("Nothing was changed. To do it:", f"{promote} --version {version or 'N'}")
    if spec.operation is RequestOperation.PROMOTE:
        return NextStep("To go back:", f"modelalias rollback {spec.alias_ref.name}{place} -m WHY")
    return None


def where(namespace: str) -> str:
    """Return the option that names a namespace, with a space before it; "" where none is known."""
    return f" -n {shlex.quote(namespace)}" if namespace else ""
