"""A namespace to play a story in: apply, look, wait, as a user with kubectl does."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from tests.support.kube_api import GROUP, KubeApi, Person

WAIT_SECONDS: Final = 60.0
STABLE_SECONDS: Final = 1
VERSIONS: Final = {
    "Deployment": "apps/v1",
    "CronJob": "batch/v1",
    "Rollout": "argoproj.io/v1alpha1",
    "InferenceService": "serving.kserve.io/v1beta1",
    "Gateway": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
}
_ROLE_BINDINGS: Final = ("/apis/rbac.authorization.k8s.io/v1", "rolebindings")
_REQUESTS: Final = (GROUP, "promotionrequests")
_READ: Final[Mapping[str, tuple[str, str]]] = {
    "modelalias": (GROUP, "modelaliases"),
    "promotionrequest": _REQUESTS,
    "deployment": ("/apis/apps/v1", "deployments"),
    "statefulset": ("/apis/apps/v1", "statefulsets"),
    "daemonset": ("/apis/apps/v1", "daemonsets"),
    "rollout": ("/apis/argoproj.io/v1alpha1", "rollouts"),
    "inferenceservice": ("/apis/serving.kserve.io/v1beta1", "inferenceservices"),
    "gateway": ("/apis/gateway.networking.k8s.io/v1", "gateways"),
    "httproute": ("/apis/gateway.networking.k8s.io/v1", "httproutes"),
    "job": ("/apis/batch/v1", "jobs"),
    "cronjob": ("/apis/batch/v1", "cronjobs"),
    "event": ("/api/v1", "events"),
    "resourcequota": ("/api/v1", "resourcequotas"),
}
"""Where the API server keeps what is looked at, or is new."""
Object = Mapping[str, Any]


class Stage:
    """One namespace of a cluster.

    What is looked at, again and again, and what is new is told to the API server without starting a kubectl,
    which takes a tenth of a second of processor time; new objects are what kubectl makes of them. All else goes
    through kubectl.
    """

    look_seconds = 0.2
    """Seconds between two looks."""

    def __init__(self, kubeconfig: str, namespace: str, user: str) -> None:
        self.kubeconfig, self.namespace, self.user = kubeconfig, namespace, user
        self._api = _connected(kubeconfig)

    def kubectl(
        self, *arguments: str, stdin: str | None = None, check: bool = True, who: Person | None = None
    ) -> str:
        """Run kubectl in the namespace, in somebody's name if one is given, and return what it prints."""
        name = [] if who is None else [f"--as={who.name}", *(f"--as-group={group}" for group in who.groups)]
        done = subprocess.run(
            ["kubectl", "--kubeconfig", self.kubeconfig, "--namespace", self.namespace, *name, *arguments],
            env={**os.environ, "GOGC": "off"},  # it ends before collecting garbage would pay
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0 or not check, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout + ("" if check else done.stderr)

    def apply(self, kind: str, name: str, spec: Object, *, who: Person | None = None) -> None:
        """Apply an object; the pods of a ModelAlias count as stable sooner than by default, unless it says when."""
        if kind == "ModelAlias":
            spec = {**spec, "rollout": {"stableSeconds": STABLE_SECONDS, **spec.get("rollout", {})}}
        body = json.dumps(_body(kind, name, spec))
        if kind.lower() not in _READ or not self._is_new(kind, body, who):
            self.kubectl("apply", "-f", "-", stdin=body, who=who)

    def _is_new(self, kind: str, body: str, who: Person | None) -> bool:
        """Create as `kubectl apply` does, and return False if the object is there already."""
        new = json.loads(body)
        new["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": body}
        path = (
            f"{self._path(_READ[kind.lower()])}?fieldManager=kubectl-client-side-apply&fieldValidation=Strict"
        )
        answer = self._api.send("POST", path, new, who=who)
        assert answer.ok or answer.code == 409, f"{kind} {new['metadata']['name']}: {answer.message}"
        return answer.ok

    def request(self, name: str, alias: str, *, who: Person | None = None, **spec: Any) -> None:
        """File a promotion request in one's own name."""
        self.apply("PromotionRequest", name, self._asked(alias, spec, who), who=who)

    def requests(self, alias: str, specs: Mapping[str, Object]) -> None:
        """File many at once, by name."""
        items = [
            _body("PromotionRequest", name, self._asked(alias, spec, None)) for name, spec in specs.items()
        ]
        self.kubectl(
            "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        )

    def _asked(self, alias: str, spec: Object, who: Person | None) -> Object:
        return {"aliasRef": {"name": alias}, "requestedBy": who.name if who else self.user, **spec}

    def approve(self, name: str, who: Person, *, check: bool = True, **word: Any) -> str:
        """Let somebody approve, or what else the word says, on the evidence that stands; return what kubectl
        says."""
        found = self.get("promotionrequest", name)
        given = {
            "user": who.name,
            "evidence": found["status"]["resolved"]["evidence"],
            "decision": "Approve",
            **word,
        }
        approvals = [*found["spec"].get("approvals", ()), given]
        body = json.dumps({"spec": {"approvals": approvals}})
        return self.kubectl(
            "patch", "promotionrequest", name, "--type=merge", "-p", body, who=who, check=check
        )

    def patch(self, kind: str, name: str, spec: Object) -> None:
        self.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def get(self, kind: str, name: str) -> Object:
        return _without_managers(self._look(_READ[kind.lower()], f"/{name}"))

    def status(self, kind: str, name: str) -> Object:
        status: Object = self.get(kind, name).get("status", {})
        return status

    def complete(self, name: str, seconds: int = 60) -> Object:
        """Wait as a pipeline does, and return the request's status."""
        self.kubectl("wait", "--for=condition=Complete", f"promotionrequest/{name}", f"--timeout={seconds}s")
        return self.status("promotionrequest", name)

    def until(
        self, kind: str, name: str, holds: Callable[[Object], bool], what: str, seconds: float = WAIT_SECONDS
    ) -> Object:
        """Poll an object until it is as wanted; fail with its last state."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.get(kind, name)
            if holds(found):
                return found
            assert time.monotonic() < deadline, (
                f"not within {seconds:g} s: {what}\n{json.dumps(found, indent=1)[-6000:]}"
            )
            time.sleep(self.look_seconds)  # poll

    def appears(self, kind: str, name: str) -> None:
        """Wait until there is such an object."""
        deadline = time.monotonic() + WAIT_SECONDS
        while name not in {item["metadata"]["name"] for item in self.all(kind)}:
            assert time.monotonic() < deadline, f"not within {WAIT_SECONDS:g} s: there is {kind} {name}"
            time.sleep(self.look_seconds)  # poll

    def reaches(self, name: str, phase: str) -> Object:
        """Wait until a request is in a phase."""
        return self.until(
            "promotionrequest", name, lambda it: it.get("status", {}).get("phase") == phase, f"it is {phase}"
        )

    def ended(self, *names: str) -> Mapping[str, Object]:
        """Wait until all these requests have ended, and return the status of each."""
        self.kubectl(
            "wait",
            "--for=condition=Complete",
            *(f"promotionrequest/{name}" for name in names),
            "--timeout=180s",
        )
        return {name: self.status("promotionrequest", name) for name in names}

    def all(self, kind: str) -> list[Object]:
        """Return all objects of a kind, but for those that are being deleted."""
        items = self._look(_READ[kind.lower()])["items"]
        return [_without_managers(item) for item in items if "deletionTimestamp" not in item["metadata"]]

    def announces(self, name: str, *words: str) -> Sequence[str]:
        """Wait for an event on an object with all these words in "reason: message"; return all of the object.

        An event comes after the status that it tells of.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            found = self._look(_READ["event"], f"?fieldSelector=involvedObject.name%3D{name}")
            told = [f"{item['reason']}: {item['message']}" for item in found["items"]]
            if any(all(word in line for word in words) for line in told):
                return told
            assert time.monotonic() < deadline, f"not within {WAIT_SECONDS:g} s: {words} in {told}"
            time.sleep(self.look_seconds)  # poll

    def deployment(
        self, name: str, image: str, *, replicas: int = 1, env: Mapping[str, str] | None = None
    ) -> None:
        """Apply a Deployment that runs one container and needs nothing else."""
        container = {
            "name": "api",
            "image": image,
            "imagePullPolicy": "Never",
            "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
        }
        labels = {"app": name}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
        }
        self.apply(
            "Deployment",
            name,
            {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
        )

    def cron_job(
        self, name: str, image: str, *arguments: str, suspend: bool = True, held_back: bool = True
    ) -> None:
        """Apply the template of evaluation Jobs; `held_back` Jobs run only once somebody sets their
        spec.suspend to false."""
        container = {"name": "main", "image": image, "imagePullPolicy": "Never", "args": list(arguments)}
        pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
        job = {"backoffLimit": 0, "suspend": held_back, "template": {"spec": pod}}
        template = {"metadata": {"labels": {"team": "risk"}}, "spec": job}
        self.apply("CronJob", name, {"schedule": "0 0 31 2 *", "suspend": suspend, "jobTemplate": template})

    def bind(self, roles: Mapping[Person, str]) -> None:
        """Give people cluster roles in this namespace, and wait until the API server knows."""
        group = "rbac.authorization.k8s.io"
        for who, role in roles.items():
            body = {
                "metadata": {"name": who.name},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": group, "kind": "User", "name": who.name}],
            }
            answer = self._api.create(self._path(_ROLE_BINDINGS), body)
            assert answer.ok, answer.message
        deadline = time.monotonic() + WAIT_SECONDS
        while not all(self._api.send("GET", self._path(_REQUESTS), who=who).ok for who in roles):
            assert time.monotonic() < deadline, f"not within {WAIT_SECONDS:g} s: the API server knows {roles}"
            time.sleep(0.1)  # poll

    def _look(self, where: tuple[str, str], below: str = "") -> Object:
        answer = self._api.send("GET", self._path(where) + below)
        assert answer.ok, answer.message
        return answer.body

    def _path(self, where: tuple[str, str]) -> str:
        group, plural = where
        return f"{group}/namespaces/{self.namespace}/{plural}"

    def fill_quota(self, pods: int) -> None:
        """Let no new pod come up beside those that run now."""
        self.kubectl("create", "quota", "full", f"--hard=pods={pods}")
        full = str(pods)
        self.until(
            "resourcequota",
            "full",
            lambda it: it.get("status", {}).get("used", {}).get("pods") == full,
            "it is full",
        )

    def free_quota(self) -> None:
        """Let pods come up again, at once: the controllers, which try ever more seldom, look again at what
        changes."""
        self.kubectl("delete", "resourcequota", "full")
        self.kubectl("annotate", "replicasets", "--all", f"quota-freed={time.time_ns()}")


def condition(status: Object, kind: str) -> tuple[str, str]:
    """Return status and reason of a condition."""
    found = next((item for item in status.get("conditions", ()) if item["type"] == kind), None)
    return ("", "") if found is None else (found["status"], found["reason"])


@cache
def _connected(kubeconfig: str) -> KubeApi:
    return KubeApi(kubeconfig)


def _without_managers(found: Object) -> Object:
    """Leave out who wrote which field, as kubectl does."""
    metadata = {key: value for key, value in found["metadata"].items() if key != "managedFields"}
    return {**found, "metadata": metadata}


def _body(kind: str, name: str, spec: Object) -> Mapping[str, Any]:
    version = VERSIONS.get(kind, "modelalias.dev/v1alpha1")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
