"""What is to be judged, and how far one may go for it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from modelalias.api.alias import ModelAliasSpec, NamedVersion
from modelalias.api.gates import Gate
from modelalias.api.request import OnSuccess
from modelalias.api.request_status import Evaluated, GateResult
from modelalias.core.judging.evaluation import WantedEvaluation
from modelalias.ports import Aliases, ModelVersion

NOT_REGISTERED: Final = "known once the run is registered as a version"
"""What is said of the run of a dry run where only a version could be judged."""


@dataclass(frozen=True)
class Case:
    """A candidate beside the champion, with the rules that decide."""

    spec: ModelAliasSpec
    namespace: str
    uid: str
    """The request's, or the pinned ModelAlias's; empty for a rehearsal."""
    name: str
    """The candidate in words, such as `version 4`."""
    candidate: ModelVersion
    accepted: NamedVersion | None
    """The champion: the version that the ModelAlias accepted last, whatever the registry names."""
    registered: bool
    """False for the run of a dry run that is no version yet."""
    aliases: Aliases
    """Alias to version, as the registry has them."""
    soaking_since: datetime | None
    """Since when the candidate has held the alias of the soak; None when nobody knows."""
    disowned: frozenset[str]
    """Aliases of the candidate that the ModelAliases which manage them did not give it."""
    gates: tuple[Gate, ...]
    evaluate: WantedEvaluation | None
    """None: no Job may be started, and gates that want one come out as `unevaluated`."""
    unevaluated: GateResult
    why_unevaluated: str
    evaluated: tuple[Evaluated, ...]
    """What Jobs brought so far."""
    run_unfinished_since: datetime | None
    """When the candidate's run was first seen not to have finished; None when it never was."""
    may_ask: bool
    """Whether people can be asked where something is Inconclusive."""
    skip: str = ""
    """Why the gates are not judged; empty: they are."""
    last_evidence: str | None = None
    """The evidence that stood last, and how often it had changed before."""
    round: int = 0
    on_success: OnSuccess = field(default_factory=OnSuccess)
    """What the request wants written once it has succeeded."""
    unproved: int = 0
    """How many approvals and rejections are void for good: those who gave them have to be able to approve again."""

    @property
    def champion(self) -> str | None:
        """The number of the version that the candidate is compared with."""
        return None if self.accepted is None else self.accepted.version

    @property
    def contradicted(self) -> str | None:
        """What the champion is, where the registry names another version."""
        accepted, named = self.accepted, self.aliases.get(self.spec.alias)
        if accepted is None or named == accepted.version:
            return None
        since = f"{accepted.since:%Y-%m-%d %H:%M} UTC"
        there = f"the registry names {named or 'none'}"
        return f"compared with version {accepted.version}, accepted here on {since}; {there}"
