"""Workloads that serve an alias: which ones, how their pods learn the version, how they roll out."""

import re
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from modelalias.api.fields import ContainerName, EnvName, ObjectName, Value, cel

_STEERED_BY: Final = (
    # shells, and where everything looks for programs and settings
    "PATH|HOME|SHELL|IFS|ENV|CDPATH|BASH_.*|BASHOPTS|SHELLOPTS|PROMPT_COMMAND|PS[0-9]|ZDOTDIR|TMPDIR",
    # the loader and the C library
    "LD_.*|DYLD_.*|GCONV_PATH|GLIBC_TUNABLES|LOCPATH|NLSPATH|MALLOC_.*",
    # languages
    "PYTHON.*|NODE_.*|JAVA_.*|JDK_.*|_JAVA_OPTIONS|CLASSPATH|PERL.*|RUBY.*|GEM_.*|BUNDLE_.*|LUA_.*|PHP.*|R_.*",
    "DOTNET_.*|CORECLR_.*|COR_.*|GODEBUG|GOTRACEBACK",
    # whom a program trusts and where it sends what it sends
    "SSL_.*|OPENSSL_.*|CURL_.*|REQUESTS_CA_BUNDLE|GIT_.*",
    "(HTTP|HTTPS|ALL|NO|FTP)_PROXY|(http|https|all|no|ftp)_proxy|KUBERNETES_.*|KUBECONFIG",
)
_STEERING: Final = f"^({'|'.join(_STEERED_BY)})$"
_NOT_STEERING: Final = "env is a variable that changes how programs run, such as PATH or LD_PRELOAD"


def _not_steering(name: str) -> str:
    if re.search(_STEERING, name):
        raise ValueError(_NOT_STEERING)
    return name


ModelVariable = Annotated[
    EnvName,
    Field(json_schema_extra=cel((f"!self.matches('{_STEERING}')", _NOT_STEERING))),
    AfterValidator(_not_steering),
]
"""A variable that holds a model's URI: none from which shells, loaders and languages take orders."""


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
    env: ModelVariable | None = None
    """With mode Pinned: the environment variable that is set to models:/<model>/<version>. Not one that changes
    how programs run, such as PATH, LD_PRELOAD or PYTHONPATH."""

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
