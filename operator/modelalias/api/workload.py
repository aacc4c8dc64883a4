"""Workloads that serve an alias: which ones, how their pods learn the version, how they roll out."""

import re
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, model_validator

from modelalias.api.fields import (
    ContainerName,
    EnvName,
    ObjectName,
    Value,
    cel,
    each_once,
    list_map,
)

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
"""A variable that holds a model's URI or version: none from which shells, loaders and languages take orders."""


class WorkloadKind(StrEnum):
    """The kinds of workload that can be rolled out."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    ROLLOUT = "Rollout"
    INFERENCE_SERVICE = "InferenceService"


class LoadMode(StrEnum):
    """How the pods of a workload learn their version."""

    ALIAS = "Alias"
    """pods resolve models:/<model>@<alias> when they start."""
    PINNED = "Pinned"
    """the operator writes models:/<model>/<version>, or the number alone, into environment variables; if every
    workload is Pinned, the alias is moved last."""


class OnFailure(StrEnum):
    """What happens if a rollout fails."""

    ROLLBACK = "Rollback"
    """alias and workloads go back to what they were."""
    HOLD = "Hold"
    """everything stays as it is until a person decides."""


class LoadFormat(StrEnum):
    """How a version is written."""

    URI = "uri"
    """models:/<model>/<version>."""
    VERSION = "version"
    """the number alone."""


class Place(Value):
    """Where a version is written and how, one of those that `Load` names.

    A kind of workload that has one place of its own for it needs no names.
    """

    container: str = ""
    env: str = ""
    format: LoadFormat = LoadFormat.URI


class LoadVariable(Value):
    """One of several environment variables that the operator writes."""

    container: ContainerName
    """The container, or init container, whose environment variable the operator writes."""
    env: Annotated[ModelVariable, Field(max_length=128)]  # the API server estimates the rule's cost by it
    """The environment variable. Not one that changes how programs run, such as PATH, LD_PRELOAD or
    PYTHONPATH."""
    format: LoadFormat | None = None
    """How the version is written into the variable. Unset: uri."""


_NO_VARIABLE: Final = "mode Pinned needs container and env, or variables"
_NOT_PINNED: Final = "container, env, format and variables are only for mode Pinned"
_ONE_PLACE: Final = "load is left out for an InferenceService: the operator writes its storageUri"
_TWO_FORMS: Final = "name one variable with container and env, or several in variables, not both"


class Load(Value):
    """How the pods learn which version to serve."""

    mode: LoadMode = LoadMode.ALIAS
    """How the pods learn which version to serve."""
    container: ContainerName | None = None
    """With mode Pinned: the container, or init container, whose environment variable the operator writes."""
    env: ModelVariable | None = None
    """With mode Pinned: the environment variable that is set to models:/<model>/<version>. Not one that changes
    how programs run, such as PATH, LD_PRELOAD or PYTHONPATH."""
    format: LoadFormat | None = None
    """With mode Pinned: how the version is written into the variable. Unset: uri."""
    variables: (
        Annotated[
            tuple[LoadVariable, ...],
            Field(min_length=1, max_length=16, json_schema_extra=list_map("container", "env")),
            each_once("container", "env"),
        ]
        | None
    ) = None
    """With mode Pinned, in place of container, env and format: several variables, which are written together."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                (
                    "!(has(self.mode) && self.mode == 'Pinned') || has(self.variables) || "
                    "(has(self.container) && has(self.env))"
                ),
                _NO_VARIABLE,
            ),
            (
                (
                    "(has(self.mode) && self.mode == 'Pinned') || "
                    "!(has(self.container) || has(self.env) || has(self.format) || has(self.variables))"
                ),
                _NOT_PINNED,
            ),
            (
                "!has(self.variables) || !(has(self.container) || has(self.env) || has(self.format))",
                _TWO_FORMS,
            ),
        )
    )

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the version is written; nowhere with mode Alias."""
        if self.mode is not LoadMode.PINNED:
            return ()
        return tuple(
            Place(container=item.container or "", env=item.env or "", format=item.format or LoadFormat.URI)
            for item in self.variables or (self,)
        )

    @model_validator(mode="after")
    def _pinned_names_variables(self) -> Self:
        one = (self.container, self.env, self.format)
        if self.mode is LoadMode.PINNED and not (self.variables or (self.container and self.env)):
            raise ValueError(_NO_VARIABLE)
        if self.mode is LoadMode.ALIAS and (self.variables or any(one)):
            raise ValueError(_NOT_PINNED)
        if self.variables and any(one):
            raise ValueError(_TWO_FORMS)
        return self


_NAME_IN_ANSWER: Final = r"[A-Za-z_][A-Za-z0-9_-]*(\[[0-9]{1,3}\])*"

JsonPath = Annotated[
    str,
    Field(min_length=1, max_length=127, pattern=rf"^(\$\.)?{_NAME_IN_ANSWER}(\.{_NAME_IN_ANSWER})*$"),
]
"""Where something stands in a JSON object: names separated by dots, and `[n]` for an item of a list."""


class Verify(Value):
    """How to ask a pod what it serves: an HTTP GET that is answered with a JSON object."""

    port: Annotated[int, Field(ge=1, le=65535)]
    """Port of the pod, which speaks plain HTTP there."""
    path: Annotated[str, Field(max_length=255, pattern=r"^/[A-Za-z0-9_.~/-]*$")] = "/version"
    """Path of the HTTP GET."""
    field: JsonPath = "version"
    """Where the version stands in the JSON answer: names separated by dots, and [n] for an item of a list, such as
    versions[0] or model.version. It is a number, or a model's URI such as models:/churn/4."""


class Serving(Value):
    """A workload that serves the alias and is rolled out when the alias moves."""

    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    """Kind of the workload."""
    name: ObjectName
    """Name of the workload, in the namespace of the ModelAlias."""
    wave: Annotated[int, Field(ge=0, le=99)] = 0
    """Waves are rolled out one after another, the lowest number first; the workloads of a wave together."""
    load: Load = Load()
    """How the pods learn which version to serve. Unset: they resolve the alias when they start. Left out for an
    InferenceService: the operator writes the address of the version's files into its storageUri."""
    verify: Verify | None = None
    """Ask every ready pod at its own address what it serves. Unset: a finished rollout is enough."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("!(has(self.kind) && self.kind == 'InferenceService') || !has(self.load)", _ONE_PLACE)
        )
    )

    @property
    def mode(self) -> LoadMode:
        """How the pods learn their version; an InferenceService is told, always."""
        return LoadMode.PINNED if self.kind is WorkloadKind.INFERENCE_SERVICE else self.load.mode

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the version is written; an InferenceService has one place of its own."""
        return (Place(),) if self.kind is WorkloadKind.INFERENCE_SERVICE else self.load.places

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if self.kind is WorkloadKind.INFERENCE_SERVICE and "load" in self.model_fields_set:
            raise ValueError(_ONE_PLACE)
        return self


class Rollout(Value):
    """How long a rollout may take and what happens if it fails."""

    deadline_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600
    """Seconds from the start of the rollout after which it has failed; a crash loop does not extend it."""
    on_failure: OnFailure = OnFailure.ROLLBACK
    """What happens if the rollout fails."""
    stable_seconds: Annotated[int, Field(ge=0, le=3_600)] = 10
    """Seconds for which the pods of a workload have to stay available, without a restart, before its rollout
    counts."""
    require_whole: StrictBool = False
    """Begin only when all replicas of every workload are available. Unset: a rollout is done when as many are
    available as were before."""
    delete_stuck_pods: StrictBool = False
    """When a rollout of a StatefulSet is undone: delete its pods of the failed revision that are not ready, for
    which its controller would wait forever. The operator needs the permission to delete pods, which the
    component delete-stuck-pods gives."""
