"""Every ModelAlias and every verdict that the API's models accept, as far as a page shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import strategies as st

from modelalias.api.alias import ModelAlias, MonitorState, Operation, Outcome, ServingState
from modelalias.api.alias_status import AliasPhase
from modelalias.api.conditions import AliasCondition, Status
from modelalias.api.request_status import GateResult, Phase
from tests.support.any_answer import TEXTS

TIMES: Final = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - hypothesis adds the time zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
VERSIONS: Final = st.sampled_from(["1", "2", "3", "10", 18 * "9"])
NAMES: Final = st.sampled_from(["go", "churn-v4", "a" * 253])
NUMBERS: Final = st.one_of(
    st.decimals().map(lambda value: str(value)[:64]),
    st.sampled_from(
        [
            "0.9",
            "-0",
            "1E+9999999",
            "-1E-9999999",
            "1.7976931348623157E+308",
            "-1E+308",
            "9E+307",
            "NaN",
            "sNaN",
            64 * "7",
        ]
    ),
    TEXTS.map(lambda text: text[:64]),
)
RULES: Final = st.one_of(
    st.sampled_from(
        [">= 0.9", "<= 1E+307 and <= 0.2 (version 3: 0.1 + 0.1)", f">= {'7' * 253}", ">= the version before"]
    ),
    NUMBERS.map(lambda number: f">= {number} (champion)"),
    TEXTS,
)
MESSAGES: Final = st.one_of(TEXTS, st.just("x" * 4_000))
USERS: Final = TEXTS.filter(bool).map(lambda text: text[:512])


def _some(
    required: Mapping[str, Any], /, **optional: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(dict(required), optional=optional)


def _few(of: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, max_size=most)


JUDGED: Final = _few(_some({"metric": st.sampled_from(["val_auc", "p95"]), "value": NUMBERS}), 2)
ACCEPTED: Final = _some(
    {"version": VERSIONS, "since": TIMES}, judged=JUDGED, request=NAMES, actor=USERS, runId=TEXTS
)
MOVES: Final = _some(
    {"at": TIMES, "operation": st.sampled_from(Operation), "outcome": st.sampled_from(Outcome)},
    **{"from": VERSIONS},
    to=VERSIONS,
    drifted=st.booleans(),
    found=VERSIONS,
    request=NAMES,
    uid=st.sampled_from(["u-1", "u-2"]),
    judged=JUDGED,
    actor=USERS,
    approvers=_few(USERS, 2),
    reason=TEXTS,
    failure=TEXTS,
    message=MESSAGES,
    evidence=st.just(f"sha256:{'a' * 64}"),
)
CONDITIONS: Final = st.lists(
    _some(
        {
            "type": st.one_of(st.sampled_from([*map(str, AliasCondition)]), st.just("Newer")),
            "status": st.sampled_from(Status),
            "reason": st.sampled_from(["Drifted", "MassDrift", "RolledBack", "Newer"]),
            "lastTransitionTime": TIMES,
        },
        message=MESSAGES,
    ),
    max_size=6,
    unique_by=lambda item: item["type"],
)
SERVING: Final = _some(
    {
        "kind": st.sampled_from(["Deployment", "StatefulSet", "Rollout"]),
        "name": st.sampled_from(["api", "batch"]),
        "state": st.sampled_from(ServingState),
    },
    desired=VERSIONS,
    asked=VERSIONS,
    served=VERSIONS,
    pods=_few(_some({"pods": st.integers(0, 2**40), "ready": st.integers(0, 2**40)}, version=VERSIONS), 3),
    since=TIMES,
    verified=st.booleans(),
    message=MESSAGES,
)
MONITORS: Final = _some(
    {"name": st.sampled_from(["error-rate", "psi", "other"]), "state": st.sampled_from(MonitorState)},
    version=VERSIONS,
    value=NUMBERS,
    at=TIMES,
    failures=st.integers(0, 100),
    failingSince=TIMES,
    noDataSince=TIMES,
    rule=RULES,
    points=_few(_some({"at": TIMES, "value": NUMBERS}), 5),
    message=MESSAGES,
    follows=MESSAGES,
)
PLAN: Final = _some(
    {
        "operation": st.sampled_from(Operation),
        "aliases": st.just([{"name": "champion", "from": "1", "to": "2"}]),
        "startedAt": TIMES,
    },
    bearing=st.sampled_from(["Forward", "Backward"]),
    message=MESSAGES,
)
TRAFFIC: Final = _some(
    {"httpRoute": NAMES, "reason": TEXTS},
    weights=st.lists(
        _some({"service": st.sampled_from(["a", "b", "c"]), "weight": st.integers(0, 10**6)}), max_size=2
    ),
    split=TEXTS.map(lambda text: text[:32]),
    version=VERSIONS,
    step=st.integers(1, 10),
    since=TIMES,
    rewritten=_few(TIMES, 3),
    unread=MESSAGES,
    message=MESSAGES,
)
STATUSES: Final = _some(
    {},
    phase=st.sampled_from(AliasPhase),
    current=ACCEPTED,
    previous=ACCEPTED,
    observed=_some({"at": TIMES}, version=VERSIONS, epoch=st.integers(0, 9)),
    plan=PLAN,
    serving=_few(SERVING, 3),
    served=TEXTS,
    policy=_some(
        {},
        sources=_few(st.sampled_from(["ClusterPromotionPolicy/base", "PromotionPolicy/team", "odd"]), 2),
        rules=_few(
            _some(
                {
                    "rule": st.sampled_from(["policy.gates[auc]", "policy.pins", "x"]),
                    "from": st.sampled_from(["ModelAlias", "a/b"]),
                }
            ),
            3,
        ),
    ),
    queue=_few(NAMES, 3),
    hold=_some({"reason": TEXTS, "since": TIMES}, request=NAMES),
    rolledBack=_few(_some({"version": VERSIONS, "reason": TEXTS, "at": TIMES})),
    monitors=_few(MONITORS, 3),
    breached=_few(_some({"version": VERSIONS, "monitor": st.just("m"), "value": NUMBERS, "at": TIMES})),
    autoPromote=_some({}, version=VERSIONS, request=NAMES, message=MESSAGES),
    notArchived=st.just("x"),
    traffic=TRAFFIC,
    history=_few(MOVES, 6),
    conditions=CONDITIONS,
)
GATE: Final[Mapping[str, Any]] = {"name": "auc", "metric": "val_auc", "direction": "HigherIsBetter"}
SPECS: Final = _some(
    {"model": st.sampled_from(["churn", 'fraud? "100%" <b>']), "alias": st.just("champion")},
    version=VERSIONS,
    suspend=st.booleans(),
    drift=st.sampled_from(["Report", "Restore", "Adopt"]),
    serving=st.sampled_from([[], [{"name": "api"}], [{"name": "batch", "wave": 2}, {"name": "api"}]]),
    monitors=st.just(
        [{"name": "psi", "prometheus": {"query": "q"}, "direction": "LowerIsBetter", "threshold": 1}]
    ),
    policy=st.sampled_from(
        [
            {"gates": [{**GATE, "threshold": 1e300}]},
            {"gates": [{**GATE, "champion": {"maxRegression": 0, "mode": "Relative"}}]},
            {"gates": [{**GATE, "champion": {"minImprovement": 0.1}, "metricFrom": "LoggedModel"}]},
        ]
    ),
    traffic=st.just(
        {"httpRoute": "r", "backends": [{"service": "a"}, {"service": "b", "alias": "c"}], "steps": [10, 50]}
    ),
)
_FINDINGS: Final = _some(
    {
        "name": st.sampled_from(["auc", "latency"]),
        "result": st.sampled_from(GateResult),
        "metric": st.sampled_from(["val_auc", "p95"]),
        "rule": RULES,
        "evaluatedAt": TIMES,
    },
    candidate=NUMBERS,
    champion=NUMBERS,
    enforcement=st.sampled_from(["Block", "Advise"]),
    message=MESSAGES,
)
_REQUESTS: Final = _some(
    {},
    phase=st.sampled_from(Phase),
    explanation=MESSAGES,
    resolved=_some({"version": VERSIONS, "from": TEXTS.map(lambda text: text[:300])}, champion=VERSIONS),
    gates=_few(_FINDINGS, 3),
    approvals=_some(
        {}, required=st.integers(0, 9), valid=st.integers(0, 9), groups=_few(USERS, 2), since=TIMES
    ),
)


@st.composite
def aliases(draw: st.DrawFn) -> ModelAlias:
    """Return a ModelAlias with any status."""
    metadata = {"name": "churn-champion", "namespace": "ml", "uid": "u"}
    return ModelAlias.model_validate({"metadata": metadata, "spec": draw(SPECS), "status": draw(STATUSES)})


@st.composite
def requests(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return requests with any verdicts, as bodies."""
    spec = {"aliasRef": {"name": "churn-champion"}, "source": {"version": "4"}, "requestedBy": "ana"}
    return [
        {
            "metadata": {"name": f"go-{number}", "namespace": "ml", "uid": f"u-{number}"},
            "spec": spec,
            "status": status,
        }
        for number, status in enumerate(draw(_few(_REQUESTS)))
    ]
