"""What somebody may do next with a request, or for its alias: a sentence and the command lines for it."""

import shlex
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from modelalias.api.conditions import Reason, RequestCondition, Status, find
from modelalias.api.request import PromotionRequest, RequestOperation
from modelalias.api.request_status import Phase
from modelalias.cli.request_state import has_ended

NOTHING_MOVED: Final = frozenset({Reason.NO_OP, Reason.NO_CHALLENGER, Reason.ALREADY_PROCESSED})
"""Reasons of ends after which nothing is left to do."""


class NextStep(NamedTuple):
    """A sentence that ends in a colon, and the command lines for it, one after another."""

    sentence: str
    lines: tuple[str, ...]


def of_request(request: PromotionRequest) -> NextStep | None:
    """Return what somebody may do next with a request, or for its alias; None when nothing is left to do."""
    status = request.status
    if status.phase == Phase.AWAITING_APPROVAL:
        return NextStep("Whoever is asked decides:", (_on_request("approve", request),))
    if not has_ended(request):
        line = f"modelalias status request/{request.metadata.name}{where(request.metadata.namespace)} --wait"
        return NextStep("It has not ended yet. To wait for its end:", (line,))
    succeeded = find(status.conditions, RequestCondition.SUCCEEDED)
    if succeeded is None or succeeded.status is not Status.TRUE:
        return _after_no(request, None if succeeded is None else succeeded.reason)
    return None if succeeded.reason in NOTHING_MOVED else _after_success(request)


def where(namespace: str) -> str:
    """Return the option that names a namespace, with a space before it; "" where none is known."""
    return f" -n {shlex.quote(namespace)}" if namespace else ""


def _after_success(request: PromotionRequest) -> NextStep | None:
    resolved = request.status.resolved
    if request.spec.dry_run:
        return NextStep("Nothing was changed. To do it:", (_anew(request),))
    replaced = None if resolved is None else resolved.champion
    if request.spec.operation is not RequestOperation.PROMOTE or resolved is None:
        return None
    if replaced is None or replaced == resolved.version:  # there was nothing before
        return None
    sentence = f"While the alias is at version {resolved.version}, to go back to the one before:"
    return NextStep(sentence, (_on_alias("rollback", request, "-m WHY"),))


def _after_no(request: PromotionRequest, reason: str | None) -> NextStep:
    """Return what follows a request that did not succeed, by the reason of its end."""
    step = _BY_REASON.get(reason or "")
    if step is not None:
        return step(request)
    if request.status.phase == Phase.REJECTED:
        return _another_version(request)
    return _explain(request)


def _explain(request: PromotionRequest) -> NextStep:
    return NextStep("Why the alias stands as it does:", (_on_alias("explain", request),))


def _another_version(request: PromotionRequest) -> NextStep:
    sentence = "It is not judged again. To ask with another version:"
    return NextStep(sentence, (_on_alias("promote", request, "--version N"),))


def _gone(request: PromotionRequest) -> NextStep:
    """Return how to ask for a version that is there; a rollback goes to one that was accepted before."""
    if request.spec.operation is not RequestOperation.ROLLBACK:
        return _another_version(request)
    back = _on_alias("rollback", request, "--to-version N -m WHY")
    return NextStep("To go back to another version that it had:", (back,))


def _not_accepted(request: PromotionRequest) -> NextStep:
    return NextStep("A version that was never accepted is promoted:", (_promote(request),))


def _unpin(request: PromotionRequest) -> NextStep:
    lines = (_on_alias("unpin", request), _on_request("retry", request))
    return NextStep(
        "While the alias is pinned, every request is rejected. To unpin it, then ask again:", lines
    )


def _again(sentence: str) -> Callable[[PromotionRequest], NextStep]:
    """Return the step that files the same request once more, which is judged as things are then."""
    return lambda request: NextStep(sentence, (_on_request("retry", request),))


def _otherwise(sentence: str) -> Callable[[PromotionRequest], NextStep]:
    """Return the step that asks for the same version, without what else the request said."""
    return lambda request: NextStep(sentence, (_anew(request),))


def _stale(request: PromotionRequest) -> NextStep:
    """Return how to ask without naming what the alias should name; a move that lost a race is the alias's matter."""
    if request.status.phase == Phase.FAILED:
        return _explain(request)
    return NextStep("To ask whatever the alias names now:", (_anew(request),))


def _anew(request: PromotionRequest) -> str:
    """Return the command that asks for the same version, and for nothing beside it."""
    resolved = request.status.resolved
    match request.spec.operation:
        case RequestOperation.PROMOTE:
            return _promote(request)
        case RequestOperation.ROLLBACK:
            version = f"--to-version {resolved.version} " if resolved else ""
            return _on_alias("rollback", request, f"{version}-m WHY")
        case RequestOperation.SWAP:
            return _on_alias("promote", request, "--operation Swap -m WHY")


def _promote(request: PromotionRequest) -> str:
    source, resolved = request.spec.source, request.status.resolved
    if resolved is None and source is not None and source.run_id is not None:
        return _on_alias("promote", request, f"--run-id {shlex.quote(source.run_id)}")
    return _on_alias("promote", request, f"--version {resolved.version if resolved else 'N'}")


def _on_alias(verb: str, request: PromotionRequest, options: str = "") -> str:
    name, place = request.spec.alias_ref.name, where(request.metadata.namespace)
    return f"modelalias {verb} {name}{place}{options and f' {options}'}"


def _on_request(verb: str, request: PromotionRequest) -> str:
    return f"modelalias {verb} {request.metadata.name}{where(request.metadata.namespace)}"


_BY_REASON: Final[Mapping[str, Callable[[PromotionRequest], NextStep]]] = {
    Reason.ABORTED: _again("To ask again:"),
    Reason.ALIAS_PINNED: _unpin,
    Reason.ALIAS_REPLACED: _again("To ask the ModelAlias that has its name now:"),
    Reason.ALREADY_PROCESSED: _again("Another name and another reason make it a new request:"),
    Reason.DECLINED: _another_version,
    Reason.EXPIRED: _again("To ask again:"),
    Reason.GATES_FAILED: _another_version,
    Reason.HELD: _otherwise("Automatic steps are on hold, people's are not:"),
    Reason.INCONCLUSIVE: _again("Once what could not be judged is there, to ask again:"),
    Reason.INVALID: _otherwise("To ask without what cannot be done:"),
    Reason.MODEL_NOT_FOUND: _again("Once the registry has the model, to ask again:"),
    Reason.NEVER_HELD: _not_accepted,
    Reason.NOT_ALLOWED: _otherwise("To ask without what it may not write:"),
    Reason.NOT_ELIGIBLE: _another_version,
    Reason.NO_PREVIOUS: _another_version,
    Reason.RUN_NOT_FOUND: _another_version,
    Reason.STALE_CHAMPION: _stale,
    Reason.SUPERSEDED: _again("To ask again:"),
    Reason.TOO_MANY_REQUESTS: _again("Once other requests of the namespace have ended, to ask again:"),
    Reason.UNEXPECTED_ERROR: _again("Once the operator's log has told why, to ask again:"),
    Reason.VERSION_GONE: _gone,
    Reason.VERSION_NOT_READY: _another_version,
}
"""What really helps after each way to end without success."""
