"""The command lines that do what a page shows, quoted so that they can be pasted. Pure."""

import shlex
from collections.abc import Sequence

from modelalias.api.alias import ModelAlias
from modelalias.api.metadata import Metadata
from modelalias.api.request import PromotionRequest
from modelalias.cli import next_step
from modelalias.web.view import Command


def of_request(
    verb: str, request: PromotionRequest, *words: str, flags: str = "", purpose: str = ""
) -> Command:
    """Return a command line of `modelalias` on a request."""
    return _on(verb, request.metadata, words, flags, purpose)


def of_alias(verb: str, alias: ModelAlias, *words: str, flags: str = "", purpose: str = "") -> Command:
    """Return a command line of `modelalias` on a ModelAlias."""
    return _on(verb, alias.metadata, words, flags, purpose)


def _on(verb: str, meta: Metadata, words: Sequence[str], flags: str, purpose: str) -> Command:
    line = f"modelalias {verb} {shlex.quote(meta.name)}{next_step.where(meta.namespace)}"
    return Command(line=" ".join([line, *map(shlex.quote, words), *_given(flags)]), purpose=purpose)


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
    if step is None:
        return None
    lines = (" ".join([line, *_given(flags)]) for line in step.lines)
    return Command(line="\n".join(lines), purpose=step.sentence)


def _given(flags: str) -> list[str]:
    return [flags] if flags else []
