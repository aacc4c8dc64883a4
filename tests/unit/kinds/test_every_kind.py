"""The table of kinds, the API, the watches and the shipped ClusterRole name the same kinds."""

from collections import defaultdict
from itertools import product
from pathlib import Path
from typing import Any, cast

import kopf
import pytest

from modelalias.api.workload import WorkloadKind
from modelalias.handlers import tuning, watches
from modelalias.kinds import KINDS
from modelalias.kinds.kind import VERBS, Kind
from modelalias.reconcile.engine import Engine
from modelalias.rest import PatchType
from tests.support.quick_yaml import documents

ROLES = Path(__file__).parents[3] / "manifests" / "base" / "operator-roles.yaml"
OTHERS = {
    ("modelalias.dev", "v1alpha1", "modelaliases"),
    ("modelalias.dev", "v1alpha1", "promotionrequests"),
    ("modelalias.dev", "v1alpha1", "promotionpolicies"),
    ("modelalias.dev", "v1alpha1", "clusterpromotionpolicies"),
    ("batch", "v1", "jobs"),
}
"""What is watched besides workloads."""

each_kind = pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=str(kind.name)) for kind in KINDS.values()]
)


def test_the_api_names_each_kind_of_the_table_and_no_other() -> None:
    assert set(KINDS) == set(WorkloadKind), "api/workload.py and kinds/__init__.py differ; then: make crds"


@each_kind
def test_the_operator_may_do_to_a_kind_what_it_does_and_no_more(kind: Kind[Any]) -> None:
    granted: dict[tuple[str, str], set[str]] = defaultdict(set)
    for role in documents(ROLES.read_text(encoding="utf-8")):
        for rule in role.get("rules", ()):
            for resource in product(rule["apiGroups"], rule["resources"]):
                granted[resource] |= set(rule["verbs"])

    assert granted[kind.resource.group, kind.resource.plural] == VERBS, f"see {ROLES.name}; then: make crds"


def test_each_kind_is_watched_and_no_other() -> None:
    registry = kopf.OperatorRegistry()
    watches.register(cast("Engine", None), registry)  # no event comes

    handlers = registry._watching.get_all_handlers()  # noqa: SLF001 - Kopf has no public list of its watches

    selectors = [handler.selector for handler in handlers if handler.selector is not None]
    watched = {(str(item.group), str(item.version), str(item.any_name)) for item in selectors}
    kinds = {(kind.resource.group, kind.resource.version, kind.resource.plural) for kind in KINDS.values()}
    assert watched == kinds | OTHERS


@each_kind
def test_only_what_carries_the_label_is_watched(kind: Kind[Any]) -> None:
    selectors = tuning.settings().watching.label_selectors

    assert selectors[kind.resource.group, kind.resource.plural] == "modelalias.dev/managed=true"


@each_kind
def test_a_kind_of_a_crd_is_not_patched_in_a_way_that_the_api_server_refuses(kind: Kind[Any]) -> None:
    builtin = "." not in kind.resource.group or kind.resource.group.endswith(".k8s.io")

    assert builtin or kind.patch_type is not PatchType.STRATEGIC
