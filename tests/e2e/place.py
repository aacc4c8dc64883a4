"""A namespace on real pods in which one situation is played, and the words that the situations share."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.kube_api import KubeApi
from tests.support.scraped_pods import ANNOTATIONS
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage

IMAGE: Final = "localhost/modelalias/serving:dev"
PROGRAM: Final = Path(__file__).with_name("stand_in.py")
ALIAS: Final = "champion"
APP: Final = "churn-api"
UNHURRIED: Final = 300
"""The deadline of rollouts that succeed, on a machine that does much else."""
PATIENCE: Final = 300.0
"""Seconds until something must have been seen: what was told a moment ago is told anew after a minute only."""
SEEN: Final = 0.2
"""Seconds between two looks at what passes."""
LITTLE: Final[Object] = {"requests": {"cpu": "20m"}}
"""What such a pod takes; one that asks for nothing gets nothing while others load a model."""


class Place(Stage):
    """A namespace with the program that its pods run, and a model with two versions."""

    look_seconds = 0.5

    def __init__(self, kubeconfig: str, namespace: str, seeded: Seeding, *others: Seeding) -> None:
        api = KubeApi(kubeconfig)
        super().__init__(kubeconfig, namespace, api.who_am_i())
        self.models = (seeded, *others)
        made = api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        assert made.ok, made.message
        program = {
            "metadata": {"name": "stand-in"},
            "data": {PROGRAM.name: PROGRAM.read_text(encoding="utf-8")},
        }
        made = api.create(f"/api/v1/namespaces/{namespace}/configmaps", program)
        assert made.ok, made.message

    # What people write

    def workload(
        self,
        kind: str = "Deployment",
        *,
        replicas: int = 1,
        containers: Sequence[Object] = (),
        pod: Object | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> Object:
        """Apply a workload whose versions behave as said (`{"2": "crashes"}`); return what was applied."""
        labels = {"app": APP}
        spec: dict[str, Any] = {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": ANNOTATIONS},
                "spec": {
                    "containers": [*(containers or (container(versions=versions),))],
                    "terminationGracePeriodSeconds": 1,
                    "volumes": [
                        {"name": "program", "configMap": {"name": "stand-in"}},
                        {"name": "state", "emptyDir": {}},
                    ],
                    **(pod or {}),
                },
            },
        }
        if kind == "StatefulSet":
            spec |= {"serviceName": "none"}
        else:
            spec |= {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
        body = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": APP}, "spec": spec}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(body))
        return body

    def pinned(
        self,
        name: str = ALIAS,
        *,
        model: Seeding | None = None,
        kind: str = "Deployment",
        container: str = "api",
        **rollout: Any,
    ) -> None:
        """Apply a ModelAlias that pins the workload's variable."""
        load = {"mode": "Pinned", "container": container, "env": "MODEL_URI"}
        self.apply(
            "ModelAlias",
            name,
            {
                "model": (model or self.models[0]).model,
                "alias": "champion",
                "serving": [{"kind": kind, "name": APP, "load": load}],
                "rollout": {"deadlineSeconds": UNHURRIED, "stableSeconds": 2, **rollout},
            },
        )

    def service(self) -> None:
        """Apply the Service of the workload's pods."""
        spec = {"selector": {"app": APP}, "ports": [{"port": 8080}]}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": APP}, "spec": spec}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(body))

    def touch(self, pod: str, file: str) -> None:
        """Make a file in a pod, as soon as its container takes commands."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.kubectl("exec", pod, "--", "touch", file)
            except AssertionError as error:
                if "(NotFound)" in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(self.look_seconds)  # poll
            else:
                return

    def hurry(self, seconds: int, alias: str = ALIAS) -> None:
        """Give the next rollout a short deadline: one that must fail is not worth a long wait."""
        self.patch("modelalias", alias, {"rollout": {"deadlineSeconds": seconds}})

    def promote(self, version: str, alias: str = ALIAS) -> Object:
        """Ask for a version, wait until that has ended, and return the request's status."""
        name = f"{alias}-v{version}"
        self.request(name, alias, source={"version": version})
        return self.ends(name)

    def succeeds(self, version: str, alias: str = ALIAS) -> None:
        """Promote a version; anything but success ends the situation."""
        ended = self.promote(version, alias)
        assert ended["phase"] == "Succeeded", ended

    # What people see

    def ends(self, request: str) -> Object:
        """Wait until a request has ended, and return its status."""
        found = self.until(
            "promotionrequest", request, lambda it: has(it, "Complete", "True"), "it ends", PATIENCE
        )
        status: Object = found["status"]
        return status

    def tells(self, kind: str, status: str, alias: str = ALIAS) -> Object:
        """Wait until a condition of the ModelAlias is as wanted, and return the alias's status."""
        found = self.until(
            "modelalias", alias, lambda it: has(it, kind, status), f"{kind} is {status}", PATIENCE
        )
        told: Object = found["status"]
        return told

    def serves(self, version: str) -> Object:
        """Wait until the status says that all ready pods run a version, and return the workload's part of it."""
        found = self.until(
            "modelalias",
            ALIAS,
            lambda it: [item.get("served") for item in it["status"]["serving"]] == [version],
            f"its pods run version {version}",
            PATIENCE,
        )
        told: Object = found["status"]["serving"][0]
        return told

    def has_no_ready_pod(self) -> Object:
        """Wait until the status says that no pod is ready, and return the workload's part of it."""
        found = self.until(
            "modelalias",
            ALIAS,
            lambda it: not sum(item["ready"] for item in it["status"]["serving"][0]["pods"]),
            "no pod is ready",
            PATIENCE,
        )
        told: Object = found["status"]["serving"][0]
        return told

    def says(self, request: str, words: Sequence[str]) -> str:
        """Wait until the explanation of a request has all these words, and return it."""
        found = self.until(
            "promotionrequest",
            request,
            lambda it: all(word in explanation(it).lower() for word in words),
            f"its explanation has the words {words}",
            PATIENCE,
        )
        return explanation(found)

    def pods(self) -> Mapping[str, Object]:
        """Return the pods by name, without those that are leaving."""
        return {
            item["metadata"]["name"]: item
            for item in self._pods()
            if "deletionTimestamp" not in item["metadata"]
        }

    def _pods(self) -> Sequence[Object]:
        found: Sequence[Object] = self._look(("/api/v1", "pods"), f"?labelSelector=app%3D{APP}")["items"]
        return found

    def only_runs(self, version: str, pods: int) -> float:
        """Wait until there are so many pods, those included that are leaving, all ready and of that version.

        Return when that was seen.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            items = self._pods()
            good = [
                item
                for item in items
                if has(item, "Ready", "True") and str(uri_in(item["spec"])).endswith(f"/{version}")
            ]
            if len(good) == len(items) == pods:
                return time.time()
            assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: all pods run {version}\n{items}"
            time.sleep(SEEN)  # poll

    def asks_for(self, kind: str = "Deployment", container: str = "api") -> str | None:
        """Return what the variable of the workload's template holds."""
        return uri_in(self.get(kind, APP)["spec"]["template"]["spec"], container)


def container(name: str = "api", port: int = 8080, *, versions: Mapping[str, str] | None = None) -> Object:
    """Build the container that runs the program; `{"2": "crashes"}` says how version 2 behaves."""
    behaviours = {f"VERSION_{key}": value for key, value in (versions or {}).items()}
    environ = {"PORT": str(port), **behaviours}
    return {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-I", "-S", f"/program/{PROGRAM.name}"],
        "env": [{"name": key, "value": value} for key, value in environ.items()],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": port}, "periodSeconds": 1},
        "resources": LITTLE,
        "volumeMounts": [
            {"name": "program", "mountPath": "/program"},
            {"name": "state", "mountPath": "/state"},
        ],
    }


def uri_in(pod_spec: Object, container: str = "api") -> str | None:
    """Return what MODEL_URI of a container is in the spec of a pod."""
    (found,) = (item for item in pod_spec["containers"] if item["name"] == container)
    return next((item["value"] for item in found.get("env", ()) if item["name"] == "MODEL_URI"), None)


def has(found: Object, kind: str, status: str) -> bool:
    """Return whether an object has a condition with that status."""
    conditions = found.get("status", {}).get("conditions", ())
    return any((item["type"], item["status"]) == (kind, status) for item in conditions)


def explanation(request: Object) -> str:
    """Return what a request says of itself."""
    return str(request.get("status", {}).get("explanation", ""))


def message(status: Object, kind: str) -> str:
    """Return the message of a condition."""
    return next((str(item["message"]) for item in status["conditions"] if item["type"] == kind), "")
