"""The ledger of a ModelAlias as a timeline: each move with who, why and on which numbers. Pure."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from modelalias.api.alias import HistoryEntry, ModelAlias, Outcome
from modelalias.api.request import PromotionRequest
from modelalias.api.request_status import Finding
from modelalias.core.judging import numbers
from modelalias.web import phases, verdict
from modelalias.web.phases import Badge, Tone
from modelalias.web.verdict import JudgedGate
from modelalias.web.view import Command, View

_TONES: Final[Mapping[Outcome, Tone]] = {
    Outcome.SUCCEEDED: Tone.GOOD,
    Outcome.FAILED: Tone.BAD,
    Outcome.ROLLED_BACK: Tone.BAD,
    Outcome.ABORTED: Tone.QUIET,
}
_WORDS: Final[Mapping[Outcome, str]] = {Outcome.ROLLED_BACK: "Rolled back"}
NOT_SIGNED_HERE: Final = (
    "Whether a record is signed stands on the version in MLflow, and not in this list. To check the record of the "
    "version that the alias names:"
)
KEYS: Final = "kubectl -n modelalias-system get configmap modelalias-public-keys -o yaml > keys.yaml"


class Measured(View):
    """A metric on which a version was accepted."""

    metric: str
    value: str


class Entry(View):
    """One move of the alias."""

    at: datetime
    operation: str
    outcome: Badge
    left: str | None
    to: str | None
    found: str | None
    """Of an alias that somebody had moved: what the registry named, `none` for no version."""
    is_first_sight: bool
    actor: str | None
    approvers: tuple[str, ...]
    request: str | None
    evidence: str | None
    reason: str
    failure: str | None
    message: str
    numbers: tuple[Measured, ...]
    """The metrics of the version's run on which the verdict rests."""
    gates: tuple[JudgedGate, ...]
    """The verdict of the request, where it is still there to be read."""


class Ledger(View):
    """The moves, the newest first."""

    entries: tuple[Entry, ...]
    kept: int
    """How many the ModelAlias keeps."""
    note: str = NOT_SIGNED_HERE
    commands: tuple[Command, ...] = ()


def of(alias: ModelAlias, requests: Iterable[PromotionRequest]) -> Ledger:
    """Return the ledger, with the verdicts of the requests that are still there."""
    verdicts = {item.metadata.uid: item.status.gates for item in requests if item.metadata.uid}
    entries = (_entry(item, verdicts.get(item.uid or "", ())) for item in reversed(alias.status.history))
    return Ledger(entries=tuple(entries), kept=alias.spec.history_limit, commands=_checks(alias))


def _entry(item: HistoryEntry, findings: Sequence[Finding]) -> Entry:
    word = _WORDS.get(item.outcome, str(item.outcome))
    return Entry(
        at=item.at,
        operation=item.operation,
        outcome=phases.badge(word, _TONES[item.outcome]),
        left=item.left,
        to=item.to,
        found=(item.found or "none") if item.drifted else None,
        is_first_sight=item.is_first_sight,
        actor=item.actor,
        approvers=item.approvers,
        request=item.request,
        evidence=item.evidence,
        reason=item.reason,
        failure=item.failure,
        message=item.message,
        numbers=tuple(Measured(metric=one.metric, value=numbers.short(one.value)) for one in item.judged),
        gates=tuple(map(verdict.gate, findings)),
    )


def _checks(alias: ModelAlias) -> tuple[Command, ...]:
    """Return how a person checks the signature of the current version's record."""
    if alias.status.current is None:
        return ()
    words = ["modelalias", "verify", f"{alias.spec.model}@{alias.spec.alias}", "--public-keys", "keys.yaml"]
    registry = [] if alias.spec.registry == "default" else ["--registry", alias.spec.registry]
    return (Command(line=f"{KEYS}\n{shlex.join([*words, *registry])}"),)
