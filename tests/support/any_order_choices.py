"""What may be chosen in the steps of a story: few values, so that they collide, and mostly such that are
allowed."""

from typing import Any, Final

from hypothesis import strategies as st

from modelalias.core.errors import Refused, StaleObject, Unavailable
from tests.support.world import PINNED

SETTINGS: Final[dict[str, Any]] = {
    "registries": {"default": {"uri": "http://mlflow", "snapshotInterval": "1m"}},
    "resync": "10m",
    "workers": 2,
}
AUC: Final = (0.7, 0.9, 0.8, 0.95)
"""What the runs of versions 1 to 4 logged as val_auc."""
LATER_AUC: Final = (0.92, None)
"""What the runs that are not registered yet have logged."""
SHORT: Final = 2.0
DAYS: Final = 2 * 3_600.0
"""Longer than anything is remembered for here, which is an hour; thirty of them took half of the time."""
ALL_OVER: Final = 1_900.0
"""Longer than any request may wait, and than any rollout may take."""

VERSIONS: Final = st.sampled_from(["1", "2", "3", "4"])
SECONDS: Final = st.sampled_from([0.0, 0.0, SHORT, SHORT, 20.0, 70.0])
ANY: Final = st.integers(min_value=0, max_value=7)
"""Which of the things that are there, counted from the newest."""
SOURCES: Final = st.one_of(
    VERSIONS.map(lambda version: {"version": version}),
    VERSIONS.map(lambda version: {"version": version}),
    st.just({"alias": "challenger"}),
    st.integers(min_value=0, max_value=1).map(lambda run: {"run": run}),
)
_RICH: Final = st.fixed_dictionaries(
    {"expiresAfter": st.sampled_from(["15m", "15m", "30s"])},
    optional={
        "expectedCurrent": VERSIONS,
        "dryRun": st.booleans(),
        "skipGates": st.booleans(),
        "ttlSecondsAfterFinished": st.sampled_from([0, 60]),
        "onSuccess": st.just({"deleteSourceAlias": True, "tags": {"ticket": "ML-12"}}),
        "requestedBy": st.sampled_from(["ana", "bo"]),
    },
)
_PLAIN: Final = st.just({"expiresAfter": "15m", "requestedBy": "ana"})
EXTRAS: Final = st.one_of(_PLAIN, _PLAIN, _PLAIN, _RICH)
"""Mostly plain, because what refuses one request hides what the next would have shown."""
BACK: Final = st.one_of(
    VERSIONS.map(lambda version: {"operation": "Rollback", "source": {"version": version}}),
    st.just({"operation": "Rollback", "source": {"previous": True}}),
    st.just({"operation": "Swap"}),
)
_FLOOR: Final = {"name": "floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.75}
_BETTER: Final = {
    "name": "better",
    "metric": "val_auc",
    "direction": "HigherIsBetter",
    "champion": {"maxRegression": 0},
}
FREEZE: Final = {"kind": "Deny", "cron": "*/10 * * * *", "duration": "5m"}
"""Half of the time, so that what waits goes soon and what goes was often closed a moment before."""
POLICIES: Final = st.fixed_dictionaries(
    {
        "gates": st.sampled_from([[], [_FLOOR], [_BETTER], [_FLOOR, _BETTER]]),
        "approval": st.fixed_dictionaries(
            {"required": st.sampled_from(["Never", "Never", "Always"]), "waitFor": st.just("5m")},
            optional={"allowSelf": st.booleans(), "minimum": st.sampled_from([1, 2])},
        ),
        "concurrency": st.sampled_from(["Queue", "Queue", "Supersede"]),
        "requestTags": st.sampled_from([["ticket"], ["ticket"], []]),
        "windows": st.sampled_from([[], [FREEZE], [{**FREEZE, "except": ["Rollback", "Swap", "Pin"]}]]),
    },
    optional={"retention": st.sampled_from([{"keep": 1}, {"keep": 2}])},
)
_API: Final = {"name": "api"}
_WEB: Final = {"name": "web", "wave": 1, "load": PINNED}
SPECS: Final = st.fixed_dictionaries(
    {},
    optional={
        "serving": st.sampled_from([[], [_API], [_WEB], [_API, _WEB]]),
        "previousAlias": st.sampled_from(["prev", None]),
        "historyLimit": st.sampled_from([1, 2, 20]),
        "policy": POLICIES,
        "suspend": st.sampled_from([False, False, False, True]),
        "rollout": st.sampled_from([{"deadlineSeconds": 60}, {"deadlineSeconds": 60, "onFailure": "Hold"}]),
    },
)
FIRST: Final[dict[str, Any]] = {"serving": [_API], "rollout": {"deadlineSeconds": 60}}
"""What an alias is made with where nothing else was chosen: something that rolls, and fails soon."""
_UNAVAILABLE: Final = Unavailable("the other side does not answer")
FAULTS: Final = st.sampled_from(
    [
        ("registry", _UNAVAILABLE, ""),
        ("registry", _UNAVAILABLE, "set_alias"),
        ("registry", _UNAVAILABLE, "tag_version"),
        ("registry", Refused("the registry refuses that"), "set_alias"),
        ("registry", Refused("the registry refuses that"), "tag_version"),
        ("registry", _UNAVAILABLE, "untag_version"),
        ("objects", _UNAVAILABLE, ""),
        ("objects", StaleObject("it was changed since it was read"), "write_alias_status"),
        ("objects", StaleObject("it was changed since it was read"), "write_request_status"),
        ("objects", Refused("the API server refuses that"), "write_alias_status"),
        ("workloads", _UNAVAILABLE, ""),
        ("workloads", StaleObject("it was made anew"), "roll"),
        ("workloads", Refused("the API server refuses that"), "roll"),
    ]
)
