"""What became of moves and requests: the history of a ModelAlias."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelalias.api.fields import (
    Evidence,
    Message,
    ModelVersionNumber,
    ObjectName,
    ReasonName,
    Reported,
    ReportedRunId,
    Timestamp,
    UserName,
    keep_first,
)
from modelalias.api.plan import JudgedMetrics, Operation
from modelalias.api.request_status import Phase


class Outcome(StrEnum):
    """How a plan ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ROLLED_BACK = "RolledBack"
    ABORTED = "Aborted"


class HistoryEntry(Reported):
    """One move of the alias: who, when, from, to, why, on which evidence."""

    from_: Annotated[ModelVersionNumber | None, Field(alias="from")] = None
    """Former version, which this ModelAlias had accepted last; absent when there was none."""
    to: ModelVersionNumber | None = None
    """New version; absent when the alias was removed."""
    drifted: bool = False
    """Whether somebody had moved the alias before, so that the registry did not name `from`."""
    found: ModelVersionNumber | None = None
    """If drifted: the version that the registry named; absent when it named none."""
    at: Timestamp
    """When the move ended."""
    operation: Operation
    """What kind of move it was."""
    outcome: Outcome
    """How the move ended."""
    request: ObjectName | None = None
    """Name of the request."""
    uid: Annotated[str, Field(max_length=64)] | None = None
    """UID of the request."""
    spec_hash: Annotated[str, Field(max_length=80)] | None = None
    """Hash of the request, by which it is known again when it is applied again."""
    run_id: ReportedRunId = None
    """The run that produced the new version."""
    registered_at: Timestamp | None = None
    """When the new version was registered in MLflow."""
    judged: JudgedMetrics = ()
    """The metrics of its run on which the verdict rests."""
    actor: UserName | None = None
    """Who asked for the move."""
    approvers: Annotated[tuple[UserName, ...], Field(max_length=16), keep_first(16)] = ()
    """Who approved."""
    reason: Message = ""
    """Why the move was asked for."""
    failure: ReasonName | None = None
    """Why the move failed, one of the condition reasons."""
    message: Message = ""
    """The same as a sentence."""
    evidence: Evidence | None = None
    """Hash of what the verdict rests on."""

    @property
    def left(self) -> ModelVersionNumber | None:
        """The version that the alias left: of a restore the one that was found there."""
        return self.found if self.operation is Operation.RESTORE else self.from_

    @property
    def is_first_sight(self) -> bool:
        """Whether nothing was moved: the alias named the version when the operator first looked."""
        return self.operation is Operation.ADOPT and not self.drifted


class FinishedRequest(Reported):
    """A request that ended and is not in the history: the same request, applied again, ends the same way."""

    spec_hash: Annotated[str, Field(max_length=80)]
    """Hash of the request."""
    uid: Annotated[str, Field(max_length=64)]
    """UID of the request."""
    phase: Phase
    """How the request ended."""
    version: ModelVersionNumber | None = None
    """The version that the request asked for, if it was known."""
