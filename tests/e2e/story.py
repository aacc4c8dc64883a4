"""The story that the demonstration shows and the end-to-end test checks: four acts on real pods.

1 a cold start promotes version 1, 2 the gate lets version 2 take over, 3 a worse version 3 is refused with
the numbers, 4 the owner pins version 1 and the pods go back. Everything runs in the cluster, from the images
that users get.
"""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
NAMESPACE: Final = "modelalias-demo"
SYSTEM: Final = "modelalias-system"
ALIAS: Final = "churn-champion"
GUARDED: Final = "churn-guarded"
"""A model, and the ModelAlias over it, that is judged on a fresh holdout and that nothing serves."""
EXAMPLES: Final = ROOT / "manifests" / "examples"
ARCHIVES: Final = ROOT / ".cluster" / "images"
_PATIENCE: Final = 240.0
_ANONYMOUS: Final = "requestedBy: admin"


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
        self._user = ""

    # Preparing

    def load_images(self) -> None:
        """Build what is not built yet and bring it to the nodes."""
        self.say("images: building operator and serving (minutes when nothing is cached, seconds after)")
        self._run([sys.executable, "-m", "hack.images", "build", "--out", str(ARCHIVES)], 1800, quiet=False)
        archives = [str(ARCHIVES / f"{name}.tar") for name in ("operator", "serving")]
        self._run([sys.executable, "-m", "hack.cluster", "load", *archives], 600, quiet=False)

    def install(self) -> None:
        """Install CRDs, policy, roles, operator, MLflow and the serving Deployment; an earlier story is
        cleared away."""
        self.say("installing: CRDs, admission policy, roles, operator, MLflow on SQL, the serving Deployment")
        self.kubectl(
            "delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=180s", namespaced=False
        )
        self._established()
        self.kubectl(
            "apply",
            "--server-side",
            "--force-conflicts",
            "-k",
            str(ROOT / "manifests/overlays/demo"),
            namespaced=False,
        )
        self._use_built_image()
        self.kubectl(
            "-n",
            SYSTEM,
            "rollout",
            "status",
            "deployment/modelalias-operator",
            "--timeout=180s",
            namespaced=False,
        )
        self.kubectl("rollout", "status", "deployment/mlflow", "--timeout=240s")
        self._user = self.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")

    def _use_built_image(self) -> None:
        """Roll the operator when its image is another one than before: the tag is always the same."""
        with (ARCHIVES / "operator.tar").open("rb") as archive:
            digest = hashlib.file_digest(archive, "sha256").hexdigest()
        annotations = {"modelalias.dev/image-archive": digest}
        patch = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        self.kubectl(
            "-n", SYSTEM, "patch", "deployment/modelalias-operator", "-p", json.dumps(patch), namespaced=False
        )

    def _established(self) -> None:
        """The resources of the overlay can be created only when their kinds are served."""
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
        """Apply a file of manifests/examples in one's own name."""
        text = (EXAMPLES / name).read_text(encoding="utf-8").replace(_ANONYMOUS, f"requestedBy: {self._user}")
        self.kubectl("apply", "-f", "-", stdin=text)

    def request(self, name: str) -> Mapping[str, Any]:
        """Apply the example of a request, wait as a pipeline does, and return its status."""
        self.apply_example(f"request-{name}.yaml")
        self.kubectl("wait", "--for=condition=Complete", f"promotionrequest/churn-{name}", "--timeout=240s")
        return self.status("promotionrequest", f"churn-{name}")

    def guard(self) -> None:
        """Apply the examples that judge on a fresh holdout, for a model of their own that nothing serves."""
        self.apply_example("churn-holdout.yaml")
        alias = yaml.safe_load((EXAMPLES / "churn-champion-holdout.yaml").read_text(encoding="utf-8"))
        alias["metadata"]["name"] = alias["spec"]["model"] = GUARDED
        alias["spec"]["serving"] = []
        self.kubectl("apply", "-f", "-", stdin=json.dumps(alias))

    def promote(self, alias: str, version: str) -> Mapping[str, Any]:
        """Ask for a version in one's own name, wait as a pipeline does, and return the request's status."""
        name = f"{alias}-v{version}"
        spec = {"aliasRef": {"name": alias}, "source": {"version": version}, "requestedBy": self._user}
        body = {
            "apiVersion": "modelalias.dev/v1alpha1",
            "kind": "PromotionRequest",
            "metadata": {"name": name},
            "spec": spec,
        }
        self.kubectl("apply", "-f", "-", stdin=json.dumps(body))
        try:
            self.kubectl("wait", "--for=condition=Complete", f"promotionrequest/{name}", "--timeout=240s")
        except StoryError as error:
            raise StoryError(
                f"{error}\n{self.kubectl('get', 'mpr,jobs,pods')}{self.status('mpr', name)}"
            ) from error
        return self.status("promotionrequest", name)

    def pin(self, version: str) -> Mapping[str, Any]:
        """Edit spec.version as the owner does and wait until the alias is ready with it."""
        self.kubectl(
            "patch", "modelalias", ALIAS, "--type=merge", "-p", json.dumps({"spec": {"version": version}})
        )
        wanted = "--for=jsonpath={.status.current.version}=" + version
        self.kubectl("wait", wanted, f"modelalias/{ALIAS}", "--timeout=240s")
        self.kubectl("wait", "--for=condition=Ready", f"modelalias/{ALIAS}", "--timeout=60s")
        return self.status("modelalias", ALIAS)

    # What a user sees

    def status(self, kind: str, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.kubectl("get", kind, name, "-o", "json"))["status"]
        return found

    def answers(self) -> Mapping[str, Mapping[str, str]]:
        """Ask each ready serving pod for its /version, through the API server, once old pods are gone."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            pods = json.loads(
                self.kubectl("get", "pods", "-l", "app.kubernetes.io/name=churn-api", "-o", "json")
            )["items"]
            live = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
            if live and len(live) == len(pods) and all(_is_ready(pod) for pod in live):
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

    def aliases(self, model: str = "churn") -> str:
        """Return the aliases as the registry has them, asked in the MLflow pod."""
        code = (
            "import mlflow; c = mlflow.MlflowClient('http://localhost:5000'); "
            f"print(dict(c.get_registered_model('{model}').aliases))"
        )
        return self.kubectl("exec", "deploy/mlflow", "--", "python", "-c", code).strip().splitlines()[-1]

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
