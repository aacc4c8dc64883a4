"""What Flux makes of an object by health check expressions, as its RFC 0009 says.

First the generation, then inProgress, failed and current, in this order. Where none is true, or one cannot be
evaluated, Flux waits.
"""

from collections.abc import Mapping
from typing import Any, Final

import cel

from tests.support.kstatus import KStatus
from tests.support.quick_yaml import documents
from tests.support.shipped_monitoring import ROOT

FILE: Final = ROOT / "contrib" / "flux" / "health-check-exprs.yaml"
_ORDER: Final = {
    "inProgress": KStatus.IN_PROGRESS,
    "failed": KStatus.FAILED,
    "current": KStatus.CURRENT,
}


def checks() -> Mapping[str, Mapping[str, str]]:
    """Return the expressions that are shipped, by kind."""
    (found,) = documents(FILE.read_text(encoding="utf-8"))
    return {check["kind"]: check for check in found["healthCheckExprs"]}


def health(item: Mapping[str, Any]) -> KStatus:
    """Return where an object stands by the expressions for its kind."""
    generation = item["metadata"]["generation"]
    if item.get("status", {}).get("observedGeneration", generation) != generation:
        return KStatus.IN_PROGRESS
    check = checks()[item["kind"]]
    for name, answer in _ORDER.items():
        if cel.evaluate(check[name], dict(item)) is True:
            return answer
    return KStatus.IN_PROGRESS
