"""A namespace to play a story in: apply, look, wait, as a user with kubectl does."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

WAIT_SECONDS: Final = 60.0
Object = Mapping[str, Any]


class Stage:
    """One namespace of a cluster."""

    def __init__(self, kubeconfig: str, namespace: str, user: str) -> None:
        self.kubeconfig, self.namespace, self.user = kubeconfig, namespace, user

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl in the namespace and return what it prints."""
        done = subprocess.run(
            ["kubectl", "--kubeconfig", self.kubeconfig, "--namespace", self.namespace, *arguments],
            input=stdin, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout + ("" if check else done.stderr)

    def apply(self, kind: str, name: str, spec: Object) -> None:
        version = "apps/v1" if kind == "Deployment" else "modelalias.dev/v1alpha1"
        body = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(body))

    def request(self, name: str, alias: str, **spec: Any) -> None:
        """File a promotion request in one's own name."""
        self.apply("PromotionRequest", name, {"aliasRef": {"name": alias}, "requestedBy": self.user, **spec})

    def patch(self, kind: str, name: str, spec: Object) -> None:
        self.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def get(self, kind: str, name: str) -> Object:
        found = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        assert isinstance(found, dict)
        return found

    def status(self, kind: str, name: str) -> Object:
        status: Object = self.get(kind, name).get("status", {})
        return status

    def complete(self, name: str, seconds: int = 60) -> Object:
        """Wait as a pipeline does, and return the request's status."""
        self.kubectl("wait", "--for=condition=Complete", f"promotionrequest/{name}", f"--timeout={seconds}s")
        return self.status("promotionrequest", name)

    def until(self, kind: str, name: str, holds: Callable[[Object], bool], what: str, seconds: float = WAIT_SECONDS) -> Object:
        """Poll an object until it is as wanted; fail with its last state."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.get(kind, name)
            if holds(found):
                return found
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}\n{json.dumps(found, indent=1)[-6000:]}"
            time.sleep(0.2)  # poll

    def reaches(self, name: str, phase: str) -> Object:
        """Wait until a request is in a phase."""
        return self.until("promotionrequest", name, lambda it: it.get("status", {}).get("phase") == phase, f"it is {phase}")

    def events(self, name: str) -> list[str]:
        """Return reason and message of the events on an object."""
        answer = json.loads(self.kubectl("get", "events", "--field-selector", f"involvedObject.name={name}", "-o", "json"))
        return [f"{item['reason']}: {item['message']}" for item in answer["items"]]

    def deployment(self, name: str, image: str, *, replicas: int = 1, env: Mapping[str, str] | None = None) -> None:
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
        self.apply("Deployment", name, {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template})

    def fill_quota(self, pods: int) -> None:
        """Let no new pod come up beside those that run now."""
        self.kubectl("create", "quota", "full", f"--hard=pods={pods}")
        full = str(pods)
        self.until("resourcequota", "full", lambda it: it.get("status", {}).get("used", {}).get("pods") == full, "it is full")

    def free_quota(self) -> None:
        self.kubectl("delete", "resourcequota", "full")


def condition(status: Object, kind: str) -> tuple[str, str]:
    """Return status and reason of a condition."""
    found = next((item for item in status.get("conditions", ()) if item["type"] == kind), None)
    return ("", "") if found is None else (found["status"], found["reason"])
