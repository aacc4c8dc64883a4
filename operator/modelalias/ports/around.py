"""The ports on one API server together, and those on the servers of the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelalias.ports.admission import Admission
from modelalias.ports.channel import Channel
from modelalias.ports.jobs import Jobs
from modelalias.ports.metrics_source import MetricsSource
from modelalias.ports.notary import SigningKeys
from modelalias.ports.objects import Objects
from modelalias.ports.pods import Pods
from modelalias.ports.registry import Registry
from modelalias.ports.routes import Routes
from modelalias.ports.workloads import Workloads


@dataclass(frozen=True)
class Cluster:
    """The ports on one API server."""

    objects: Objects
    workloads: Workloads
    jobs: Jobs
    admission: Admission
    keys: SigningKeys
    pods: Pods
    routes: Routes


@dataclass(frozen=True)
class Servers:
    """The ports on the servers of the configuration, by their names there."""

    registries: Mapping[str, Registry]
    metrics: Mapping[str, MetricsSource] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
