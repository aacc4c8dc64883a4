"""The command lines that do what a page shows, quoted so that they can be pasted. Pure."""

import shlex

from modelalias.api.request import PromotionRequest
from modelalias.cli import next_step
from modelalias.web.view import Command


def of_request(
    verb: str, request: PromotionRequest, *words: str, flags: str = "", purpose: str = ""
) -> Command:
    """Return a command line of `modelalias` on a request."""
    where = next_step.where(request.metadata.namespace)
    line = f"modelalias {verb} {shlex.quote(request.metadata.name)}{where}"
    return Command(
        line=" ".join([line, *(shlex.join([word]) for word in words), *_given(flags)]), purpose=purpose
    )


def reading(request: PromotionRequest, flags: str) -> tuple[Command, ...]:
    """Return the command lines that show a request."""
    meta = request.metadata
    kubectl = f"kubectl get promotionrequests.modelalias.dev {shlex.quote(meta.name)}{next_step.where(meta.namespace)}"
    return (
        Command(
            line=" ".join(
                [
                    f"modelalias status {shlex.quote(f'request/{meta.name}')}{next_step.where(meta.namespace)}",
                    *_given(flags),
                ]
            ),
            purpose="The same in a terminal:",
        ),
        Command(line=" ".join([kubectl, "-o yaml", *_given(flags)]), purpose="The object:"),
    )


def following(request: PromotionRequest, flags: str) -> Command | None:
    """Return what somebody may do next, as the command line says it."""
    step = next_step.of_request(request)
    return (
        None if step is None else Command(line=" ".join([step.line, *_given(flags)]), purpose=step.sentence)
    )


def _given(flags: str) -> list[str]:
    return [flags] if flags else []
