"""Workloads that serve an alias: which ones, how their pods learn the version, how they roll out."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from modelalias.api.fields import ContainerName, EnvName, ObjectName, Value, cel


class WorkloadKind(StrEnum):
    """The kinds of workload that can be rolled out."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"


class LoadMode(StrEnum):
    """How the pods of a workload learn their version."""

    ALIAS = "Alias"
    """pods resolve models:/<model>@<alias> when they start."""
    PINNED = "Pinned"
    """the operator writes models:/<model>/<version> into an environment variable; if every workload is
    Pinned, the alias is moved last."""


class OnFailure(StrEnum):
    """What happens if a rollout fails."""

    ROLLBACK = "Rollback"
    """alias and workloads go back to what they were."""
    HOLD = "Hold"
    """everything stays as it is until a person decides."""


class Load(Value):
    """How the pods learn which version to serve."""

    mode: LoadMode = LoadMode.ALIAS
    """How the pods learn which version to serve."""
    container: ContainerName | None = None
    """With mode Pinned: the container whose environment variable the operator writes."""
    env: EnvName | None = None
    """With mode Pinned: the environment variable that is set to models:/<model>/<version>."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!(has(self.mode) && self.mode == 'Pinned') || (has(self.container) && has(self.env))",
                "mode Pinned needs container and env",
            ),
            (
                "(has(self.mode) && self.mode == 'Pinned') || !(has(self.container) || has(self.env))",
                "container and env are only for mode Pinned",
            ),
        )
    )

    @model_validator(mode="after")
    def _pinned_names_a_variable(self) -> Self:
        if self.mode is LoadMode.PINNED and not (self.container and self.env):
            raise ValueError("mode Pinned needs container and env")
        if self.mode is LoadMode.ALIAS and (self.container or self.env):
            raise ValueError("container and env are only for mode Pinned")
        return self


class Verify(Value):
    """How to ask a pod what it serves: an HTTP GET that is answered with a JSON object."""

    port: Annotated[int, Field(ge=1, le=65535)]
    """Port of the pod."""
    path: Annotated[str, Field(max_length=255, pattern=r"^/[A-Za-z0-9_.~/-]*$")] = "/version"
    """Path of the HTTP GET."""
    field: Annotated[str, Field(min_length=1, max_length=63)] = "version"
    """Field of the JSON answer that holds the version."""


class Serving(Value):
    """A workload that serves the alias and is rolled out when the alias moves."""

    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    """Kind of the workload."""
    name: ObjectName
    """Name of the workload, in the namespace of the ModelAlias."""
    wave: Annotated[int, Field(ge=0, le=99)] = 0
    """Waves are rolled out one after another, the lowest number first; the workloads of a wave together."""
    load: Load = Load()
    """How the pods learn which version to serve. Unset: they resolve the alias when they start."""
    verify: Verify | None = None
    """Ask every ready pod what it serves. Unset: a finished rollout is enough."""


class Rollout(Value):
    """How long a rollout may take and what happens if it fails."""

    deadline_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600
    """Seconds from the start of the rollout after which it has failed; a crash loop does not extend it."""
    on_failure: OnFailure = OnFailure.ROLLBACK
    """What happens if the rollout fails."""
