"""The owner's policy: eligibility, gates, evaluation, approval and automatic promotion."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, model_validator

from modelalias.api.fields import (
    AliasName,
    CronJobName,
    Duration,
    Label,
    ObjectName,
    TagKey,
    TagPattern,
    TagValue,
    UserName,
    Value,
    cel,
)
from modelalias.api.gates import Gates, MetricSource
from modelalias.api.tag_schema import TagSchema
from modelalias.api.windows import Windows

_RECORDS: Final = "modelalias."
_NO_RECORD: Final = "tags that begin with modelalias. are the operator's records"
_MLFLOW: Final = "mlflow."
_NO_MLFLOW_TAG: Final = "tags that begin with mlflow. are MLflow's own"


def _free_tag(key: str) -> str:
    for prefix, message in ((_RECORDS, _NO_RECORD), (_MLFLOW, _NO_MLFLOW_TAG)):
        if key.lower().startswith(prefix):
            raise ValueError(message)
    return key


class PolicyRef(Value):
    """The PromotionPolicy of the same namespace whose rules hold as well."""

    name: ObjectName
    """Name of the PromotionPolicy."""


class ApprovalRequired(StrEnum):
    """When people have to approve."""

    NEVER = "Never"
    ALWAYS = "Always"
    ON_INCONCLUSIVE = "OnInconclusive"
    """only when a gate could not be judged."""


class Concurrency(StrEnum):
    """What a new request does to older ones that have not begun."""

    QUEUE = "Queue"
    """it waits until they have ended."""
    SUPERSEDE = "Supersede"
    """once it can go itself it replaces them; they end Superseded."""


class Pins(StrEnum):
    """Whether a pin, an edit of spec.version, has to pass eligibility and gates."""

    TRUSTED = "Trusted"
    """no, whoever may edit the ModelAlias decides."""
    GATED = "Gated"
    """yes, unless the ModelAlias has accepted the version."""


class Soak(Value):
    """How long another alias must have named the version without a break.

    The time counts from when the ModelAlias that manages the other alias put it there; without such a
    ModelAlias, from when the operator first saw it there.
    """

    alias: AliasName
    """The other alias of the same model, such as staging."""
    for_: Annotated[Duration, Field(alias="for")]
    """How long, such as 24h or 1d12h."""


class Eligibility(Value):
    """What a version must have before its metrics are looked at."""

    require_tags: Annotated[dict[TagKey, TagValue], Field(max_length=32)] = Field(default_factory=dict)
    """Tags that the model version must have, with this value or, for "*", with any value. No request can set
    them. The operator's own records (modelalias.*) prove nothing here."""
    tag_schema: Annotated[TagSchema | None, Field(exclude_if=lambda schema: schema is None)] = None
    """What the tags of the model version have to look like. No request can set tags that it names."""
    require_alias: AliasName | None = None
    """Another alias that must name the version when it is judged, such as smoke."""
    soak: Soak | None = None
    """How long another alias must have named the version, and still name it. Until then the request is
    Pending."""
    require_signature: StrictBool = False
    """Whether the model must have a signature; if that cannot be read, the result is Inconclusive."""


class Evaluation(Value):
    """A suspended CronJob that serves as the template of the evaluation Jobs.

    One Job measures the candidate and one the champion. Every container gets the environment variables
    MLFLOW_RUN_ID (a run created for the Job to log into), MODEL_URI and MODELALIAS_SIDE (Candidate or
    Champion).
    """

    cron_job: CronJobName
    """Name of the CronJob, in the same namespace."""
    timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = 1800
    """Seconds after which a Job is stopped; the template may set a shorter time."""


class Approval(Value):
    """Who has to approve, and how long the operator waits for them.

    An approval is valid only for the evidence that it names: the version, its champion, the rules and the
    values. When one of them changes, people have to approve again.
    """

    required: ApprovalRequired = ApprovalRequired.NEVER
    """When people have to approve."""
    minimum: Annotated[int, Field(ge=1, le=16)] = 1
    """How many different people have to approve."""
    users: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """Users who may approve, in addition to the groups. Both empty: anyone with the verb approve."""
    groups: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """Groups whose members may approve, in addition to the users."""
    allow_self: StrictBool = False
    """Whether people may approve their own requests."""
    wait_for: Duration = "72h"
    """How long a request waits for approvals before it is Expired."""
    checklist: Annotated[tuple[Label, ...], Field(max_length=32)] = ()
    """Sentences that each approval has to confirm."""


class FromVersions(Value):
    """Candidates by their tags: each version of the model, newer than the current one, that has all of them."""

    tags: Annotated[dict[TagKey, TagValue], Field(min_length=1, max_length=32)]
    """Tags that the version must have, with this value or, for "*", with any value."""
    newest: StrictBool = True
    """Whether only the newest of them is a candidate; otherwise all of them are, the oldest first."""


class Retention(Value):
    """Note on versions that they are no longer among the last that the alias has had.

    It is a tag, written and taken away by the operator. No version is ever deleted, and nothing is decided by it:
    a tag that a policy of the model reads is not written.
    """

    keep: Annotated[int, Field(ge=1, le=20)]
    """How many versions stay without the tag: the current one, and those that it accepted last before it. A version
    that any alias of the model names has none either."""
    tag: Annotated[
        TagKey,
        Field(
            json_schema_extra=cel(
                (f"!self.lowerAscii().startsWith('{_RECORDS}')", _NO_RECORD),
                (f"!self.lowerAscii().startsWith('{_MLFLOW}')", _NO_MLFLOW_TAG),
            )
        ),
        AfterValidator(_free_tag),
    ] = "archived"
    """Key of the tag. Its value is the alias and when it left the version, such as
    `champion 2026-11-28T10:00:00Z`. A tag with another value is left alone."""


class AutoPromote(Value):
    """Let the operator file a promotion request itself, once for each version that becomes a candidate."""

    from_alias: AliasName | None = None
    """The alias that names candidates, such as challenger. Excludes fromVersions."""
    from_versions: FromVersions | None = None
    """Candidates by their tags. Excludes fromAlias."""
    delete_source_alias: StrictBool = True
    """With fromAlias: whether that alias is removed after the promotion, if it still names the version."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.fromAlias) != has(self.fromVersions)", "set exactly one of fromAlias and fromVersions")
        )
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.from_alias is None) == (self.from_versions is None):
            raise ValueError("set exactly one of fromAlias and fromVersions")
        return self


_EVALUATION_GIVEN = (
    "has(self.evaluation) || !has(self.gates) || "
    "!self.gates.exists(gate, has(gate.metricFrom) && gate.metricFrom == 'Evaluation')"
)


class Policy(Value):
    """The owner's rules for promotions; a request can add to them but not weaken them."""

    eligibility: Eligibility | None = None
    """What a version must have before its metrics are looked at."""
    gates: Gates = ()
    """Rules on metrics; a version is promoted only if every blocking gate passes."""
    evaluation: Evaluation | None = None
    """Jobs that measure candidate and champion, for gates with metricFrom Evaluation."""
    wait_for_run: Duration = "24h"
    """How long a request waits for a run that has not finished, counted from when the operator first saw it so.
    After that its gates are Inconclusive."""
    approval: Approval = Approval()
    """Who has to approve."""
    concurrency: Concurrency = Concurrency.QUEUE
    """What a new request does to older ones that have not begun."""
    request_tags: Annotated[tuple[TagPattern, ...], Field(max_length=32)] = ()
    """Tags that a request may set on the version in onSuccess.tags, as shell patterns of their keys, such as
    ticket-*. Empty: none. Never a tag that a ModelAlias of the model has in requireTags."""
    pins: Pins = Pins.TRUSTED
    """Whether a pin, an edit of spec.version, has to pass eligibility and gates."""
    auto_promote: AutoPromote | None = None
    """Let the operator file a request for each version that becomes a candidate."""
    retention: Retention | None = None
    """Tag the versions that the alias has left behind. Left out: nothing is tagged."""
    windows: Windows = ()
    """When plans may begin. Times that overlap: what one Deny window closes no other one opens."""

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
