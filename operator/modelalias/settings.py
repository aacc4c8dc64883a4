"""The configuration of operator and command line.

Only this module reads the environment and the configuration file. `MODELALIAS_CONFIG` names a YAML file;
without it the registry `default` is at `MLFLOW_TRACKING_URI`. Addresses and credentials are configured here
and never in a resource, so that a tenant cannot point the operator elsewhere. The command line reads the same
variables as MLflow's own client.
"""

import os
import socket
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

import yaml
from pydantic import Field, SecretStr, ValidationError, model_validator

from modelalias.api.fields import Duration, ItemName, ObjectName, Value
from modelalias.channels import NotificationSettings
from modelalias.core.errors import InvalidRequest
from modelalias.servers import Address, Credentials, Pattern, PrometheusSettings

DEFAULT_NAMESPACE: Final = "modelalias-system"
STANDARD_PORTS: Final = {"http": 80, "https": 443}


class AllowRule(Value):
    """Namespaces, and the registered models that they may manage; a rule allows what matches both."""

    namespaces: Annotated[tuple[Pattern, ...], Field(min_length=1)] = ("*",)
    """Shell patterns of namespaces; each has to match the whole name."""
    models: Annotated[tuple[Pattern, ...], Field(min_length=1)] = ("*",)
    """Shell patterns of registered models."""

    def allows(self, namespace: str, model: str) -> bool:
        """Return whether both match."""
        return any(fnmatchcase(namespace, item) for item in self.namespaces) and any(
            fnmatchcase(model, item) for item in self.models
        )


class RegistrySettings(Value):
    """One MLflow registry, the account that the operator has there, and who may use it."""

    uri: Address
    """Address of the MLflow server, without credentials."""
    tracking_uri: Address | None = None
    """Address of the MLflow server that has the runs, where that is another one. Left out: the registry's own."""
    tracking_credentials: Credentials | None = None
    """The account there. Left out: `credentials`, as MLflow's own client does."""
    workspace: Annotated[str, Field(pattern=r"^[a-z0-9][-a-z0-9]{0,61}[a-z0-9]$")] | None = None
    """Workspace on a server that has them; none means `default`."""
    allow: tuple[AllowRule, ...] = (AllowRule(),)
    """Which namespaces may manage which models; one matching rule is enough. Left out: every namespace, every
    model. Empty: none."""
    credentials: Credentials = Credentials()
    snapshot_interval: Duration = "30s"
    """How often the aliases of the whole registry are read: a move by hand is seen within it."""
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Total time one call may take."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 6
    """Concurrent calls, of each server where there are two; MLflow on two cores saturates at four to eight."""

    @model_validator(mode="before")
    @classmethod
    def _patterns_stand_in_rules(cls, given: object) -> object:
        """Refuse patterns outside a rule, with a message that says where they belong."""
        if isinstance(given, Mapping) and given.keys() & {"namespaces", "models"}:
            raise ValueError(
                "namespaces and models belong into a rule: write allow: [{namespaces: [...], models: [...]}]"
            )
        return given

    @model_validator(mode="after")
    def _account_has_a_server(self) -> Self:
        """Refuse an account for a tracking server that is not named."""
        if self.tracking_credentials is not None and self.tracking_uri is None:
            raise ValueError("trackingCredentials need trackingUri")
        return self

    @property
    def tracking(self) -> Self:
        """Return how the server that has the runs is reached."""
        return self.changed(
            uri=self.tracking_uri or self.uri, credentials=self.tracking_credentials or self.credentials
        )

    @property
    def place(self) -> str:
        """Return the address and the workspace as one text, the same for all spellings of the same address."""
        parts = urlsplit(self.uri)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or STANDARD_PORTS[parts.scheme]
        return f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}#{self.workspace or 'default'}"

    def allows(self, namespace: str, model: str) -> bool:
        """Return whether the namespace may manage aliases of the model."""
        return any(rule.allows(namespace, model) for rule in self.allow)


class GivenCredentials(Value):
    """A registry's credentials by value; only the command line uses this."""

    username: SecretStr | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    insecure_tls: bool = False
    """Whether any certificate is accepted."""

    @property
    def are_set(self) -> bool:
        """Return whether there is a token, or a user name with a password."""
        return self.token is not None or (self.username is not None and self.password is not None)


class ClientSettings(RegistrySettings):
    """The registry that the command line asks."""

    given: GivenCredentials = GivenCredentials()


class LeaseSettings(Value):
    """The Lease by which one of several operators in a cluster becomes the one that acts."""

    enabled: bool = True
    """False: for a process outside of a cluster that is the only one. Two without a Lease undo each other's work."""
    namespace: ObjectName = DEFAULT_NAMESPACE
    """The operator's own namespace."""
    name: ObjectName = "modelalias-operator"


class SigningSettings(Value):
    """Where the key is that signs the records of versions, and the public keys."""

    namespace: ObjectName | None = None
    """The Lease's namespace where it is left out."""
    secret: ObjectName = "modelalias-signing-key"  # noqa: S105 - the name of an object
    """Secret with the private key; the operator makes it where it is missing."""
    public_keys: ObjectName = "modelalias-public-keys"
    """ConfigMap with the public keys that are believed."""


class WebhookSettings(Value):
    """Where MLflow's webhooks are heard: hints that a registry is worth a look now, and nothing more."""

    port: Annotated[int, Field(ge=1, le=65535)] = 8088
    secret_file: Path
    """File with the secret that the webhooks were made with in MLflow; it is read again for each delivery."""
    registries: tuple[ItemName, ...] = ()
    """Registries that deliver; left out: all."""
    min_interval: Duration = "1s"
    """How long after a look that a webhook asked for the next one may follow; what comes sooner waits for it."""


class MetricsSettings(Value):
    """What Prometheus is shown."""

    enabled: bool = True
    """False: nothing listens on the port."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """Port of `/metrics`; another one has to be changed in Deployment and Service too."""
    per_alias: bool = True
    """Whether each ModelAlias has series of its own."""


class Settings(Value):
    """The operator's configuration."""

    registries: Annotated[Mapping[ItemName, RegistrySettings], Field(min_length=1)]
    """Each MLflow registry, by the name that `spec.registry` uses."""
    prometheus: Annotated[Mapping[ItemName, PrometheusSettings], Field(default_factory=dict)]
    """Each Prometheus that monitors may ask, by the name that `spec.monitors[].prometheus.server` uses."""
    namespaces: tuple[str, ...] = ()
    """Namespaces to watch; empty means all."""
    lease: LeaseSettings = LeaseSettings()
    signing: SigningSettings = SigningSettings()
    accept_unproved_approvals: bool = False
    """Whether approvals count although the admission policy is missing or incomplete, so that anybody could
    have written them."""
    machine_requesters: tuple[Pattern, ...] = ()
    """Shell patterns of user names that are machines, such as the service account of a GitOps controller.

    A machine files requests for people whom the API server does not see, so nobody knows who would approve
    their own request.
    """
    workers: Annotated[int, Field(ge=1, le=256)] = 64
    """ModelAliases that are reconciled concurrently."""
    requests_per_namespace: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """Open PromotionRequests that a namespace has room for, the oldest; newer ones are rejected (TooManyRequests).
    Rollbacks and swaps that are no dry runs never are, nor is one request of each ModelAlias."""
    resync: Duration = "10m"
    """How often each ModelAlias is reconciled without a change."""
    liveness_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Port of `/healthz`, for the probes."""
    webhooks: WebhookSettings | None = None
    """Where MLflow's webhooks are heard. Left out: nothing listens."""
    metrics: MetricsSettings = MetricsSettings()
    notifications: NotificationSettings = NotificationSettings()
    log_level: Annotated[str, Field(pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    identity: Annotated[str, Field(min_length=1, max_length=128)] = "modelalias-operator"
    """Name of this process in the Lease and in events; the pod's name in a cluster."""

    @model_validator(mode="after")
    def _webhooks_fit(self) -> Self:
        """Refuse webhooks of registries that there are not, and on the port of the probes."""
        if self.webhooks is None:
            return self
        unknown = sorted(set(self.webhooks.registries) - self.registries.keys())
        if unknown:
            raise ValueError(f"webhooks.registries names {unknown[0]}, which is not among registries")
        if self.webhooks.port == self.liveness_port:
            raise ValueError("webhooks.port and livenessPort must differ")
        return self

    @property
    def webhook_registries(self) -> frozenset[str]:
        """Return the registries whose webhooks are heard."""
        return frozenset(() if self.webhooks is None else self.webhooks.registries or self.registries)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the configuration; raise `InvalidRequest` with the file and the field that is wrong."""
    name = environ.get("MODELALIAS_CONFIG")
    if name:
        path = Path(name)
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            raise InvalidRequest(f"cannot read the configuration {path}: {error}") from error
        source = str(path)
    elif environ.get("MLFLOW_TRACKING_URI"):
        raw = {"registries": {"default": {"uri": environ["MLFLOW_TRACKING_URI"]}}}
        source = "MLFLOW_TRACKING_URI"
    else:
        raise InvalidRequest(
            "set MODELALIAS_CONFIG to a configuration file, or MLFLOW_TRACKING_URI to the registry's address"
        )
    if not isinstance(raw, dict):
        raise InvalidRequest(f"{source}: expected a YAML mapping")
    raw.setdefault("identity", environ.get("POD_NAME") or socket.gethostname())
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise InvalidRequest(f"{source}: {where}: {message}") from error


def client(uri: str | None, environ: Mapping[str, str] = os.environ) -> ClientSettings:
    """Return the registry at `uri`, or at `MLFLOW_TRACKING_URI`, with the credentials of MLflow's client.

    Raise `InvalidRequest`, which never repeats the address: it may hold a password.
    """
    address = (uri or environ.get("MLFLOW_TRACKING_URI") or "").strip()
    if not address:
        raise InvalidRequest(
            "the registry's address is missing: use --tracking-uri or set MLFLOW_TRACKING_URI"
        )
    if "@" in address:
        raise InvalidRequest(
            "the tracking URI contains credentials: remove them and set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    secrets = {
        name: _secret(environ, f"MLFLOW_TRACKING_{name.upper()}")
        for name in ("username", "password", "token")
    }
    insecure = environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").strip().lower() in {"true", "1"}
    try:
        return ClientSettings(
            uri=address.rstrip("/"),
            workspace=environ.get("MLFLOW_WORKSPACE", "").strip() or None,
            credentials=Credentials(ca_file=None if insecure else _certificate(environ)),
            given=GivenCredentials(**secrets, insecure_tls=insecure),
        )
    except ValidationError as error:
        if error.errors(include_input=False)[0]["loc"] == ("workspace",):
            raise InvalidRequest("MLFLOW_WORKSPACE is not the name of a workspace") from error
        raise InvalidRequest(
            "the tracking URI is not the address of an MLflow server, such as https://mlflow:5000"
        ) from error


def _secret(environ: Mapping[str, str], name: str) -> SecretStr | None:
    text = environ.get(name, "").strip()
    if not text.isprintable():
        raise InvalidRequest(f"{name} is not a single line of printable text")
    return SecretStr(text) if text else None


def _certificate(environ: Mapping[str, str]) -> Path | None:
    name = environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    if not name:
        return None
    if not Path(name).exists():
        raise InvalidRequest("the file in MLFLOW_TRACKING_SERVER_CERT_PATH does not exist")
    return Path(name)
