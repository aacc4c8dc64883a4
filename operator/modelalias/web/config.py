"""The configuration of a dashboard that is deployed: `modelalias dashboard --config FILE`."""

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Final, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from modelalias.api import unfit
from modelalias.api.fields import ItemName, ObjectName, Value
from modelalias.cli import kubernetes_yaml
from modelalias.core.errors import InvalidRequest
from modelalias.web import mlflow_links

HOST: Final = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"


class Mode(StrEnum):
    """Who is looking, and with whose rights; `docs/dashboard.md` has the table."""

    VIEWER = "viewer"
    """nobody in particular: what the dashboard's own account may read"""
    BEARER = "bearer"
    """whose token a proxy forwards"""
    IMPERSONATE = "impersonate"
    """whom a proxy names; the dashboard's own account acts as them"""


class Auth(Value):
    """Who is looking."""

    mode: Mode
    writes: bool = False
    """Whether people may write where they are impersonated."""

    @model_validator(mode="after")
    def _writes_where_it_is_a_choice(self) -> Self:
        if "writes" in self.model_fields_set and self.mode is not Mode.IMPERSONATE:
            what = "never" if self.mode is Mode.VIEWER else "always"
            raise ValueError(f"writes is for mode impersonate only: mode {self.mode} {what} writes")
        return self


class Listen(Value):
    """Where the dashboard answers."""

    address: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8300

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, given: str) -> str:
        try:
            ip_address(given)
        except ValueError as error:
            raise ValueError("it has to be an IP address, such as 127.0.0.1 or 0.0.0.0") from error
        return given

    @property
    def ip(self) -> IPv4Address | IPv6Address:
        """The address."""
        return ip_address(self.address)


class DashboardConfig(Value):
    """The whole file."""

    auth: Auth
    listen: Listen = Listen()
    hosts: Annotated[tuple[Annotated[str, Field(pattern=HOST)], ...], Field(min_length=1)]
    """Names by which browsers know the dashboard, without port; anything else is refused."""
    namespace: ObjectName = "default"
    """What is shown to somebody who may not look into all namespaces."""
    operator_namespace: ObjectName | None = None
    """Where the operator and its Lease are; absent: where the dashboard's own pod is."""
    place: Annotated[str, Field(max_length=63)] = ""
    """What the pages call the cluster."""
    mlflow: Annotated[Mapping[ItemName, str], Field(default_factory=dict)]
    """Where links to MLflow lead, by the names of registries; nothing is read there, for it has no rights of who looks."""

    @field_validator("mlflow")
    @classmethod
    def _are_addresses(cls, given: Mapping[str, str]) -> Mapping[str, str]:
        try:
            return {name: mlflow_links.address(text) for name, text in given.items()}
        except InvalidRequest as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _who_is_believed_stands_close(self) -> Self:
        if self.auth.mode is Mode.IMPERSONATE and not self.listen.ip.is_loopback:
            raise ValueError(
                "mode impersonate believes what it is told of who looks, so it listens for a proxy in the same pod "
                "only: listen.address has to be 127.0.0.1"
            )
        return self


def read(path: Path) -> DashboardConfig:
    """Read the file; raise `InvalidRequest` with what is wrong in it."""
    try:
        bodies = [*kubernetes_yaml.load_all(path.read_text(encoding="utf-8"))]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"cannot read the configuration {path}: {error}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidRequest(f"the configuration {path} is not YAML: {error}") from error
    try:
        return DashboardConfig.model_validate(bodies[0] if bodies else {})
    except ValidationError as error:
        raise InvalidRequest(f"the configuration {path} is wrong: {unfit.message(error)}") from error
