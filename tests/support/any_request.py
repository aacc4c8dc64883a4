"""Any request that the API's models accept, with more of what people and other programs write than is usual."""

import json
from typing import Any, Final

from hypothesis import strategies as st

from modelalias.api.conditions import Reason, RequestCondition, Status
from modelalias.api.request_status import EvaluationState, GateResult, Phase, Side

AT: Final = "2026-01-01T00:00:00Z"
EVIDENCES: Final = [f"sha256:{digit * 64}" for digit in "12"]
HOSTILE: Final = "<script>alert(1)</script>\" onload='x' \u202egnp \x07{{ 7 * 7 }}"

_words = st.one_of(st.just(HOSTILE), st.text(max_size=30), st.just("x" * 900))
_names = st.one_of(
    st.sampled_from(["ana", "bo", "system:serviceaccount:ml:ci", "a: b"]), st.text(min_size=1, max_size=20)
)
_versions = st.integers(1, 10**18 - 1).map(str)
_numbers = st.one_of(
    st.floats().map(str),
    st.decimals(places=4, allow_nan=False, allow_infinity=False)
    .map(str)
    .filter(lambda text: len(text) <= 64),
    st.sampled_from(["0.9", "0.85", "-0", "NaN", "1E+400000", "9E+999999999", "-9E+999999999", "no number"]),
)
_rules = st.one_of(
    st.sampled_from([">= 0.85", "<= 150", ">= 0.852 (champion 0.85 + 0.002)", ">= 9E+999999999"]), _words
)


def _maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a part of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


def _with(
    needed: dict[str, st.SearchStrategy[Any]], **fields: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(needed, optional=fields)


_results = st.sampled_from([item.value for item in GateResult])
_findings = _with(
    {
        "name": st.text("abc-", min_size=1, max_size=8).filter(lambda text: text.strip("-") == text),
        "result": _results,
        "metric": st.sampled_from(["val_auc", "p95/ms", "a b"]),
        "rule": _rules,
        "evaluatedAt": st.just(AT),
    },
    candidate=_numbers,
    champion=_numbers,
    enforcement=st.sampled_from(["Block", "Advise"]),
    dataset=_words,
    comparedWith=_words,
    message=_words,
)
_checks = _with({"rule": st.text(max_size=30), "result": _results}, message=_words)
_evaluated = _with(
    {
        "side": st.sampled_from([item.value for item in Side]),
        "version": _versions,
        "job": st.just("churn-eval"),
        "state": st.sampled_from([item.value for item in EvaluationState]),
    },
    attempt=st.integers(1, 9),
    message=_words,
    lastLines=_words,
)
_resolved = _with(
    {"version": _versions, "from": st.text(max_size=30)},
    champion=_versions,
    named=_versions,
    evidence=st.sampled_from(EVIDENCES),
    model=st.just("churn"),
    registry=st.just("default"),
)
_voids = st.one_of(st.sampled_from(["Approve by bo: it is old", "Reject by a: b: nobody"]), _words)
_approvals = _maybe(
    required=st.integers(0, 16),
    valid=st.integers(0, 16),
    by=st.lists(_names, max_size=3),
    since=st.just(AT),
    checklist=st.lists(st.text(min_size=1, max_size=30), max_size=3),
    users=st.lists(_names, max_size=2),
    groups=st.lists(_names, max_size=2),
    void=st.lists(_voids, max_size=3),
)
_conditions = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from([*map(str, RequestCondition), "OfANewerRelease"]),
            "status": st.sampled_from([item.value for item in Status]),
            "reason": st.sampled_from([*map(str, Reason), "OfANewerRelease"]),
            "message": _words,
            "lastTransitionTime": st.just(AT),
        }
    ),
    max_size=9,
    unique_by=lambda item: str(item["type"]),
)
_given = st.lists(
    _with(
        {
            "user": _names,
            "evidence": st.sampled_from(EVIDENCES),
            "decision": st.sampled_from(["Approve", "Reject"]),
        },
        group=_names,
        checklist=st.lists(st.text(min_size=1, max_size=30), max_size=2),
        message=_words,
    ),
    max_size=4,
    unique_by=lambda item: (item["user"], item["evidence"], item["decision"]),
)
_statuses = _maybe(
    phase=st.sampled_from([item.value for item in Phase]),
    phaseSince=st.just(AT),
    explanation=_words,
    resolved=_resolved,
    eligibility=st.lists(_checks, max_size=3),
    evaluation=st.lists(_evaluated, max_size=2),
    gates=st.lists(_findings, max_size=5, unique_by=lambda item: str(item["name"])),
    gatesPassed=st.sampled_from(["1/2", "skipped"]),
    approvals=_approvals,
    conditions=_conditions,
    result=st.one_of(_words, st.just(json.dumps({"phase": "Rejected", "why": HOSTILE}))),
    completedAt=st.just(AT),
)
_specs = _with(
    {"aliasRef": st.just({"name": "churn-champion"}), "source": st.just({"version": "4"})},
    requestedBy=_names,
    reason=_words,
    approvals=_given,
    abort=st.booleans(),
    dryRun=st.booleans(),
    onSuccess=st.just({"tags": {"ticket": HOSTILE}}),
)
bodies = st.builds(
    lambda spec, status, created: {
        "metadata": {
            "name": "go",
            "namespace": "ml",
            "uid": "u-1",
            **({"creationTimestamp": AT} if created else {}),
        },
        "spec": spec,
        "status": status,
    },
    _specs,
    _statuses,
    st.booleans(),
)
"""PromotionRequests as the API server sends them."""
