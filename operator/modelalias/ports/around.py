"""The ports on one API server together."""

from dataclasses import dataclass

from modelalias.ports.cluster import Admission, Jobs, Objects, Workloads
from modelalias.ports.notary import SigningKeys
from modelalias.ports.pods import Pods
from modelalias.ports.routes import Routes


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
