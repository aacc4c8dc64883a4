"""What Flux makes of our kinds, with the expressions that are shipped and without them, on objects of a real operator."""

from pathlib import Path
from typing import Any, Final

import pytest

from modelalias.api.request import Phase
from tests.support.argo_lua import SCRIPTS
from tests.support.flux import checks, health
from tests.support.kstatus import KStatus, kstatus
from tests.support.quick_yaml import documents

MOVING, BAD, GOOD = KStatus.IN_PROGRESS, KStatus.FAILED, KStatus.CURRENT
ALIASES: Final = {
    "unseen": (MOVING, MOVING),
    "nothing-promoted-yet": (GOOD, GOOD),
    "ready": (GOOD, GOOD),
    "rolling-out": (MOVING, MOVING),
    "no-replicas": (GOOD, GOOD),
    "suspended": (GOOD, GOOD),
    "registry-away": (MOVING, MOVING),
    "drifted": (BAD, MOVING),
    "workload-missing": (BAD, MOVING),
    "rollout-failed": (BAD, BAD),
    "stalled": (BAD, BAD),
}
REQUESTS: Final = {
    "unseen": (MOVING, MOVING),
    "pending": (GOOD, GOOD),
    "queued": (MOVING, MOVING),
    "awaiting-approval": (GOOD, GOOD),
    "rolling-out": (MOVING, MOVING),
    "succeeded": (GOOD, GOOD),
    "aborted": (GOOD, GOOD),
    "superseded": (GOOD, GOOD),
    "rejected": (BAD, GOOD),
    "failed": (BAD, GOOD),
}
"""With the expressions, and without them."""
CASES: Final = [
    pytest.param(SCRIPTS / kind / "testdata" / f"{name}.yaml", *told, id=f"{kind}-{name}")
    for kind, rows in (("ModelAlias", ALIASES), ("PromotionRequest", REQUESTS))
    for name, told in rows.items()
]


def _read(path: Path) -> Any:
    (body,) = documents(path.read_text(encoding="utf-8"))
    return body


@pytest.mark.parametrize(("path", "told", "told_without"), CASES)
def test_an_object_stands_where_it_should(path: Path, told: KStatus, told_without: KStatus) -> None:
    assert (health(_read(path)), kstatus(_read(path))) == (told, told_without)


def test_every_recorded_object_is_judged() -> None:
    assert {param.values[0] for param in CASES} == {*SCRIPTS.glob("*/testdata/*.yaml")}


@pytest.mark.parametrize("phase", Phase)
def test_each_end_of_a_request_is_failed_or_current(phase: Phase) -> None:
    good = {Phase.SUCCEEDED, Phase.ABORTED, Phase.SUPERSEDED}
    bad = {Phase.REJECTED, Phase.FAILED, Phase.ROLLED_BACK, Phase.ERRORED, Phase.EXPIRED}
    conditions = [
        {"type": "Complete", "status": str(phase in good | bad)},
        {"type": "Succeeded", "status": str(phase is Phase.SUCCEEDED)},
    ]
    status = {"observedGeneration": 1, "phase": str(phase), "conditions": conditions}
    item = {"kind": "PromotionRequest", "metadata": {"generation": 1}, "spec": {}, "status": status}

    assert health(item) == (BAD if phase in bad else GOOD)


def test_each_kind_that_is_waited_for_has_expressions() -> None:
    assert checks().keys() == {"ModelAlias", "PromotionRequest"}
    for check in checks().values():
        assert set(check) == {"apiVersion", "kind", "inProgress", "failed", "current"}
        assert check["apiVersion"] == "modelalias.dev/v1alpha1"
