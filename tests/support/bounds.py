"""For each field of a spec the values just beyond what it takes.

Paths are those of the two whole specs below, which set every field; a field that is missing here fails a
test.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.support.inputs import EVIDENCE, LEFT_OUT, WHOLE_ALIAS, WHOLE_REQUEST, Case, Spec, gate

_NAME: Final = ("", "a b", "-a", 64 * "a", LEFT_OUT)
_OBJECT_NAME: Final = ("", "A", "a_b", "a/b", 254 * "a", LEFT_OUT)
_ALIAS: Final = ("latest", "v3", "a.b", "", 256 * "a")
_DURATION: Final = ("", "1", "0s", "5w", "10000d", "1s1s1s1s1s")
_FLAG: Final = ("true", 1)
_VERSION: Final = ("01", "0", 19 * "9", 3)
_USERS: Final = ([""], [513 * "a"], [None], 65 * ["ana"], "ana")
_CHECKLIST: Final = ([""], [254 * "a"], 33 * ["a"])

_TAG_RULE: Final[Mapping[str, tuple[Any, ...]]] = {
    "pattern": ("", 513 * "a", 1),
    "format": ("mail",),
    "enum": ([], [1001 * "a"], 65 * ["a"], "a"),
    "const": (1001 * "a", 1),
    "minLength": (-1, 5_001),
    "maxLength": (-1, 5_001),
}
_MANY_GATES: Final = [gate(name=f"g{number}") for number in range(33)]
_APPROVAL: Final[Spec] = {"evidence": EVIDENCE, "decision": "Approve"}
_WINDOW: Final[Spec] = {"kind": "Deny", "cron": "0 18 * * 5", "duration": "60h"}
_MONITOR: Final[Spec] = {"prometheus": {"query": "up"}, "direction": "LowerIsBetter", "threshold": 1}

_GATE: Final[Mapping[str, tuple[Any, ...]]] = {
    "name": _NAME,
    "metric": ("", "a\n", 251 * "a", LEFT_OUT),
    "direction": ("Up", LEFT_OUT),
    "threshold": ("1", True, LEFT_OUT),
    "metricFrom": ("Registry",),
    "dataset": ("Same",),
    "onNoChampion": ("Block",),
    "onMissing": ("Pass",),
    "enforcement": ("Warn",),
}
_VERSUS: Final[Mapping[str, tuple[Any, ...]]] = {
    "minImprovement": (-0.001, "1", LEFT_OUT),
    "maxRegression": (-0.001, "1", LEFT_OUT),
    "mode": ("Percent",),
}


def _below(path: str, fields: Mapping[str, tuple[Any, ...]]) -> Mapping[str, tuple[Any, ...]]:
    return {f"{path}.{name}": values for name, values in fields.items()}


_ALIAS_BOUNDS: Final[Mapping[str, tuple[Any, ...]]] = {
    "registry": _NAME[:-1],
    "model": ("", "a/b", 256 * "a", LEFT_OUT),
    "alias": (*_ALIAS, LEFT_OUT),
    "version": _VERSION,
    "previousAlias": _ALIAS,
    "drift": ("Ignore",),
    "suspend": _FLAG,
    "serving": ("api", 65 * [{"name": "api"}]),
    "serving[0].kind": ("Pod",),
    "serving[0].name": _OBJECT_NAME,
    "serving[0].wave": (-1, 100, 0.5),
    "serving[0].load.mode": ("Env",),
    "serving[0].load.container": ("", "A", 64 * "a"),
    "serving[0].load.env": ("", "A B", "1A", 256 * "A"),
    "serving[0].load.format": ("number",),
    "serving[1].load.variables": ([], "MODEL_URI", [{}]),
    "serving[1].load.variables[0].container": ("", "A", 64 * "a", LEFT_OUT),
    "serving[1].load.variables[0].env": ("", "A B", "1A", 129 * "A", LEFT_OUT),
    "serving[1].load.variables[0].format": ("number",),
    "serving[0].verify.port": (0, 65_536, "http", LEFT_OUT),
    "serving[0].verify.path": ("", "version", "/a?b", "/" + 255 * "a"),
    "serving[0].verify.field": (
        "",
        128 * "a",
        "$",
        ".version",
        "version.",
        "model..version",
        "[0]",
        "versions[-1]",
        "versions[1000]",
        "versions[*]",
        "versions[0]x",
        "a b",
        "version\n",
        "$version",
        "..version",
        "a[?(@.b)]",
    ),
    "rollout.deadlineSeconds": (0, 86_401),
    "rollout.stableSeconds": (-1, 3_601),
    "rollout.requireWhole": _FLAG,
    "rollout.deleteStuckPods": _FLAG,
    "rollout.onFailure": ("Ignore",),
    "policy.eligibility.requireTags": (
        {"": "x"},
        {"a": 1001 * "x"},
        {251 * "a": "x"},
        {"a=b": "x"},
        {"a": 1},
    ),
    "policy.eligibility.tagSchema.required": ([""], [251 * "a"], ["a'b"], 33 * ["a"], "owner"),
    **_below("policy.eligibility.tagSchema.properties.owner", {**_TAG_RULE, "description": (1025 * "a", 1)}),
    "policy.eligibility.tagSchema.properties.owner.allOf": (4 * [{}], {}),
    **_below("policy.eligibility.tagSchema.properties.owner.allOf[0]", _TAG_RULE),
    "policy.eligibility.requireAlias": _ALIAS,
    "policy.eligibility.soak.alias": (*_ALIAS, LEFT_OUT),
    "policy.eligibility.soak.for": (*_DURATION, LEFT_OUT),
    "policy.eligibility.requireSignature": _FLAG,
    "policy.gates": ("auc", _MANY_GATES, [{}]),
    **_below("policy.gates[0]", _GATE),
    **_below(
        "policy.gates[1].champion",
        {name: values for name, values in _VERSUS.items() if name != "maxRegression"},
    ),
    **_below(
        "policy.gates[2].champion",
        {name: values for name, values in _VERSUS.items() if name != "minImprovement"},
    ),
    "policy.evaluation.cronJob": ("", "A", 53 * "a", LEFT_OUT),
    "policy.evaluation.timeoutSeconds": (0, 86_401),
    "policy.approval.required": ("Sometimes",),
    "policy.approval.minimum": (0, 17),
    "policy.approval.users": _USERS,
    "policy.approval.groups": _USERS,
    "policy.approval.allowSelf": _FLAG,
    "policy.approval.waitFor": _DURATION,
    "policy.waitForRun": _DURATION,
    "policy.approval.checklist": _CHECKLIST,
    "policy.concurrency": ("Parallel",),
    "policy.requestTags": ([""], ["a'b"], [251 * "a"], [None], 33 * ["a"], "ticket"),
    "policy.pins": ("Free",),
    "policy.retention.keep": (0, 21, LEFT_OUT),
    "policy.retention.tag": ("", "a'b", 251 * "a"),
    "policy.autoPromote.fromAlias": _ALIAS,
    "policy.autoPromote.fromVersions.tags": ({}, {f"t{number}": "" for number in range(33)}, LEFT_OUT),
    "policy.autoPromote.fromVersions.newest": _FLAG,
    "policy.autoPromote.deleteSourceAlias": _FLAG,
    "policyRef.name": _OBJECT_NAME,
    "policy.windows": ("weekend", 17 * [_WINDOW], [{}]),
    "policy.windows[0].name": _NAME[:-1],
    "policy.windows[0].kind": ("Freeze", LEFT_OUT),
    "policy.windows[0].cron": ("", "@daily", "0 0 18 * * 5", "0 18 * * " + 120 * "1", LEFT_OUT),
    "policy.windows[0].duration": (*_DURATION, "59s", "366d1s", LEFT_OUT),
    "policy.windows[0].timeZone": ("", "a b", "Europe/", "/UTC", 65 * "a", "a/b/c/d"),
    "policy.windows[0].except": (["Restore"], "Rollback", 6 * ["Pin"]),
    "monitors": ("up", [{**_MONITOR, "name": f"m{number}"} for number in range(17)]),
    "monitors[0].name": _NAME,
    "monitors[0].prometheus.query": ("", 4097 * "a", LEFT_OUT),
    "monitors[0].direction": ("Up", LEFT_OUT),
    "monitors[0].prometheus.server": _NAME[:-1],
    "monitors[0].threshold": ("1",),
    "monitors[0].champion.maxRegression": (-0.1, "1", LEFT_OUT),
    "monitors[0].champion.mode": ("Percent",),
    "monitors[0].interval": _DURATION,
    "monitors[0].grace": _DURATION,
    "monitors[0].failureLimit": (0, 101),
    "monitors[0].onBreach": ("Page",),
    "monitors[1].experiment.name": ("", 251 * "a", LEFT_OUT),
    "monitors[1].experiment.metric": ("", "a\n", 251 * "a", LEFT_OUT),
    "traffic.httpRoute": (*_OBJECT_NAME[:-1], LEFT_OUT),
    "traffic.backends": ("main", [], [{"service": "main", "weight": 1}]),
    "traffic.backends[0].service": ("", "A", "a_b", "1a", 64 * "a", LEFT_OUT),
    "traffic.backends[0].weight": (-1, 1_000_001, "90", 0.5),
    "traffic.backends[1].alias": _ALIAS,
    "traffic.steps": ([0], [101], ["10"], [*range(1, 12)], 10),
    "traffic.stepDuration": (*_DURATION, "31d"),
    "historyLimit": (0, 51),
    "requestHistoryLimit": (-1, 10_001),
}

_REQUEST_BOUNDS: Final[Mapping[str, tuple[Any, ...]]] = {
    "aliasRef.name": ("", "A", "a_b", 64 * "a", LEFT_OUT),
    "operation": ("Pin",),
    "source.version": _VERSION,
    "expectedCurrent": _VERSION,
    "reason": (1025 * "a", 1),
    "requestedBy": ("", 513 * "a"),
    "additionalGates": ("auc", _MANY_GATES, [{}]),
    **_below("additionalGates[0]", _GATE),
    **_below(
        "additionalGates[1].champion",
        {name: values for name, values in _VERSUS.items() if name != "maxRegression"},
    ),
    **_below(
        "additionalGates[2].champion",
        {name: values for name, values in _VERSUS.items() if name != "minImprovement"},
    ),
    "skipGates": _FLAG,
    "dryRun": _FLAG,
    "onSuccess.deleteSourceAlias": _FLAG,
    "onSuccess.tags": (
        {"": "x"},
        {"a": 1001 * "x"},
        {251 * "a": "x"},
        {"a=b": "x"},
        {f"t{n}": "x" for n in range(33)},
    ),
    "expiresAfter": _DURATION,
    "ttlSecondsAfterFinished": (-1, 2**31),
    "approvals": ("bo", [{**_APPROVAL, "user": f"u{number}"} for number in range(65)], [{}]),
    "approvals[0].user": ("", 513 * "a", LEFT_OUT),
    "approvals[0].evidence": ("", "sha256:" + 64 * "A", "sha256:" + 65 * "a", LEFT_OUT),
    "approvals[0].decision": ("Maybe", LEFT_OUT),
    "approvals[0].group": ("", 513 * "a"),
    "approvals[0].checklist": _CHECKLIST,
    "approvals[0].message": (1025 * "a",),
    "abort": _FLAG,
}

# Rules that take over where the value beyond the bound also breaks them.
_SAID_OTHERWISE: Final = {
    "threshold": "exactly one of threshold and champion",
    "minImprovement": "exactly one of minImprovement and maxRegression",
    "maxRegression": "exactly one of minImprovement and maxRegression",
}

_GATES: Final = (
    gate(),
    gate(name="better", threshold=LEFT_OUT, champion={"minImprovement": 0}),
    gate(name="no-worse", threshold=LEFT_OUT, champion={"maxRegression": 0}),
)

FULL_ALIAS: Final = copy.deepcopy(WHOLE_ALIAS)
FULL_ALIAS["policy"]["gates"] = [*_GATES]
FULL_ALIAS["policy"]["eligibility"]["tagSchema"]["properties"]["owner"]["allOf"] = [{"minLength": 3}]
FULL_ALIAS["policy"]["autoPromote"] = {"fromVersions": {"tags": {"trained": "*"}, "newest": True}}
FULL_ALIAS["monitors"][0]["champion"] = {"maxRegression": 0.01, "mode": "Absolute"}
FULL_ALIAS["monitors"].append(
    {
        "name": "live",
        "experiment": {"name": "live", "metric": "auc"},
        "direction": "HigherIsBetter",
        "threshold": 0.8,
    }
)

FULL_REQUEST: Final = copy.deepcopy(WHOLE_REQUEST) | {
    "requestedBy": "ana",
    "additionalGates": [*_GATES],
    "approvals": [{"user": "bo", "evidence": EVIDENCE, "decision": "Approve", "group": "ml-leads"}],
}

ALIAS_PATHS: Final = frozenset(_ALIAS_BOUNDS)
REQUEST_PATHS: Final = frozenset(_REQUEST_BOUNDS)


def aliases_beyond() -> Iterator[Case]:
    """Yield the full spec of an alias once for every bad value of every field."""
    yield from _cases(FULL_ALIAS, _ALIAS_BOUNDS)


def policies_beyond() -> Iterator[Case]:
    """Yield the full spec of a policy once for every bad value of every field."""
    full = {name: FULL_ALIAS[name] for name in ("policy", "rollout", "monitors")}
    bounds = {path: values for path, values in _ALIAS_BOUNDS.items() if re.split(r"\W", path)[0] in full}
    yield from _cases(full, bounds)


def requests_beyond() -> Iterator[Case]:
    """Yield the full spec of a request once for every bad value of every field."""
    yield from _cases(FULL_REQUEST, _REQUEST_BOUNDS)


def _cases(full: Spec, bounds: Mapping[str, tuple[Any, ...]]) -> Iterator[Case]:
    for path, values in bounds.items():
        for number, value in enumerate(values):
            said = (
                _SAID_OTHERWISE.get(path.rpartition(".")[2])
                if value is LEFT_OUT and "ates[" in path
                else None
            )
            shown = "left-out" if value is LEFT_OUT else re.sub(r"[^\w.:-]+", "_", repr(value))[:20]
            yield Case(f"{path}-{number}-{shown}", _with(full, path, value), said or f"spec.{path}")


def _with(full: Spec, path: str, value: Any) -> Spec:
    spec = copy.deepcopy(full)
    keys: list[Any] = [int(part) if part.isdigit() else part for part in re.findall(r"\w+", path)]
    node: Any = spec
    for key in keys[:-1]:
        node = node[key] if isinstance(key, int) else node.setdefault(key, {})
    if value is LEFT_OUT:
        del node[keys[-1]]
    else:
        node[keys[-1]] = value
    return spec
