"""A team's namespace to look at: ModelAliases and requests as they stand in all kinds of states.

No operator is needed: the statuses are written as the operator writes them, with times counted back from now.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.support.kube_api import GROUP, KubeApi, Person
from tests.support.team import PAST

Body = Mapping[str, Any]
ANA, BO, EVE = Person("ana"), Person("bo", ("ml-leads", "staff")), Person("eve")
PEOPLE: Final = {ANA: "edit", BO: "modelalias-approver", EVE: "view"}
CHURN: Final = "churn-champion"
WAITS: Final = "churn-champion-v5"
"""The request for it that waits for an approval of somebody of ml-leads; ana filed it."""
REFUSED: Final = "churn-champion-v2"
MISSING: Final = "missing"
"""The name of the page of something that there is not."""
EVIDENCE: Final = f"sha256:{'1' * 64}"
_GATES: Final = (
    {
        "name": "auc",
        "metric": "val_auc",
        "direction": "HigherIsBetter",
        "champion": {"minImprovement": 0.002},
    },
    {"name": "latency", "metric": "p95_ms", "direction": "LowerIsBetter", "threshold": 40},
)
_POLICY: Final = {
    "gates": _GATES,
    "approval": {"required": "Always", "groups": ["ml-leads"], "checklist": ["Bias report read"]},
}


class ShownTeam:
    """Writes what there is to see into a namespace."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self._api, self._base = api, f"{GROUP}/namespaces/{namespace}"
        self._began = datetime.now(UTC)

    def ago(self, **past: float) -> str:
        """Return a time before now, as it stands in an object."""
        return (self._began - timedelta(**past)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def fill(self) -> None:
        """Write all of it."""
        self.alias(CHURN, self._churn_status(), policy=_POLICY, serving=[{"name": "churn-api"}])
        self.alias("fraud-champion", self._rolling_status(), policy={"gates": _GATES})
        self.alias("credit-champion", self._held_status(), policy={"gates": _GATES})
        self.alias("price-champion", self._drifted_status())
        self.alias("search-champion", self._ready("12", 40), version="12")
        self.alias("spam-champion", {"phase": "Pending"})
        self.alias("demand-champion", self._breached_status(), monitors=[self._monitor_spec()])
        for number, name in enumerate(("basket", "delivery", "returns", "staffing", "upsell")):
            self.alias(f"{name}-champion", self._ready(str(number + 2), 3 * number + 1))
        self.request(WAITS, CHURN, "5", self._waiting_status(), reason="retrained on October's data")
        self.request(REFUSED, CHURN, "2", self._refused_status())
        self.request("fraud-champion-v8", "fraud-champion", "8", self._moving_status())
        self.request("credit-champion-v7", "credit-champion", "7", self._undone_status())
        self.request("price-champion-v3", "price-champion", "3", self._evaluating_status())

    def alias(self, name: str, status: Body, **spec: Any) -> None:
        """Write a ModelAlias and its status; `MODEL-ALIAS` is named so."""
        model, _, alias = name.rpartition("-")
        self.write_alias(name, {"model": model, "alias": alias, **spec}, status)

    def write_alias(self, name: str, spec: Body, status: Body) -> None:
        """Write a ModelAlias and its status."""
        self._write("modelaliases", "ModelAlias", name, spec, {"observedGeneration": 1, **status})

    def request(self, name: str, alias: str, version: str, status: Body, **spec: Any) -> None:
        """Write a request of ana's for a version, and its status."""
        asked: Body = {
            "aliasRef": {"name": alias},
            "source": {"version": version},
            "requestedBy": ANA.name,
            **spec,
        }
        self._write("promotionrequests", "PromotionRequest", name, asked, {"observedGeneration": 1, **status})

    def set_status(self, plural: str, name: str, **status: Any) -> None:
        """Change fields of a status; None takes one away."""
        answer = self._api.merge(f"{self._base}/{plural}/{name}/status", {"status": status}, who=PAST)
        assert answer.ok, answer.message

    def get(self, plural: str, name: str) -> Body:
        """Read an object."""
        answer = self._api.send("GET", f"{self._base}/{plural}/{name}")
        assert answer.ok, answer.message
        return answer.body

    def _write(self, plural: str, kind: str, name: str, spec: Body, status: Body) -> None:
        head = {"apiVersion": "modelalias.dev/v1alpha1", "kind": kind, "metadata": {"name": name}}
        made = self._api.create(f"{self._base}/{plural}", {**head, "spec": spec}, who=PAST)
        assert made.ok, f"{name}: {made.message}"
        self.set_status(plural, name, **status)

    # ModelAliases

    def _ready(self, version: str, days: float) -> Body:
        since = self.ago(days=days)
        current = {"version": version, "since": since, "actor": ANA.name, "runId": "f" * 31 + version[-1]}
        conditions = [
            self.condition("Ready", "True", "Succeeded", f"version {version} is served", since=since),
            self.condition("InSync", "True", "Succeeded", "the registry names the version", since=since),
        ]
        return {"phase": "Ready", "current": current, "conditions": conditions}

    def _churn_status(self) -> Body:
        moves = (("1", 90, 0.871), ("2", 62, 0.884), ("3", 40, 0.893), ("4", 12, 0.902))
        history: list[Body] = []
        for (before, _, _), (version, days, auc) in zip((("", 0, 0), *moves), moves, strict=False):
            history.append(self._move(before or None, version, days, auc))
        failed = {**self._move("3", "9", 30, 0.899), "outcome": "RolledBack", "failure": "RolloutFailed"}
        history.insert(3, {**failed, "message": "Deployment churn-api: pods do not become ready"})
        return {
            **self._ready("4", 12),
            "previous": {"version": "3", "since": self.ago(days=40), "actor": ANA.name},
            "observed": {"version": "4", "at": self.ago(days=12), "epoch": 5},
            "history": history,
            "queue": [WAITS],
            "served": "4",
            "serving": [
                {
                    "kind": "Deployment",
                    "name": "churn-api",
                    "desired": "4",
                    "asked": "4",
                    "served": "4",
                    "state": "UpToDate",
                    "since": self.ago(days=12),
                    "pods": [{"version": "4", "pods": 3, "ready": 3}],
                }
            ],
            "policy": {
                "sources": ["ClusterPromotionPolicy/base", "ModelAlias"],
                "rules": [
                    {"rule": "policy.gates[auc]", "from": "ModelAlias"},
                    {"rule": "policy.gates[latency]", "from": "ClusterPromotionPolicy/base"},
                    {"rule": "policy.approval", "from": "ClusterPromotionPolicy/base"},
                ],
            },
        }

    def _move(self, before: str | None, version: str, days: float, auc: float) -> Body:
        return {
            **({"from": before} if before else {}),
            "to": version,
            "at": self.ago(days=days),
            "operation": "Promote",
            "outcome": "Succeeded",
            "request": f"{CHURN}-v{version}-done",
            "uid": f"u-{version}",
            "judged": [{"metric": "val_auc", "value": str(auc)}, {"metric": "p95_ms", "value": "31.5"}],
            "actor": ANA.name,
            "approvers": [BO.name],
            "reason": "the monthly retraining",
            "evidence": EVIDENCE,
        }

    def _rolling_status(self) -> Body:
        plan = {
            "operation": "Promote",
            "request": {"name": "fraud-champion-v8", "uid": "u-8"},
            "actor": ANA.name,
            "aliases": [{"name": "champion", "from": "7", "to": "8"}],
            "startedAt": self.ago(minutes=3),
            "epoch": 2,
        }
        return {**self._ready("7", 21), "phase": "RollingOut", "plan": plan, "served": "8, 7"}

    def _held_status(self) -> Body:
        hold = {"reason": "RolledBack", "request": "credit-champion-v7", "since": self.ago(hours=5)}
        held = self.condition(
            "Held", "True", "RolledBack", "automatic steps are on hold since version 7 failed"
        )
        ready = self._ready("6", 33)
        return {**ready, "hold": hold, "conditions": [*ready["conditions"], held]}

    def _drifted_status(self) -> Body:
        ready = self._ready("2", 18)
        drift = self.condition(
            "InSync", "False", "Drifted", "somebody moved the alias: the registry names 9, not 2"
        )
        observed = {"version": "9", "at": self.ago(hours=2), "epoch": 3, "ownEpoch": 2}
        return {**ready, "phase": "Drifted", "conditions": [drift], "observed": observed}

    def _breached_status(self) -> Body:
        points = [
            {"at": self.ago(minutes=5 * back), "value": f"{0.02 + 0.004 * (30 - back):.3f}"}
            for back in range(30, 0, -1)
        ]
        monitor = {
            "name": "errors",
            "version": "14",
            "state": "Failing",
            "value": points[-1]["value"],
            "at": points[-1]["at"],
            "failures": 2,
            "rule": "<= 0.1",
            "points": points,
            "message": "2 readings in a row are above 0.1",
        }
        why = "monitor errors: 2 readings in a row are above 0.1"
        conditions = [
            self.condition("Ready", "False", "Degraded", "Deployment demand-api: 2 of 3 pods are available"),
            self.condition("InSync", "True", "Succeeded", "the registry names the version"),
            self.condition("MonitorsPassing", "False", "Failing", why),
        ]
        ready = self._ready("14", 1)
        return {**ready, "phase": "Degraded", "monitors": [monitor], "conditions": conditions}

    def _monitor_spec(self) -> Body:
        query = {"query": 'rate(errors_total{model="{{ model }}"}[5m])'}
        return {"name": "errors", "prometheus": query, "direction": "LowerIsBetter", "threshold": 0.1}

    # Requests

    def _waiting_status(self) -> Body:
        return {
            "phase": "AwaitingApproval",
            "phaseSince": self.ago(hours=26),
            "explanation": "waits for 1 approval from group ml-leads",
            "resolved": {
                "version": "5",
                "champion": "4",
                "from": "version 5",
                "evidence": EVIDENCE,
                "round": 1,
            },
            "eligibility": [{"rule": "requireTags validated", "result": "Passed"}],
            "gates": [self._finding("auc", "Passed"), self._latency("34.2", "Passed")],
            "gatesPassed": "2/2",
            "approvals": {
                "required": 1,
                "valid": 0,
                "since": self.ago(hours=26),
                "groups": ["ml-leads"],
                "checklist": ["Bias report read"],
            },
            "conditions": [
                *self._met(Resolved="version 5", Eligible="1 rule", GatesPassed="2 of 2 gates passed"),
                self._unmet("Approved", "AwaitingApproval", "waits for 1 approval from group ml-leads"),
                self._unmet("Complete", "AwaitingApproval", "waits for 1 approval from group ml-leads"),
            ],
        }

    def _refused_status(self) -> Body:
        why = "version 2 refused: gate auc: 0.884 is not >= 0.904 (champion 0.902 + 0.002)"
        return {
            **self._ended("Rejected", why, hours=200),
            "conditions": [
                *self._met(Resolved="version 2", Eligible="no rules"),
                self._unmet("GatesPassed", "GateFailed", why),
                *self._ends("Rejected", why),
            ],
            "resolved": {"version": "2", "champion": "4", "from": "version 2", "evidence": EVIDENCE},
            "gates": [self._finding("auc", "Failed", "0.884"), self._latency("28.0", "Passed")],
            "gatesPassed": "1/2",
        }

    def _moving_status(self) -> Body:
        return {
            "phase": "RollingOut",
            "phaseSince": self.ago(minutes=2),
            "explanation": "Deployment fraud-api: 1 of 3 pods run version 8",
            "resolved": {"version": "8", "champion": "7", "from": "version 8", "evidence": EVIDENCE},
            "gates": [self._finding("auc", "Passed")],
            "gatesPassed": "1/1",
            "conditions": [
                *self._met(
                    Resolved="version 8",
                    Eligible="no rules",
                    GatesPassed="1 of 1",
                    Approved="nobody is asked",
                ),
                *self._met(AliasUpdated="the registry names version 8"),
                self._unmet("RolledOut", "RollingOut", "the workloads are being rolled out"),
                self._unmet("Complete", "RollingOut", "the workloads are being rolled out"),
            ],
        }

    def _undone_status(self) -> Body:
        why = "Deployment credit-api: pods do not become ready; everything is back at version 6"
        resolved = {"version": "7", "champion": "6", "from": "version 7", "evidence": EVIDENCE}
        return {**self._ended("RolledBack", why, hours=5), "resolved": resolved}

    def _evaluating_status(self) -> Body:
        return {
            "phase": "Evaluating",
            "phaseSince": self.ago(minutes=6),
            "explanation": "Jobs measure candidate and champion",
            "resolved": {"version": "3", "champion": "2", "from": "version 3"},
            "evaluation": [
                {"side": "Candidate", "version": "3", "job": "price-eval-3", "state": "Running"},
                {
                    "side": "Champion",
                    "version": "2",
                    "job": "price-eval-2",
                    "state": "Failed",
                    "lastLines": "no data",
                },
            ],
            "conditions": [
                *self._met(Resolved="version 3", Eligible="no rules"),
                self._unmet("GatesPassed", "Evaluating", "Jobs measure the versions"),
                self._unmet("Complete", "Evaluating", "Jobs measure the versions"),
            ],
        }

    def _ended(self, phase: str, why: str, hours: float) -> Body:
        since = self.ago(hours=hours)
        return {
            "phase": phase,
            "phaseSince": since,
            "completedAt": since,
            "explanation": why,
            "conditions": self._ends(phase, why),
        }

    def _ends(self, phase: str, why: str) -> Sequence[Body]:
        succeeded = "True" if phase == "Succeeded" else "False"
        return [
            self.condition("Complete", "True", phase, why),
            self.condition("Succeeded", succeeded, phase, why),
        ]

    def _met(self, **messages: str) -> Sequence[Body]:
        return [
            self.condition(kind, "True", "Succeeded", message, since=self.ago(hours=27))
            for kind, message in messages.items()
        ]

    def _unmet(self, kind: str, reason: str, message: str) -> Body:
        return self.condition(kind, "False", reason, message)

    def _finding(self, name: str, result: str, candidate: str = "0.911") -> Body:
        return {
            "name": name,
            "result": result,
            "metric": "val_auc",
            "candidate": candidate,
            "champion": "0.902",
            "rule": ">= 0.904 (champion 0.902 + 0.002)",
            "evaluatedAt": self.ago(hours=26),
        }

    def _latency(self, candidate: str, result: str) -> Body:
        numbers = {"metric": "p95_ms", "candidate": candidate, "champion": "31.5", "rule": "<= 40"}
        return {"name": "latency", "result": result, **numbers, "evaluatedAt": self.ago(hours=26)}

    def condition(
        self, kind: str, status: str, reason: str, message: str, *, since: str | None = None
    ) -> Body:
        """Return a condition."""
        at = since or self.ago(hours=1)
        return {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": at,
        }


def bind(api: KubeApi, namespace: str, people: Mapping[Person, str] = PEOPLE) -> None:
    """Give people their roles in the namespace."""
    group = "rbac.authorization.k8s.io"
    for who, role in people.items():
        body = {
            "metadata": {"name": who.name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": group, "kind": "User", "name": who.name}],
        }
        answer = api.create(f"/apis/{group}/v1/namespaces/{namespace}/rolebindings", body)
        assert answer.ok, answer.message


def pages(namespace: str) -> Sequence[tuple[str, str]]:
    """Return each page of the site, by a name for it."""
    return (
        ("board", f"/?namespace={namespace}"),
        ("approvals", "/approvals"),
        ("alias", f"/a/{namespace}/{CHURN}"),
        ("alias-moving", f"/a/{namespace}/fraud-champion"),
        ("alias-watched", f"/a/{namespace}/demand-champion"),
        ("promote", f"/a/{namespace}/{CHURN}/promote"),
        ("rollback", f"/a/{namespace}/{CHURN}/rollback"),
        ("release", f"/a/{namespace}/credit-champion/release"),
        ("request", f"/r/{namespace}/{WAITS}"),
        ("request-refused", f"/r/{namespace}/{REFUSED}"),
        ("request-moving", f"/r/{namespace}/fraud-champion-v8"),
        ("model", "/m/default/churn"),
        (MISSING, f"/a/{namespace}/nothing"),
    )
