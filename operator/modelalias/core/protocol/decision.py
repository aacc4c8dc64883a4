"""What a decision is made of: statuses to write, in order, and then the one thing that comes next."""

from dataclasses import dataclass, field
from datetime import datetime

from modelalias.api.alias import FinishedRequest, ModelAlias, ModelAliasStatus
from modelalias.api.request import PromotionRequest, PromotionRequestStatus
from modelalias.core.protocol.effects import Effect
from modelalias.core.protocol.questions import AnyQuestion


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
class Ask:
    """Something has to be known first: read it, then decide again."""

    question: AnyQuestion
    waiting: frozenset[str] = frozenset()
    """Requests that were told what they wait for; until something is done they need not be asked again."""


@dataclass(frozen=True)
class Do:
    """Carry this out, then decide again."""

    effect: Effect


@dataclass(frozen=True)
class Again:
    """Decide again: a plan was written, turned round or ended, and the aliases are to be read afresh."""


@dataclass(frozen=True)
class Rest:
    """There is nothing to do now: the pass is over."""


Next = Ask | Do | Again | Rest


@dataclass(frozen=True)
class Decision:
    """What to write, in this order, and what comes next."""

    writes: tuple[AliasWrite | RequestWrite, ...] = ()
    next: Next = field(default_factory=Rest)
    wake: datetime | None = None
    """When to look again at the latest, also if the pass goes on."""


@dataclass
class Draft:
    """The decision in the making; wakes are gathered, the earliest counts."""

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
    refused: list[RequestWrite] = field(default_factory=list)
    """Ends of requests that have no room, which are written after all others: nothing else waits for them."""
    blocked: bool = False
    """Whether an end could not be written yet, so that nothing may begin."""

    def wake(self, at: datetime | None) -> None:
        """Look again at that time at the latest."""
        if at is not None:
            self.wakes.append(at)

    def do(self, effect: Effect) -> None:
        """Have this done, unless something else comes first."""
        self.effect = self.effect or effect

    def decision(self, following: Next | None = None) -> Decision:
        """Return the decision; without `following` what is left to do comes next, else rest."""
        left = Rest() if self.effect is None else Do(self.effect)
        return Decision(self._remembered(), following or left, min(self.wakes, default=None))

    def asking(self, question: AnyQuestion) -> Decision:
        """Return the decision with a question, which comes before what there is to do."""
        return self.decision(Ask(question, frozenset(self.waiting)))

    def _remembered(self) -> tuple[AliasWrite | RequestWrite, ...]:
        """Have the alias remember what ended, before the ends are written."""
        if self.alias is None or not self.finished:
            return (*self.writes, *self.refused)
        stored = AliasWrite(self.alias.status)
        write = next((item for item in self.writes if isinstance(item, AliasWrite)), stored)
        others = [item for item in self.writes if item is not write]
        return (AliasWrite(write.status.with_finished(self.finished)), *others, *self.refused)
