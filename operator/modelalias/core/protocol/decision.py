"""What a decision is made of: statuses to write, in order, and then at most one thing to do."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from modelalias.api.alias import FinishedRequest, ModelAlias, ModelAliasStatus
from modelalias.api.request import PromotionRequest, PromotionRequestStatus
from modelalias.core.protocol.effects import Effect
from modelalias.core.protocol.questions import Question

_MOST_FINISHED: Final = 50
"""As many as the status has room for, whatever the owner keeps of the history: a NoOp stands nowhere else
until the version is replaced, and what never found its version stands nowhere else at all."""


@dataclass(frozen=True)
class AliasWrite:
    """A status that the ModelAlias should have."""

    status: ModelAliasStatus


@dataclass(frozen=True)
class RequestWrite:
    """A status that a request should have."""

    request: PromotionRequest
    status: PromotionRequestStatus


@dataclass(frozen=True)
class Decision:
    """What to write, in this order, and then what to do.

    With neither question nor effect nor `again` the pass is over.
    """

    writes: tuple[AliasWrite | RequestWrite, ...] = ()
    question: Question | None = None
    effect: Effect | None = None
    again: bool = False
    wake: datetime | None = None
    waiting: frozenset[str] = frozenset()
    """Requests that were told what they wait for; until something is done they need not be asked again in
    this pass."""


@dataclass
class Draft:
    """The answer in the making; wakes are gathered, the earliest counts."""

    alias: ModelAlias | None = None
    """The alias as it is stored."""
    records: bool = True
    """Whether ends may be written into the registry: not for a model that is none of this alias's business."""
    writes: list[AliasWrite | RequestWrite] = field(default_factory=list)
    wakes: list[datetime] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)
    effect: Effect | None = None
    """What has to be done before something that is not among the writes yet; the first one counts."""
    finished: list[FinishedRequest] = field(default_factory=list)
    """Requests that end here without a move: the alias remembers them."""
    stuck: bool = False
    """Whether an end could not be written yet, so that nothing may begin."""

    def wake(self, at: datetime | None) -> None:
        """Look again at that time at the latest."""
        if at is not None:
            self.wakes.append(at)

    def do(self, effect: Effect) -> None:
        """Have this done, unless something else comes first."""
        self.effect = self.effect or effect

    def done(
        self, *, again: bool = False, effect: Effect | None = None, question: Question | None = None
    ) -> Decision:
        """Return the decision; a question comes before what there is to do."""
        writes, wake = self._remembered(), min(self.wakes, default=None)
        if question is not None:
            return Decision(writes, question=question, wake=wake, waiting=frozenset(self.waiting))
        return Decision(writes, effect=effect or self.effect, again=again, wake=wake)

    def _remembered(self) -> tuple[AliasWrite | RequestWrite, ...]:
        """Have the alias remember what ended, before the ends are written."""
        if self.alias is None or not self.finished:
            return tuple(self.writes)
        found = next(
            (item for item in self.writes if isinstance(item, AliasWrite)), AliasWrite(self.alias.status)
        )
        ended = {item.uid for item in self.finished}
        known = [item for item in found.status.finished if item.uid not in ended]
        kept = (*known, *self.finished)[-_MOST_FINISHED:]
        others = [item for item in self.writes if item is not found]
        return (AliasWrite(found.status.model_copy(update={"finished": kept})), *others)
