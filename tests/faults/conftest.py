"""What the tests of faults on real parts stand on: an operator between proxies, and a namespace for each test."""

from tests.integration.conftest import (
    crds_installed,
    kube_api,
    namespace_name,
    seeded,
    seeded_models,
    stage,
    watched_namespaces,
)

__all__ = [
    "crds_installed",
    "kube_api",
    "namespace_name",
    "seeded",
    "seeded_models",
    "stage",
    "watched_namespaces",
]
