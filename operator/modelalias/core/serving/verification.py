"""Proof: what the ready pods of a workload answer when they are asked which version they serve."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from modelalias.ports import PodAnswer


class Proof(NamedTuple):
    """What the answers prove."""

    verified: bool | None
    """Whether every ready pod said the version; None when one of them did not say any, or none was asked."""
    message: str = ""
    """What they said instead; "" when all said the version."""


def proof(answers: Sequence[PodAnswer], model: str, version: str) -> Proof:
    """Judge the answers of the ready pods of a workload that should serve a version of a model.

    A version that a pod said by the URI of another model is not the version.
    """
    if not answers:
        return Proof(None, "no pod is ready to be asked which version it serves")
    said = Counter(_said(item, model) for item in answers)
    others = sorted(item for item in said if item not in {"", version})
    if others:
        named = ", ".join(f"{said[item]} serve version {item}" for item in others)
        return Proof(verified=False, message=f"asked, {named} of {len(answers)} ready pods")
    if said[""]:
        why = min(item.message for item in answers if item.version is None)
        return Proof(None, f"{said['']} of {len(answers)} ready pods do not say what they serve: {why}")
    return Proof(verified=True)


def _said(answer: PodAnswer, model: str) -> str:
    """Return the version that a pod said, with its model where that is another one; "" when it said none."""
    if answer.version is None:
        return ""
    return answer.version if answer.model in {None, model} else f"{answer.version} of {answer.model}"
