"""Specs that are right and specs that are wrong, with the field that a refusal has to name.

The same tables run on the pydantic models and on a real API server, so that neither knows a rule that the
other lacks.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

Spec = dict[str, Any]

LEFT_OUT: Final = object()
EVIDENCE: Final = "sha256:" + 64 * "a"


@dataclass(frozen=True)
class Case:
    """A spec; `names` is the field, or the rule's words, that a refusal has to contain."""

    id: str
    spec: Spec
    names: str = ""


def alias(**changes: Any) -> Spec:
    return _changed({"model": "churn", "alias": "champion"}, changes)


def request(**changes: Any) -> Spec:
    return _changed({"aliasRef": {"name": "churn-champion"}, "source": {"version": "4"}}, changes)


def gate(**changes: Any) -> Spec:
    return _changed(
        {"name": "auc-floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.85}, changes
    )


def gated(**changes: Any) -> Spec:
    """Return the spec of an alias with that one gate."""
    return alias(policy={"gates": [gate(**changes)]})


def versus(**changes: Any) -> Spec:
    """Return the spec of an alias with one gate against the champion."""
    return gated(threshold=LEFT_OUT, champion=changes)


def monitor(**changes: Any) -> Spec:
    fresh = {"name": "errors", "prometheus": {"query": "up"}, "direction": "LowerIsBetter", "threshold": 0.05}
    return alias(monitors=[_changed(fresh, changes)])


def split(*weights: int | None, second: Spec | None = None, **changes: Any) -> Spec:
    """Return the spec of an alias whose requests are split with these weights."""
    own, other = weights or (90, 10)
    backends: list[Spec] = [
        {"service": "main"} if own is None else {"service": "main", "weight": own},
        {"service": "other", "alias": "challenger", "weight": other, **(second or {})},
    ]
    kept = [{name: value for name, value in item.items() if value is not None} for item in backends]
    return alias(traffic=_changed({"httpRoute": "churn", "backends": kept}, changes))


def windowed(**changes: Any) -> Spec:
    """Return the spec of an alias with one window."""
    fresh = {"kind": "Deny", "cron": "0 18 * * 5", "duration": "60h"}
    return alias(policy={"windows": [_changed(fresh, changes)]})


def tagged(**rules: Any) -> Spec:
    """Return the spec of an alias with rules on one tag."""
    return alias(policy={"eligibility": {"tagSchema": {"properties": {"owner": rules}}}})


def _changed(spec: Spec, changes: Spec) -> Spec:
    return {key: value for key, value in {**spec, **changes}.items() if value is not LEFT_OUT}


def loaded(**load: Any) -> Spec:
    """Return the spec of an alias with one workload that loads its model so."""
    return alias(serving=[{"name": "api", "load": load}])


def loaded_by(variable: str) -> Spec:
    """Return the spec of an alias whose pods learn the version from that variable."""
    return loaded(mode="Pinned", container="api", env=variable)


def pinned_by(*variables: Spec, **load: Any) -> Spec:
    """Return the spec of an alias whose pods learn the version from these variables."""
    return loaded(mode="Pinned", variables=[{"container": "api", **item} for item in variables], **load)


_WITHOUT_PINNED: Final[dict[str, Spec]] = {
    "variable": {"container": "api", "env": "MODEL_URI"},
    "format": {"mode": "Alias", "format": "version"},
    "variables": {"variables": [{"container": "api", "env": "MODEL_URI"}]},
}


def verified_by(field: str) -> Spec:
    """Return the spec of an alias whose pods say their version in that field."""
    return alias(serving=[{"name": "api", "verify": {"port": 8080, "field": field}}])


WHOLE_ALIAS: Final[Spec] = {
    "registry": "default",
    "model": "churn",
    "alias": "champion",
    "version": "3",
    "previousAlias": "prev-champion",
    "drift": "Report",
    "suspend": False,
    "serving": [
        {
            "kind": "Deployment",
            "name": "churn-api",
            "wave": 0,
            "load": {"mode": "Pinned", "container": "api", "env": "MODEL_URI", "format": "uri"},
            "verify": {"port": 8080, "path": "/version", "field": "version"},
        },
        {
            "kind": "StatefulSet",
            "name": "churn-api",
            "load": {
                "mode": "Pinned",
                "variables": [{"container": "init", "env": "MODEL_VERSION", "format": "version"}],
            },
        },
    ],
    "rollout": {
        "deadlineSeconds": 600,
        "onFailure": "Rollback",
        "stableSeconds": 10,
        "requireWhole": False,
        "deleteStuckPods": False,
    },
    "policy": {
        "eligibility": {
            "requireTags": {"validated_by": "*", "mlflow.user": "ana"},
            "tagSchema": {
                "required": ["owner", "semver"],
                "properties": {
                    "owner": {"description": "who answers for it", "format": "email", "maxLength": 254},
                    "semver": {
                        "pattern": r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$",
                        "allOf": [{"pattern": "^[1-9]"}],
                    },
                    "use_case": {"enum": ["churn", "upsell"]},
                    "tier": {"const": "gold", "minLength": 1},
                },
            },
            "requireAlias": "smoke",
            "soak": {"alias": "staging", "for": "24h"},
            "requireSignature": True,
        },
        "gates": [
            {"name": "auc-floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.85},
            {
                "name": "beats-champion",
                "metric": "val_auc",
                "direction": "HigherIsBetter",
                "champion": {"minImprovement": 0.002, "mode": "Relative"},
                "metricFrom": "Run",
                "dataset": "SameAsChampion",
                "onNoChampion": "Pass",
                "onMissing": "Fail",
                "enforcement": "Block",
            },
        ],
        "evaluation": {"cronJob": "churn-holdout", "timeoutSeconds": 1800},
        "approval": {
            "required": "Always",
            "minimum": 1,
            "users": [],
            "groups": ["ml-leads"],
            "allowSelf": False,
            "waitFor": "72h",
            "checklist": [],
        },
        "waitForRun": "24h",
        "concurrency": "Queue",
        "requestTags": ["ticket", "qa-*"],
        "pins": "Trusted",
        "autoPromote": {"fromAlias": "challenger", "deleteSourceAlias": True},
        "retention": {"keep": 3, "tag": "archived"},
        "windows": [
            {
                "name": "freeze-weekend",
                "kind": "Deny",
                "cron": "0 18 * * 5",
                "duration": "60h",
                "timeZone": "Europe/Berlin",
                "except": ["Rollback", "Swap"],
            }
        ],
    },
    "policyRef": {"name": "team"},
    "monitors": [
        {
            "name": "error-rate",
            "prometheus": {"query": "sum(rate(errors[5m]))"},
            "direction": "LowerIsBetter",
            "threshold": 0.05,
            "interval": "60s",
            "grace": "5m",
            "failureLimit": 3,
            "onBreach": "Rollback",
        }
    ],
    "traffic": {
        "httpRoute": "churn",
        "backends": [
            {"service": "churn-main", "weight": 90},
            {"service": "churn-other", "alias": "challenger", "weight": 10},
        ],
        "steps": [10, 50, 100],
        "stepDuration": "10m",
    },
    "historyLimit": 20,
    "requestHistoryLimit": 100,
}

WHOLE_REQUEST: Final[Spec] = {
    "aliasRef": {"name": "churn-champion"},
    "operation": "Promote",
    "source": {"version": "4"},
    "expectedCurrent": "3",
    "reason": "retrained on Q3",
    "additionalGates": [gate(name="extra")],
    "skipGates": False,
    "dryRun": True,
    "onSuccess": {"deleteSourceAlias": True, "tags": {"ticket": "ML-12"}},
    "expiresAfter": "7d",
    "ttlSecondsAfterFinished": 3600,
    "abort": False,
}

_ZONES: Final = (
    "UTC",
    "Asia/Kolkata",
    "America/Argentina/Buenos_Aires",
    "Etc/GMT+5",
    "America/Port-au-Prince",
)
_EXEMPT: Final = ["Promote", "Pin", "Rollback", "Swap", "Adopt"]

_TWO_CHALLENGERS: Final[Spec] = {
    "httpRoute": "churn",
    "backends": [
        {"service": "main", "alias": "smoke", "weight": 90},
        {"service": "other", "alias": "challenger", "weight": 10},
    ],
}

GOOD_ALIASES: Final = (
    Case("smallest", alias()),
    Case("whole", WHOLE_ALIAS),
    Case("split", split()),
    Case("split-of-nothing-for-the-challenger", split(1, 0)),
    Case("split-by-steps", split(None, None, steps=[10, 100])),
    Case("alias-255-long", alias(alias="a" * 255)),
    Case("alias-like-a-version", alias(alias="v3a")),
    Case("model-with-space-and-umlaut", alias(model="Kündigung 模型")),
    Case("model-with-quotes", alias(model="""a' OR name LIKE '%" `b` \\""")),
    Case("tag-with-colon", alias(policy={"eligibility": {"requireTags": {"team:größe": "*"}}})),
    *(
        Case(f"tag-format-{name}", tagged(format=name))
        for name in (
            "date",
            "date-time",
            "time",
            "duration",
            "email",
            "hostname",
            "ipv4",
            "ipv6",
            "uri",
            "uuid",
        )
    ),
    *(
        Case(f"tag-pattern-{number}", tagged(pattern=pattern))
        for number, pattern in enumerate(("^$", r"(?i)^[a-z]+/\p{L}+$", "''", r"\Av\d{1,3}\z", "é|\n"))
    ),
    Case("retention-of-one", alias(policy={"retention": {"keep": 1}})),
    Case("largest-version", alias(version=18 * "9")),
    Case("negative-threshold", gated(threshold=-1.5)),
    Case("whole-number-as-threshold", gated(threshold=1)),
    Case("tolerance-zero", versus(maxRegression=0)),
    Case("32-gates", alias(policy={"gates": [gate(name=f"g{number}") for number in range(32)]})),
    Case("experiment-monitor", monitor(prometheus=LEFT_OUT, experiment={"name": "live", "metric": "auc"})),
    *(
        Case(f"variable-{name}", loaded_by(name))
        for name in (
            "MODEL_URI",
            "model_uri",
            "_MODEL",
            "MODEL_PATH",
            "APP_HOME",
            "PATHS",
            "MY_PYTHON",
            "LDAP_URI",
        )
    ),
    Case("number-alone", loaded(mode="Pinned", container="init", env="MODEL_VERSION", format="version")),
    Case(
        "one-name-in-two-containers",
        pinned_by({"env": "MODEL_URI"}, {"container": "init", "env": "MODEL_URI"}),
    ),
    Case("16-variables", pinned_by(*({"env": f"V{number}"} for number in range(16)))),
    Case("composed-duration", monitor(interval="1h30m")),
    *(
        Case(f"cron-{cron}", windowed(cron=cron))
        for cron in ("* * * * *", "0 0 LW * *", "0  9 * * mon-fri", "*/15 8-18/2 1,15 JAN 1#1", "0 0 * * 5L")
    ),
    *(Case(f"zone-{zone}", windowed(timeZone=zone)) for zone in _ZONES),
    *(Case(f"open-for-{value}", windowed(duration=value)) for value in ("1m", "366d", "1d60s", "8784h")),
    *(Case(f"except-{len(value)}", windowed(**{"except": value})) for value in ([], ["Promote"], _EXEMPT)),
    Case("16-windows", alias(policy={"windows": 16 * windowed()["policy"]["windows"]})),
    *(
        Case(f"field-{field[:20]}", verified_by(field))
        for field in (
            "version",
            "$.version",
            "versions[0]",
            "model.version",
            "metadata.tags.version",
            "a[0][999]._b-c[10]",
            127 * "a",
        )
    ),
)

GOOD_REQUESTS: Final = (
    *(
        Case(f"expiresAfter-{value}", request(expiresAfter=value))
        for value in ("30d", "720h", "29d23h60m", "2592000s")
    ),
    Case("smallest", request()),
    Case("whole", WHOLE_REQUEST),
    Case("by-run", request(source={"runId": 32 * "a", "artifactPath": "model/best"})),
    Case("by-run-of-another-back-end", request(source={"runId": "Ab_c-é" + 250 * "1"})),
    Case("by-alias", request(source={"alias": "challenger"})),
    Case("rollback-to-previous", request(operation="Rollback", source={"previous": True}, reason="wrong")),
    Case("rollback-to-version", request(operation="Rollback", source={"version": "2"}, reason="wrong")),
    Case("swap", request(operation="Swap", source=LEFT_OUT, reason="back and forth")),
    Case("skip-gates", request(skipGates=True, reason="the champion is broken")),
)

_BAD_ALIAS_NAMES: Final = {
    "latest": "latest",
    "Latest": "LaTest",
    "v3": "v3",
    "V3": "V3",
    "dot": "a.b",
    "empty": "",
    "300-long": 300 * "a",
    "newline": "champ\n",
    "newline-inside": "cha\nmp",
    "v3-newline": "v3\n",
    "non-ascii": "chämpion",
    "space": "cham pion",
    "number": 3,
    "null": None,
}
_BAD_MODEL_NAMES: Final = {
    "slash": "a/b",
    "colon": "a:b",
    "newline": "a\n",
    "tab": "a\tb",
    "nul": "a\0b",
    "empty": "",
    "300-long": 300 * "a",
}
_BAD_VERSIONS: Final = {
    "leading-zero": "01",
    "zero": "0",
    "fraction": "1.0",
    "negative": "-1",
    "exponent": "1e3",
    "2^63": str(2**63),
    "word": "latest",
    "empty": "",
    "newline": "1\n",
    "number": 3,
    "other-digits": "\N{ARABIC-INDIC DIGIT ONE}",
}
_BAD_DURATIONS: Final = {
    "none": "",
    "number": "60",
    "zero": "0s",
    "unit": "5w",
    "negative": "-1h",
    "endless": 20 * "9" + "d",
}

_BAD_CRONS: Final = {
    "seconds": "0 0 18 * * 5",
    "four": "0 18 * *",
    "word": "@daily",
    "reboot": "@reboot",
    "zone": "CRON_TZ=UTC 0 18 * * 5",
    "question": "0 18 ? * 5",
    "newline": "0 18 * * 5\n",
    "lines": "0 18 *\n* 5",
    "blank-first": " 0 18 * * 5",
    "empty": "",
    "number": 5,
}
_BAD_ZONES: Final = {
    "path": "../etc/passwd",
    "absolute": "/etc/localtime",
    "dots": "Europe/../UTC",
    "offset": "+02:00",
    "blank": "Europe/Berlin ",
    "empty": "",
    "newline": "UTC\n",
}

BAD_ALIASES: Final = (
    *(Case(f"alias-{name}", alias(alias=value), "spec.alias") for name, value in _BAD_ALIAS_NAMES.items()),
    *(
        Case(f"previousAlias-{name}", alias(previousAlias=value), "spec.previousAlias")
        for name, value in _BAD_ALIAS_NAMES.items()
        if value is not None
    ),
    *(Case(f"model-{name}", alias(model=value), "spec.model") for name, value in _BAD_MODEL_NAMES.items()),
    *(Case(f"version-{name}", alias(version=value), "spec.version") for name, value in _BAD_VERSIONS.items()),
    *(
        Case(f"interval-{name}", monitor(interval=value), "spec.monitors[0].interval")
        for name, value in _BAD_DURATIONS.items()
    ),
    *(
        Case(f"cron-{name}", windowed(cron=value), "spec.policy.windows[0].cron")
        for name, value in _BAD_CRONS.items()
    ),
    *(
        Case(f"zone-{name}", windowed(timeZone=value), "spec.policy.windows[0].timeZone")
        for name, value in _BAD_ZONES.items()
    ),
    *(
        Case(f"open-for-{value}", windowed(duration=value), "spec.policy.windows[0].duration")
        for value in ("59s", "366d1s", "367d", "0h", "")
    ),
    Case("except-Restore", windowed(**{"except": ["Restore"]}), "spec.policy.windows[0].except[0]"),
    Case("model-missing", alias(model=LEFT_OUT), "spec.model"),
    Case("alias-missing", alias(alias=LEFT_OUT), "spec.alias"),
    Case("previousAlias-is-alias", alias(previousAlias="champion"), "previousAlias must differ from alias"),
    Case(
        "previousAlias-in-another-case",
        alias(previousAlias="Champion"),
        "previousAlias must differ from alias, and not only in case",
    ),
    Case("drift-unknown", alias(drift="Ignore"), "spec.drift"),
    Case("registry-is-url", alias(registry="https://evil"), "spec.registry"),
    Case("requestHistoryLimit-negative", alias(requestHistoryLimit=-1), "spec.requestHistoryLimit"),
    Case("historyLimit-0", alias(historyLimit=0), "spec.historyLimit"),
    Case("historyLimit-2^63", alias(historyLimit=2**63), "spec.historyLimit"),
    Case("threshold-string", gated(threshold="0.85"), "spec.policy.gates[0].threshold"),
    Case("threshold-hex-string", gated(threshold="0x1p-1"), "spec.policy.gates[0].threshold"),
    Case("threshold-nan-string", gated(threshold="NaN"), "spec.policy.gates[0].threshold"),
    Case("threshold-boolean", gated(threshold=True), "spec.policy.gates[0].threshold"),
    Case("threshold-missing", gated(threshold=LEFT_OUT), "exactly one of threshold and champion"),
    Case(
        "threshold-and-champion",
        gated(champion={"maxRegression": 0}),
        "exactly one of threshold and champion",
    ),
    Case("direction-missing", gated(direction=LEFT_OUT), "spec.policy.gates[0].direction"),
    Case(
        "improvement-and-regression",
        versus(minImprovement=0.1, maxRegression=0.1),
        "exactly one of minImprovement and maxRegression",
    ),
    Case("no-distance", versus(mode="Relative"), "exactly one of minImprovement and maxRegression"),
    Case(
        "minImprovement-negative", versus(minImprovement=-0.1), "spec.policy.gates[0].champion.minImprovement"
    ),
    Case(
        "maxRegression-negative", versus(maxRegression=-1e-9), "spec.policy.gates[0].champion.maxRegression"
    ),
    Case("gate-twice", alias(policy={"gates": [gate(), gate()]}), "spec.policy.gates"),
    Case(
        "gates-10000",
        alias(policy={"gates": [gate(name=f"g{number}") for number in range(10_000)]}),
        "spec.policy.gates",
    ),
    Case("gates-null", alias(policy={"gates": [None]}), "spec.policy.gates[0]"),
    Case("users-null", alias(policy={"approval": {"users": [None]}}), "spec.policy.approval.users[0]"),
    Case("serving-null", alias(serving=[None, None]), "spec.serving[0]"),
    Case(
        "serving-twice",
        alias(serving=[{"name": "api"}, {"kind": "Deployment", "name": "api"}]),
        "serving lists the same workload twice",
    ),
    Case("serving-unknown-kind", alias(serving=[{"kind": "Pod", "name": "api"}]), "spec.serving[0].kind"),
    Case("serving-65", alias(serving=[{"name": f"api-{number}"} for number in range(65)]), "spec.serving"),
    Case("serving-name-is-path", alias(serving=[{"name": "../api"}]), "spec.serving[0].name"),
    *(
        Case(f"{name}-without-pinned", loaded(**load), "are only for mode Pinned")
        for name, load in _WITHOUT_PINNED.items()
    ),
    *(
        Case(f"pinned-{name}", loaded(mode="Pinned", **load), "mode Pinned needs container and env, or var")
        for name, load in {
            "without-variable": {"container": "api"},
            "without-container": {"env": "MODEL_URI"},
            "with-format-alone": {"format": "uri"},
        }.items()
    ),
    *(
        Case(f"variables-and-{name}", pinned_by({"env": "A"}, **load), "or several in variables, not both")
        for name, load in {
            "variable": {"container": "api", "env": "B"},
            "container": {"container": "api"},
            "format": {"format": "uri"},
        }.items()
    ),
    Case(
        "variable-twice",
        pinned_by({"env": "A"}, {"env": "A", "format": "version"}),
        "spec.serving[0].load.variables",
    ),
    Case("variables-none", pinned_by(), "spec.serving[0].load.variables"),
    Case(
        "variables-17",
        pinned_by(*({"env": f"V{number}"} for number in range(17))),
        "spec.serving[0].load.variables",
    ),
    *(
        Case(f"variables-{name}", pinned_by({"env": name}), "env is a variable that changes how programs")
        for name in ("PATH", "LD_PRELOAD", "PYTHONPATH", "https_proxy")
    ),
    *(
        Case(f"variable-{name}", loaded_by(name), "env is a variable that changes how programs run")
        for name in (
            "PATH",
            "HOME",
            "BASH_ENV",
            "ENV",
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "LD_AUDIT",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PYTHONHOME",
            "NODE_OPTIONS",
            "JAVA_TOOL_OPTIONS",
            "_JAVA_OPTIONS",
            "CLASSPATH",
            "PERL5OPT",
            "RUBYOPT",
            "GIT_SSH_COMMAND",
            "HTTPS_PROXY",
            "https_proxy",
            "SSL_CERT_FILE",
            "KUBERNETES_SERVICE_HOST",
        )
    ),
    Case(
        "verify-port-0",
        alias(serving=[{"name": "api", "verify": {"port": 0}}]),
        "spec.serving[0].verify.port",
    ),
    Case(
        "verify-path-is-url",
        alias(serving=[{"name": "api", "verify": {"port": 80, "path": "http://evil"}}]),
        "spec.serving[0].verify.path",
    ),
    Case(
        "tag-key-with-quote",
        alias(policy={"eligibility": {"requireTags": {"a'b": "x"}}}),
        "spec.policy.eligibility.requireTags",
    ),
    Case(
        "tag-key-300-long",
        alias(policy={"eligibility": {"requireTags": {300 * "a": "x"}}}),
        "spec.policy.eligibility.requireTags",
    ),
    Case(
        "tags-33",
        alias(policy={"eligibility": {"requireTags": {f"t{number}": "x" for number in range(33)}}}),
        "spec.policy.eligibility.requireTags",
    ),
    Case(
        "schema-of-33-tags",
        alias(policy={"eligibility": {"tagSchema": {"properties": {f"t{n}": {} for n in range(33)}}}}),
        "spec.policy.eligibility.tagSchema.properties",
    ),
    Case(
        "schema-of-a-tag-with-quote",
        alias(policy={"eligibility": {"tagSchema": {"properties": {"a'b": {}}}}}),
        "spec.policy.eligibility.tagSchema.properties",
    ),
    Case(
        "tag-that-no-length-fits",
        tagged(minLength=2, maxLength=1),
        "minLength must not be more than maxLength",
    ),
    Case(
        "retention-in-records",
        alias(policy={"retention": {"keep": 1, "tag": "ModelAlias.champion"}}),
        "the operator's records",
    ),
    Case(
        "retention-in-mlflow-tags",
        alias(policy={"retention": {"keep": 1, "tag": "mlflow.note"}}),
        "MLflow's own",
    ),
    Case("monitor-without-source", monitor(prometheus=LEFT_OUT), "exactly one of prometheus and experiment"),
    Case(
        "monitor-with-two-sources",
        monitor(experiment={"name": "live", "metric": "auc"}),
        "exactly one of prometheus and experiment",
    ),
    Case("monitor-without-a-bound", monitor(threshold=LEFT_OUT), "set threshold, champion, or both"),
    Case(
        "autoPromote-from-nothing",
        alias(policy={"autoPromote": {}}),
        "exactly one of fromAlias and fromVersions",
    ),
    Case(
        "autoPromote-from-both",
        alias(policy={"autoPromote": {"fromAlias": "a", "fromVersions": {"tags": {"b": "*"}}}}),
        "exactly one of fromAlias and fromVersions",
    ),
    Case("monitor-twice", alias(monitors=2 * monitor()["monitors"]), "spec.monitors"),
    Case("query-1-MB", monitor(prometheus={"query": 2**20 * "a"}), "spec.monitors[0].prometheus.query"),
    Case(
        "split-with-two-challengers", alias(traffic=_TWO_CHALLENGERS), "one of the two backends has an alias"
    ),
    Case("split-without-a-challenger", split(second={"alias": None}), "one of the two backends has an alias"),
    Case("split-of-one-service", split(second={"service": "main"}), "spec.traffic.backends"),
    Case("split-without-a-weight", split(90, None), "each backend has a weight, unless steps"),
    Case("split-with-nothing-for-the-own", split(0, 10), "the backend of this alias has a weight above 0"),
    Case("weight-negative", split(90, -1), "spec.traffic.backends[1].weight"),
    Case("weight-too-large", split(90, 1_000_001), "spec.traffic.backends[1].weight"),
    Case("steps-that-fall", split(steps=[50, 10]), "steps rise"),
    Case("steps-that-stay", split(steps=[10, 10]), "steps rise"),
    Case("step-0", split(steps=[0, 10]), "spec.traffic.steps[0]"),
    Case("step-101", split(steps=[10, 101]), "spec.traffic.steps[1]"),
    Case("service-with-a-dot", split(second={"service": "a.b"}), "spec.traffic.backends[1].service"),
    Case("unknown-field", alias(modell="churn"), "spec.modell"),
    Case("unknown-field-deep", gated(treshold=1), "spec.policy.gates[0].treshold"),
)

BAD_REQUESTS: Final = (
    *(
        Case(f"version-{name}", request(source={"version": value}), "spec.source.version")
        for name, value in _BAD_VERSIONS.items()
    ),
    *(
        Case(f"expectedCurrent-{name}", request(expectedCurrent=value), "spec.expectedCurrent")
        for name, value in _BAD_VERSIONS.items()
    ),
    *(
        Case(f"source-alias-{name}", request(source={"alias": value}), "spec.source.alias")
        for name, value in _BAD_ALIAS_NAMES.items()
        if value is not None
    ),
    *(
        Case(f"expiresAfter-{name}", request(expiresAfter=value), "spec.expiresAfter")
        for name, value in _BAD_DURATIONS.items()
    ),
    *(
        Case(f"expiresAfter-{value}", request(expiresAfter=value), "spec.expiresAfter")
        for value in ("31d", "30d1s", "721h", "29d23h60m1s")
    ),
    Case("aliasRef-missing", request(aliasRef=LEFT_OUT), "spec.aliasRef"),
    Case(
        "unknown-field-namespace",
        request(aliasRef={"name": "a", "namespace": "b"}),
        "spec.aliasRef.namespace",
    ),
    Case("aliasRef-64-long", request(aliasRef={"name": 64 * "a"}), "spec.aliasRef.name"),
    Case("no-source", request(source=LEFT_OUT), "Promote and Rollback need a source; Swap takes none"),
    Case("empty-source", request(source={}), "exactly one of version, runId, alias and previous"),
    Case(
        "two-sources",
        request(source={"version": "4", "alias": "challenger"}),
        "exactly one of version, runId, alias and previous",
    ),
    Case(
        "path-without-run",
        request(source={"version": "4", "artifactPath": "model"}),
        "artifactPath needs runId",
    ),
    Case(
        "path-leaves-the-run",
        request(source={"runId": "a1", "artifactPath": "../secret"}),
        "spec.source.artifactPath",
    ),
    Case("run-257-long", request(source={"runId": 257 * "a"}), "spec.source.runId"),
    Case("run-with-dash-first", request(source={"runId": "-a"}), "spec.source.runId"),
    Case(
        "path-256-long",
        request(source={"runId": "a1", "artifactPath": 256 * "a"}),
        "spec.source.artifactPath",
    ),
    Case("source-alias-256-long", request(source={"alias": 256 * "a"}), "spec.source.alias"),
    Case("run-with-quote", request(source={"runId": "a' OR 1=1"}), "spec.source.runId"),
    Case("previous-false", request(source={"previous": False}), "spec.source.previous"),
    Case("promote-previous", request(source={"previous": True}), "source.previous is only for Rollback"),
    Case(
        "swap-with-source",
        request(operation="Swap", reason="x"),
        "Promote and Rollback need a source; Swap takes none",
    ),
    Case(
        "rollback-without-reason", request(operation="Rollback"), "Rollback, Swap and skipGates need a reason"
    ),
    Case(
        "rollback-with-empty-reason",
        request(operation="Rollback", reason=""),
        "Rollback, Swap and skipGates need a reason",
    ),
    Case(
        "rollback-to-alias",
        request(operation="Rollback", source={"alias": "smoke"}, reason="x"),
        "Rollback needs source.version or source.previous",
    ),
    Case(
        "rollback-without-source",
        request(operation="Rollback", source=LEFT_OUT, reason="x"),
        "Promote and Rollback need a source; Swap takes none",
    ),
    Case(
        "swap-without-reason",
        request(operation="Swap", source=LEFT_OUT),
        "Rollback, Swap and skipGates need a reason",
    ),
    Case("skipGates-without-reason", request(skipGates=True), "Rollback, Swap and skipGates need a reason"),
    Case("operation-of-the-operator", request(operation="Pin"), "spec.operation"),
    Case(
        "gate-without-rule",
        request(additionalGates=[gate(threshold=LEFT_OUT)]),
        "exactly one of threshold and champion",
    ),
    Case("additional-gate-twice", request(additionalGates=[gate(), gate()]), "spec.additionalGates"),
    Case("additionalGates-null", request(additionalGates=[None]), "spec.additionalGates[0]"),
    Case(
        "gate-threshold-nan-string",
        request(additionalGates=[gate(threshold="nan")]),
        "spec.additionalGates[0].threshold",
    ),
    Case(
        "tags-of-the-operator",
        request(onSuccess={"tags": {"modelalias.champion": "{}"}}),
        "a request cannot set tags that begin with modelalias. or mlflow.",
    ),
    Case(
        "tags-of-mlflow",
        request(onSuccess={"tags": {"mlflow.user": "eve"}}),
        "a request cannot set tags that begin with modelalias. or mlflow.",
    ),
    Case("ttl-negative", request(ttlSecondsAfterFinished=-1), "spec.ttlSecondsAfterFinished"),
    Case("ttl-fraction", request(ttlSecondsAfterFinished=1.5), "spec.ttlSecondsAfterFinished"),
    Case("reason-1-MB", request(reason=2**20 * "a"), "spec.reason"),
    Case(
        "approval-for-no-hash",
        request(approvals=[{"user": "bo", "evidence": "yes", "decision": "Approve"}]),
        "spec.approvals[0].evidence",
    ),
    Case(
        "approval-twice",
        request(approvals=2 * [{"user": "bo", "evidence": EVIDENCE, "decision": "Approve"}]),
        "spec.approvals",
    ),
    Case("unknown-field", request(force=True), "spec.force"),
)

NOT_FINITE: Final = (math.nan, math.inf, -math.inf)
"""What a program may hand to the models; on the wire they are no JSON."""

NOT_JSON: Final = ("NaN", "Infinity", "1e999", "-1e999", "0x1p-1", "1_000", "+1", ".5")
"""Thresholds as they might be written into the body of a request."""


def policy(**changes: Any) -> Spec:
    """Return the spec of a PromotionPolicy."""
    return _changed({"policy": {"gates": [gate()]}}, changes)


def cluster_policy(**changes: Any) -> Spec:
    """Return the spec of a ClusterPromotionPolicy."""
    return _changed({**policy(), "appliesTo": {}}, changes)


WHOLE_POLICY: Final[Spec] = {name: WHOLE_ALIAS[name] for name in ("policy", "rollout", "monitors")}

GOOD_POLICIES: Final = (
    Case("smallest", {}),
    Case("a-gate", policy()),
    Case("whole", WHOLE_POLICY),
)

GOOD_CLUSTER_POLICIES: Final = (
    Case("everything", {"appliesTo": {}}),
    Case(
        "some", cluster_policy(appliesTo={"namespaces": ["prod-*"], "models": ["churn", "Kündigung 模型*"]})
    ),
    Case("whole", {**WHOLE_POLICY, "appliesTo": {}}),
)

BAD_CLUSTER_POLICIES: Final = (
    Case("to-nobody-knows-whom", cluster_policy(appliesTo=LEFT_OUT), "spec.appliesTo"),
    *(
        Case(f"{name}-{number}", cluster_policy(appliesTo={name: value}), f"spec.appliesTo.{name}")
        for name in ("namespaces", "models")
        for number, value in enumerate(([], [""], ["a/b"], [256 * "a"], 65 * ["a"], "a", [None]))
    ),
)
