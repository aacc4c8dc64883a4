"""What may be chosen in the stories of what the operator does by itself."""

from typing import Any, Final

from hypothesis import strategies as st

from modelalias.core.errors import Refused, StaleObject, Unavailable
from tests.support import any_order_choices
from tests.support.any_order_choices import FREEZE, SHORT

SETTINGS: Final[dict[str, Any]] = {
    **any_order_choices.SETTINGS,
    "prometheus": {"default": {"uri": "http://prometheus"}},
}
AUC: Final = (0.7, 0.9, 0.8, 0.95, 0.72, 0.97)
"""What the runs of versions 1 to 6 logged as val_auc."""
GOOD: Final = 0.01
BAD: Final = 0.3
FAILURE_LIMIT: Final = 3
GRACE: Final = 20
"""Seconds."""
INTERVAL: Final = 30
"""Seconds."""
BREACHED: Final = 150.0
"""Within so many seconds after a move bad numbers are a breach, and what follows is begun."""
HOUR: Final = 3_700.0

VERSIONS: Final = st.sampled_from([str(number) for number in range(1, len(AUC) + 1)])
SECONDS: Final = st.sampled_from([0.0, SHORT, SHORT, 35.0, 70.0])
NUMBERS: Final = st.sampled_from([BAD, BAD, BAD, GOOD, None, float("nan")])


def query(version: str) -> str:
    """Return what Prometheus is asked of a version."""
    return f'errors{{version="{version}"}}'


_MONITOR: Final[dict[str, Any]] = {
    "name": "errors",
    "prometheus": {"query": query("$version")},
    "direction": "LowerIsBetter",
    "threshold": 0.05,
    "interval": f"{INTERVAL}s",
    "grace": f"{GRACE}s",
    "failureLimit": FAILURE_LIMIT,
}
ALERT: Final = {**_MONITOR, "onBreach": "Alert"}
_FLOOR: Final = {"name": "floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.75}
TAG: Final = {"trained": "yes"}
POLICIES: Final = st.fixed_dictionaries(
    {
        "gates": st.sampled_from([[], [], [_FLOOR]]),
        "approval": st.sampled_from(
            [{"required": "Never"}, {"required": "Never"}, {"required": "Always", "waitFor": "5m"}]
        ),
        "windows": st.sampled_from([[], [], [], [], [FREEZE], [{**FREEZE, "except": ["Rollback"]}]]),
    },
    optional={
        "autoPromote": st.sampled_from(
            [
                {"fromAlias": "challenger"},
                {"fromAlias": "challenger", "deleteSourceAlias": False},
                {"fromVersions": {"tags": TAG}},
                {"fromVersions": {"tags": TAG, "newest": False}},
            ]
        )
    },
)
PLATFORM_FLOOR: Final = 0.85
"""What the platform asks of val_auc, where it has a policy with a gate."""
_PLATFORM_GATE: Final = {**_FLOOR, "name": "platform", "threshold": PLATFORM_FLOOR}
PLATFORM: Final = st.sampled_from(
    [
        None,
        {"policy": {"gates": [_PLATFORM_GATE]}},
        {"policy": {"gates": [_PLATFORM_GATE], "pins": "Gated"}},
        {"policy": {"gates": [{**_PLATFORM_GATE, "name": "floor"}]}},
    ]
)
"""The rules of the platform; the last ones contradict those of an alias that has the gate `floor`."""
EDITS: Final = st.fixed_dictionaries(
    {},
    optional={
        "drift": st.sampled_from(["Restore", "Adopt", "Adopt", "Report"]),
        "monitors": st.sampled_from([[_MONITOR], [_MONITOR], [ALERT], []]),
        "policy": POLICIES,
        "suspend": st.sampled_from([False, False, False, True]),
        "historyLimit": st.sampled_from([1, 2, 20]),
        "previousAlias": st.sampled_from(["prev", None]),
        "rollout": st.sampled_from([{"deadlineSeconds": 60}, {"deadlineSeconds": 60, "onFailure": "Hold"}]),
    },
)
FIRST: Final[dict[str, Any]] = {
    "serving": [{"name": "api"}],
    "rollout": {"deadlineSeconds": 60},
    "monitors": [_MONITOR],
}
AWAY: Final = Unavailable("the other side does not answer")
FAULTS: Final = st.sampled_from(
    [
        ("registry", AWAY, "set_alias"),
        ("registry", AWAY, "aliases"),
        ("registry", AWAY, "tag_version"),
        ("registry", Refused("the registry refuses that"), "set_alias"),
        ("objects", AWAY, "create_request"),
        ("objects", AWAY, "request"),
        ("objects", AWAY, "write_alias_status"),
        ("objects", Refused("the API server refuses that"), "create_request"),
        ("objects", StaleObject("it was changed since it was read"), "write_alias_status"),
        ("objects", StaleObject("it was changed since it was read"), "write_request_status"),
        ("workloads", AWAY, "roll"),
    ]
)
