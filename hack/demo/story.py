"""The story that the demonstration shows and the end-to-end test checks: four acts on real pods.

1 a cold start promotes version 1, 2 the gate lets version 2 take over, 3 a worse version 3 is refused with
the numbers, 4 the owner pins version 1 and the pods go back. Everything runs in the cluster, from the images
that users get; the versions are those of act 0.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hack.demo import overlay
from hack.demo.overlay import NAMESPACE, ROOT, SYSTEM

ALIAS: Final = "churn-champion"
EXAMPLES: Final = ROOT / "manifests" / "examples"
ARCHIVES: Final = ROOT / ".cluster" / "images"
_REGISTERED_MODEL: Final = "/api/2.0/mlflow/registered-models/get"
STABLE_SECONDS: Final = 3
_PATIENCE: Final = 240.0


class StoryError(RuntimeError):
    """A step did not come out as it should; the message shows what there was instead."""


@dataclass(frozen=True)
class Trained:
    """What a training Job registered."""

    version: str
    auc: float


class Story:
    """One run of the story on the cluster of a kubeconfig; `say` tells a viewer what happens."""

    def __init__(self, kubeconfig: Path, say: Callable[[str], None]) -> None:
        self.kubeconfig, self.say = kubeconfig, say
        self.user = ""

    # Preparing

    def load_images(self) -> None:
        """Build what is not built yet and bring it to the nodes."""
        self.say("images: building operator and serving (minutes when nothing is cached, seconds after)")
        self._run(build_images_command(), 1800, quiet=False)
        self._run(load_images_command(), 600, quiet=False)

    def install(self, store: Path, prometheus: str | None = None) -> None:
        """Install CRDs, policy, roles, operator, MLflow with its store, and the serving Deployment.

        An earlier story is cleared away. `prometheus` is the address of the one that monitors ask.
        """
        self.say("installing: CRDs, admission policy, roles, operator, MLflow on SQL, the serving Deployment")
        self._run(clear_command(self.kubeconfig), 300)
        self._established()
        folder = overlay.write(store.parent / "overlay", store, ARCHIVES / "operator.tar", prometheus)
        self.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(folder), namespaced=False)
        self._rolled_out("modelalias-operator", SYSTEM)
        self._rolled_out("mlflow", NAMESPACE)
        self.kubectl("scale", "deployment/churn-api", "--replicas=2")
        self.user = self.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")

    def _rolled_out(self, deployment: str, namespace: str) -> None:
        words = ("rollout", "status", f"deployment/{deployment}", "--timeout=240s")
        self.kubectl("-n", namespace, *words, namespaced=False)

    def _established(self) -> None:
        """Create the kinds first: resources of the overlay can be created only when they are served."""
        self.kubectl(
            "apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"), namespaced=False
        )
        names = [f"crd/{plural}.modelalias.dev" for plural in ("modelaliases", "promotionrequests")]
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names, namespaced=False)

    # What a user does

    def train(self, quality: str, model: str = "churn", population: str = "ordinary") -> Trained:
        """Run the training pipeline as a Job in the cluster and return what it registered."""
        name = f"train-{model}-{quality}-{population}"
        words = ("--quality", quality, "--model", model, "--population", population)
        self.kubectl("apply", "-f", "-", stdin=json.dumps(_training_job(name, words, self._commit())))
        try:
            self.kubectl("wait", "--for=condition=Complete", f"job/{name}", "--timeout=240s")
        except StoryError as error:
            raise StoryError(f"{error}\n{self.kubectl('logs', f'job/{name}', '--tail=40')}") from error
        told = json.loads(self.kubectl("logs", f"job/{name}").strip().splitlines()[-1])
        return Trained(version=told["version"], auc=told["metrics"]["val_auc"])

    def _commit(self) -> str:
        """Return the commit of the training code; empty outside a checkout."""
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, timeout=10, check=False
        )
        return done.stdout.strip()

    def apply_example(self, name: str) -> None:
        """Apply a file of manifests/examples as it stands."""
        self.kubectl("apply", "-f", str(EXAMPLES / name))

    def apply_alias(self, **rollout: Any) -> None:
        """Apply the example of a ModelAlias, with a shorter wait for stable pods: somebody looks on."""
        self.apply_example("churn-champion.yaml")
        spec = {"rollout": {"stableSeconds": STABLE_SECONDS, **rollout}}
        self.kubectl("patch", "modelalias", ALIAS, "--type=merge", "-p", json.dumps({"spec": spec}))

    def request(self, name: str) -> Mapping[str, Any]:
        """Apply the example of a request, wait as a pipeline does, and return its status."""
        self.apply_example(f"request-{name}.yaml")
        self.kubectl("wait", "--for=condition=Complete", f"promotionrequest/churn-{name}", "--timeout=240s")
        return self.status("promotionrequest", f"churn-{name}")

    def pin(self, version: str) -> Mapping[str, Any]:
        """Edit spec.version as the owner does and wait until the alias is ready with it."""
        self.kubectl(
            "patch", "modelalias", ALIAS, "--type=merge", "-p", json.dumps({"spec": {"version": version}})
        )
        wanted = "--for=jsonpath={.status.current.version}=" + version
        self.kubectl("wait", wanted, f"modelalias/{ALIAS}", "--timeout=240s")
        self.kubectl("wait", "--for=condition=Ready", f"modelalias/{ALIAS}", "--timeout=60s")
        return self.status("modelalias", ALIAS)

    def serve(self, version: str) -> None:
        """Let the pods serve a version, whatever was before, and leave the alias open for requests."""
        self.apply_alias()
        self.pin(version)
        self.kubectl("patch", "modelalias", ALIAS, "--type=merge", "-p", '{"spec": {"version": null}}')

    # What a user sees

    def status(self, kind: str, name: str) -> Mapping[str, Any]:
        """Return the status of an object."""
        found: Mapping[str, Any] = json.loads(self.kubectl("get", kind, name, "-o", "json"))["status"]
        return found

    def answers(self) -> Mapping[str, Mapping[str, str]]:
        """Ask each serving pod for its /version, through the API server; not those that are leaving."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            pods = json.loads(
                self.kubectl("get", "pods", "-l", "app.kubernetes.io/name=churn-api", "-o", "json")
            )["items"]
            live = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
            if live and all(_is_ready(pod) for pod in live):
                return {pod["metadata"]["name"]: self._ask(pod["metadata"]["name"]) for pod in live}
            if time.monotonic() > deadline:
                raise StoryError(
                    f"the serving pods did not settle:\n{self.kubectl('get', 'pods', '-o', 'wide')}"
                )
            time.sleep(0.5)  # poll

    def _ask(self, pod: str) -> Mapping[str, str]:
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8080/proxy/version"
        answer: Mapping[str, str] = json.loads(self.kubectl("get", "--raw", path, namespaced=False))
        return answer

    def aliases(self, model: str = "churn") -> Mapping[str, str]:
        """Return the aliases as the registry has them, asked through the API server."""
        path = f"/api/v1/namespaces/{NAMESPACE}/services/mlflow:5000/proxy{_REGISTERED_MODEL}?name={model}"
        answer = json.loads(self.kubectl("get", "--raw", path, namespaced=False))
        aliases = answer["registered_model"].get("aliases", ())
        return {
            item["alias"]: item["version"] for item in sorted(aliases, key=lambda item: str(item["alias"]))
        }

    def show(self) -> str:
        """Return what `kubectl get` shows of both kinds."""
        return self.kubectl("get", "malias,mpr")

    # Words

    def kubectl(self, *arguments: str, stdin: str | None = None, namespaced: bool = True) -> str:
        """Run kubectl and return what it prints."""
        where = ["--namespace", NAMESPACE] if namespaced else []
        return self._run(
            ["kubectl", "--kubeconfig", str(self.kubeconfig), *where, *arguments], 300, stdin=stdin
        )

    def _run(
        self, command: Sequence[str], seconds: float, *, stdin: str | None = None, quiet: bool = True
    ) -> str:
        done = subprocess.run(
            command,
            cwd=ROOT,
            input=stdin,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.PIPE if quiet else None,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode != 0:
            words = " ".join(command[3:] if command[0] == "kubectl" else command)
            raise StoryError(f"{words}: status {done.returncode}\n{done.stdout or ''}{done.stderr or ''}")
        return done.stdout or ""


def build_images_command() -> list[str]:
    """Return the words that build the images which are not built yet."""
    return [sys.executable, "-m", "hack.images", "build", "--out", str(ARCHIVES)]


def load_images_command() -> list[str]:
    """Return the words that bring the images to the cluster's nodes."""
    archives = [str(ARCHIVES / f"{name}.tar") for name in ("operator", "serving")]
    return [sys.executable, "-m", "hack.cluster", "load", *archives]


def clear_command(kubeconfig: Path) -> list[str]:
    """Return the words that clear an earlier story away."""
    words = ("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=180s")
    return ["kubectl", "--kubeconfig", str(kubeconfig), *words]


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _training_job(name: str, words: Sequence[str], commit: str) -> Mapping[str, Any]:
    """Return the Job that trains one version in the serving image, under the restricted pod profile."""
    container = {
        "name": "train",
        "image": "localhost/modelalias/serving:dev",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "training.train", *words],
        "env": [
            {"name": "MLFLOW_TRACKING_URI", "value": "http://mlflow:5000"},
            {"name": "GIT_COMMIT", "value": commit},
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a mount in the pod
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 1, "activeDeadlineSeconds": 240, "template": {"spec": pod}},
    }
