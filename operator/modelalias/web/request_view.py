"""A request as its page shows it: where it is, on which numbers, who is waited for, and what comes next. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import RequestCondition, is_true
from modelalias.api.policy import Approval
from modelalias.api.request import PromotionRequest
from modelalias.api.request_status import Evaluated, EvaluationState, Phase
from modelalias.cli import kubernetes_yaml, request_flags
from modelalias.cli.object_events import ObjectEvent
from modelalias.cli.request_state import has_ended
from modelalias.web import approvals, asked_before, commands, phases, request_steps, verdict
from modelalias.web.approvals import Approvals
from modelalias.web.mlflow_links import NO_LINKS, Links
from modelalias.web.offers import Act, Obstacle
from modelalias.web.phases import Badge, Tone
from modelalias.web.request_steps import Step
from modelalias.web.verdict import Verdict
from modelalias.web.view import Command, Notice, PageView, View

NOT_LOOKED_AT: Final = "The operator has not looked at this request yet."
SHOWN_EVENTS: Final = 20
_EVALUATION: Final[Mapping[EvaluationState, Tone]] = {
    EvaluationState.STARTING: Tone.BUSY,
    EvaluationState.RUNNING: Tone.BUSY,
    EvaluationState.SUCCEEDED: Tone.GOOD,
    EvaluationState.FAILED: Tone.BAD,
    EvaluationState.STOPPED: Tone.QUIET,
}


class Evaluation(View):
    """A Job that measures one side."""

    side: str
    version: str
    job: str
    attempt: int
    state: Badge
    message: str = ""
    last_lines: str = ""
    no_lines: str = ""
    """Why there are no lines, where they could not be read."""


class Happened(View):
    """An Event."""

    at: datetime | None
    reason: str
    message: str
    is_warning: bool
    times: int


class Asked(View):
    """What was asked for, by whom and why."""

    operation: str
    summary: tuple[str, ...]
    """What else there is to know of it, each a sentence."""
    by: str
    reason: str
    created: datetime | None


class RequestView(PageView):
    """What the page of a request shows."""

    id: str
    namespace: str
    name: str
    uid: str
    alias: str
    registry: str | None
    model: str | None
    version: str | None
    """The one that it asks for, also where nobody has looked it up yet."""
    phase: Badge
    since: datetime | None
    has_ended: bool
    is_refused: bool = False
    is_no_op: bool = False
    """Whether there is nothing to do."""
    explanation: str
    asked: Asked
    steps: tuple[Step, ...]
    verdict: Verdict
    version_link: str = ""
    """To the version in MLflow."""
    run_link: str = ""
    """To the run whose numbers were judged."""
    evaluation: tuple[Evaluation, ...]
    approvals: Approvals | None
    acts: tuple[Act, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    following: Command | None = None
    reading: tuple[Command, ...] = ()
    result: str = ""
    """The machine-readable end as JSON."""
    yaml: str = ""
    events: tuple[Happened, ...] = ()
    no_events: str = ""
    """Why no Events are shown, where they could not be read."""
    notices: tuple[Notice, ...] = ()


def request_view(
    request: PromotionRequest,
    rules: Approval | None,
    flags: str = "",
    links: Links = NO_LINKS,
    alias: ModelAlias | None = None,
) -> RequestView:
    """Return a request as its page shows it, without what has to be read beside it."""
    meta, status, resolved = request.metadata, request.status, request.status.resolved
    return RequestView(
        id=f"{meta.namespace}_{meta.name}",
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        alias=request.spec.alias_ref.name,
        registry=resolved.registry if resolved else None,
        model=resolved.model if resolved else None,
        version=asked_before.version(request),
        phase=phases.of(request),
        since=status.phase_since,
        has_ended=has_ended(request),
        is_refused=status.phase is Phase.REJECTED,
        is_no_op=phases.is_no_op(request),
        explanation=status.explanation or NOT_LOOKED_AT,
        asked=_asked(request),
        steps=tuple(request_steps.steps(status)),
        verdict=verdict.verdict(status, alias),
        version_link=links.version(resolved.model, resolved.version) if resolved and resolved.model else "",
        run_link=links.run(resolved.run_id) if resolved and resolved.run_id else "",
        evaluation=tuple(map(_evaluation, status.evaluation)),
        approvals=approvals.approvals(request, rules),
        following=commands.following(request, flags),
        reading=commands.reading(request, flags),
        result=_result(status.result),
        yaml=_yaml(request),
        notices=_notices(request),
    )


def happened(events: Sequence[ObjectEvent]) -> tuple[Happened, ...]:
    """Return the newest Events."""
    shown = set(Happened.model_fields)
    return tuple(Happened(**event.model_dump(include=shown)) for event in events[:SHOWN_EVENTS])


def _asked(request: PromotionRequest) -> Asked:
    spec = request.spec
    return Asked(
        operation=str(spec.operation),
        summary=tuple(request_flags.beside(request)),
        by=spec.requested_by or "",
        reason=spec.reason or "",
        created=request.metadata.creation_timestamp,
    )


def _evaluation(item: Evaluated) -> Evaluation:
    return Evaluation(
        side=item.side.value,
        version=item.version,
        job=item.job,
        attempt=item.attempt,
        state=phases.badge(item.state.value, _EVALUATION[item.state]),
        message=item.message,
        last_lines=item.last_lines or "",
    )


def _notices(request: PromotionRequest) -> tuple[Notice, ...]:
    if request.spec.abort and not has_ended(request):
        return (Notice(text="Abort was requested: what this request has begun is being undone."),)
    if is_true(request.status.conditions, RequestCondition.STALLED):
        return (
            Notice(
                text="An error of the operator itself ended this request; its log has the details.",
                is_error=True,
            ),
        )
    return ()


def _result(text: str | None) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False) if text else ""
    except (ValueError, RecursionError):
        return text or ""


def _yaml(request: PromotionRequest) -> str:
    body: dict[str, Any] = request.model_dump(mode="json", by_alias=True, exclude_unset=True)
    body.get("status", {}).pop("result", None)  # it is shown beside
    return kubernetes_yaml.dump(body)
