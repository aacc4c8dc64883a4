"""Which workloads of a namespace load which alias or stage, by the URIs in their templates."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelalias.api.workload import WorkloadKind
from modelalias.cli.cluster import Kind, PersonsCluster
from modelalias.cli.managed_aliases import AliasKey
from modelalias.kinds.containers import texts_of
from modelalias.ports import WorkloadRef

_SEARCHED: Final = {
    Kind.DEPLOYMENTS: WorkloadKind.DEPLOYMENT,
    Kind.STATEFUL_SETS: WorkloadKind.STATEFUL_SET,
    Kind.DAEMON_SETS: WorkloadKind.DAEMON_SET,
}
_BY_ALIAS: Final = re.compile(r"models:/+([^/:\x00-\x1f\x7f]+)@([A-Za-z0-9_-]+)")
_BY_STAGE: Final = re.compile(r"models:/+([^/:\x00-\x1f\x7f]+)/(staging|production)(?![\w/])", re.IGNORECASE)


class Loading:
    """Who loads an alias, and who a stage."""

    def __init__(self) -> None:
        self._by_alias: dict[AliasKey, dict[WorkloadRef, None]] = {}
        self._by_stage: dict[AliasKey, dict[WorkloadRef, None]] = {}

    def add(self, ref: WorkloadRef, template: Mapping[str, Any]) -> None:
        """Note what the pods of a workload load."""
        for text in texts_of(template["spec"]):
            for found in _BY_ALIAS.finditer(text):
                self._by_alias.setdefault(AliasKey(found[1], found[2]), {})[ref] = None
            for found in _BY_STAGE.finditer(text):
                self._by_stage.setdefault(AliasKey(found[1], found[2].lower()), {})[ref] = None

    def of_alias(self, key: AliasKey) -> tuple[WorkloadRef, ...]:
        """Return the workloads that load the alias."""
        return tuple(self._by_alias.get(key, ()))

    def of_stage(self, model: str, stage: str) -> tuple[WorkloadRef, ...]:
        """Return the workloads that load what is in a stage."""
        return tuple(self._by_stage.get(AliasKey(model, stage.lower()), ()))

    def loaded(self) -> Iterator[AliasKey]:
        """Yield the aliases that somebody loads."""
        yield from self._by_alias


async def search(cluster: PersonsCluster) -> Loading:
    """Look through the Deployments, StatefulSets and DaemonSets of the namespace."""
    loading = Loading()
    for kind, name in _SEARCHED.items():
        async for body in cluster.every(kind, cluster.namespace):
            ref = WorkloadRef(kind=name, namespace=cluster.namespace, name=body["metadata"]["name"])
            loading.add(ref, body["spec"]["template"])
    return loading
