"""The owner's policy: eligibility, gates, evaluation, approval and what may happen by itself."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, StrictBool, model_validator

from modelalias.api.fields import (
    AliasName,
    CronJobName,
    Duration,
    Label,
    TagKey,
    TagValue,
    UserName,
    Value,
    cel,
)
from modelalias.api.gates import Gates, MetricSource


class ApprovalRequired(StrEnum):
    """When people have to approve."""

    NEVER = "Never"
    ALWAYS = "Always"
    ON_INCONCLUSIVE = "OnInconclusive"
    """only when a gate could not be judged."""


class Concurrency(StrEnum):
    """What a newer request does to those that have no plan yet."""

    QUEUE = "Queue"
    """it waits for its turn."""
    SUPERSEDE = "Supersede"
    """it replaces them."""


class Pins(StrEnum):
    """Whether an edit of spec.version has to pass the gates."""

    TRUSTED = "Trusted"
    """the edit is the owner's word."""
    GATED = "Gated"
    """a version that is not in the history must pass eligibility and gates first."""


class Soak(Value):
    """How long a version must have held another alias.

    Counted from when the ModelAlias of that alias says it got there; where there is none, from when the
    operator first saw it.
    """

    alias: AliasName
    """The other alias of the same model, such as staging."""
    for_: Annotated[Duration, Field(alias="for")]
    """How long, such as 24h."""


class Eligibility(Value):
    """What a version must have before its metrics are looked at."""

    require_tags: Annotated[dict[TagKey, TagValue], Field(max_length=32)] = Field(default_factory=dict)
    """Tags of the model version that must be there, with this value or with any value ("*")."""
    require_alias: AliasName | None = None
    """An alias that the version must hold now, such as smoke."""
    soak: Soak | None = None
    """How long the version must have held another alias, and hold it still; the request waits as Pending
    until then."""
    require_signature: StrictBool = False
    """Whether the model must have a signature; one that cannot be read is Inconclusive."""


class Evaluation(Value):
    """A suspended CronJob that is the template of the evaluation Jobs.

    One Job per side, Candidate and Champion. Every container gets MLFLOW_RUN_ID (a run that the operator
    made, for the Job to log into), MODEL_URI and MODELALIAS_SIDE.
    """

    cron_job: CronJobName
    """Name of the CronJob, in the same namespace."""
    timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = 1800
    """Seconds that a Job may take; the template may say less."""


class Approval(Value):
    """Who has to approve, and for how long the operator waits for them.

    An approval counts only for the evidence that stands: the version, its champion, the rules and the
    numbers.
    """

    required: ApprovalRequired = ApprovalRequired.NEVER
    """When people have to approve."""
    minimum: Annotated[int, Field(ge=1, le=16)] = 1
    """How many different people have to approve."""
    users: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """Users whose approval counts, beside the groups. Both empty: anyone with the verb approve."""
    groups: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """Groups whose members' approval counts, beside the users."""
    allow_self: StrictBool = False
    """Whether the approval of the person who filed the request counts."""
    wait_for: Duration = "72h"
    """How long a request may wait for approvals until it is Expired."""
    checklist: Annotated[tuple[Label, ...], Field(max_length=32)] = ()
    """Sentences that each approval has to repeat."""


class AutoPromote(Value):
    """Let the operator file a request for each new holder of an alias."""

    from_alias: AliasName
    """The alias that names candidates, such as challenger."""
    delete_source_alias: StrictBool = True
    """Whether that alias is removed after the promotion, if it still holds the version."""


_EVALUATION_GIVEN = (
    "has(self.evaluation) || !has(self.gates) || "
    "!self.gates.exists(gate, has(gate.metricFrom) && gate.metricFrom == 'Evaluation')"
)


class Policy(Value):
    """The owner's rules for promotions; a request may add to them, never weaken them."""

    eligibility: Eligibility | None = None
    """What a version must have before its metrics are looked at."""
    gates: Gates = ()
    """Rules on metrics; a request is promoted when every blocking one passes."""
    evaluation: Evaluation | None = None
    """Jobs that measure candidate and champion, for gates with metricFrom Evaluation."""
    approval: Approval = Approval()
    """Who has to approve."""
    concurrency: Concurrency = Concurrency.QUEUE
    """What a newer request does to those that have no plan yet."""
    pins: Pins = Pins.TRUSTED
    """Whether an edit of spec.version has to pass eligibility and gates."""
    auto_promote: AutoPromote | None = None
    """Let the operator file a request for each new holder of an alias."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                _EVALUATION_GIVEN,
                "a gate with metricFrom Evaluation needs policy.evaluation",
            )
        )
    )

    @model_validator(mode="after")
    def _evaluation_given(self) -> Self:
        if self.evaluation is None and any(
            item.metric_from is MetricSource.EVALUATION for item in self.gates
        ):
            raise ValueError("a gate with metricFrom Evaluation needs policy.evaluation")
        return self
