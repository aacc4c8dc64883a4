"""What there is before the first line of an example: a cluster with real pods, the operator, MLflow, a fresh namespace.

The operator and the MLflow server are shared by all examples. A namespace, and the registered models `NAME` and `NAME-...`,
are an example's own: each run begins without them.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hack.cluster.errors import ClusterError
from hack.demo.overlay import INSTALLED, OPERATOR, SYSTEM, annotated, operator_digest
from hack.demo.story import ARCHIVES, build_images_command, load_images_command
from hack.example import needs
from hack.example.readme import has_commands

ROOT: Final = Path(__file__).resolve().parents[2]
EXAMPLES: Final = ROOT / "examples"
STATE: Final = ROOT / ".cluster"
KUBECONFIG: Final = STATE / "kubeconfig"
MLFLOW: Final = "modelalias-examples"
"""The namespace of the MLflow server."""
_CLUSTER: Final = (sys.executable, "-m", "hack.cluster")
_PATIENCE: Final = 240.0
_PORT: Final = 5000
_POLL: Final = 0.1
_RESTRICTED: Final = {
    f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")
}

Say = Callable[[str], None]


class PlaceError(RuntimeError):
    """The example cannot begin; the message says what to do."""


def names() -> Sequence[str]:
    """Return the examples that there are: the folders whose README has something to type."""
    readmes = EXAMPLES.glob("*/README.md")
    return sorted(file.parent.name for file in readmes if has_commands(file.read_text(encoding="utf-8")))


def namespace(name: str) -> str:
    """Return the namespace of an example."""
    return f"example-{name}"


# Shared


def bring_up(say: Say) -> None:
    """Bring a cluster with real pods up, if none is, and the images onto its nodes.

    Raises:
        PlaceError: this machine has none, or a step failed.
    """
    status = json.loads(_run([*_CLUSTER, "status", "-o", "json"]))
    if not status["running"]:
        say("bringing up a cluster: minutes when nothing is cached, half a minute after that")
        subprocess.run([*_CLUSTER, "up"], cwd=ROOT, stdout=sys.stderr, check=True)
        status = json.loads(_run([*_CLUSTER, "status", "-o", "json"]))
    if not status["real_pods"]:
        raise PlaceError(
            "examples run pods, and the nodes of this cluster are simulated: end it (make cluster-down) and begin "
            "again with Docker, or as root on Debian"
        )
    say("images: built and loaded where something changed")
    for command in (build_images_command(), load_images_command()):
        _run(command, seconds=1800)


def install(say: Say) -> None:
    """Install the operator, if it is not installed from this image and these manifests, and the MLflow server."""
    digest = operator_digest(ARCHIVES / "operator.tar")
    key = INSTALLED.replace(".", "\\.")
    found = kubectl(
        *("-n", SYSTEM, "get", "deployment", "modelalias-operator", "--ignore-not-found"),
        *("-o", f"jsonpath={{.metadata.annotations.{key}}}"),
    )
    if found != digest:
        say("installing the operator")
        kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))
        kinds = [f"--filename={file}" for file in sorted((ROOT / "crds").glob("*.yaml"))]
        kubectl("wait", "--for=condition=Established", "--timeout=60s", *kinds)
        folder = _operator_overlay(STATE / "examples" / "operator", digest)
        kubectl("apply", "--server-side", "--force-conflicts", "-k", str(folder))
    kubectl("apply", "--server-side", "--force-conflicts", "-k", str(OPERATOR.parent / "examples"))
    kubectl("-n", SYSTEM, "rollout", "status", "deployment/modelalias-operator", "--timeout=240s")
    kubectl("-n", MLFLOW, "rollout", "status", "deployment/mlflow", "--timeout=240s")


def _operator_overlay(folder: Path, digest: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(OPERATOR, folder)],
        "patches": [{"patch": json.dumps(annotated(digest))}],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization, indent=1), encoding="utf-8")
    return folder


# An example's own


@contextmanager
def fresh(name: str) -> Iterator[Mapping[str, str]]:
    """Clear an earlier run away, and keep MLflow reachable until the block ends; hand over the environment of a shell.

    Raises:
        PlaceError: a step failed, or this cluster has not what the example needs.
    """
    port = _free_port()
    forget(name, wait=True)
    with _forwarded(port):
        clear_models(f"http://127.0.0.1:{port}", name)
        _make_namespace(name)
        try:
            needs.bring_up(needs.read(EXAMPLES / name), KUBECONFIG, namespace(name))
        except ClusterError as error:
            raise PlaceError(str(error)) from error
        yield environment(name, port)


def prepare_shell(name: str, *, keep: bool) -> tuple[int, Mapping[str, str]]:
    """Return a port for MLflow and the environment of a shell; clear an earlier run away unless it shall be kept."""
    port = _free_port()
    if not keep:
        with fresh(name):
            pass
    return port, environment(name, port)


def forget(name: str, *, wait: bool) -> None:
    """Delete the namespace of an example."""
    where = ("-n", namespace(name))
    # before their pods: the operator would go on with a plan while its workload vanishes
    for kind in ("promotionrequests", "modelaliases"):
        kubectl(*where, "delete", f"{kind}.modelalias.dev", "--all")
    kubectl(*where, "delete", "pods", "--all", "--grace-period=1", "--wait=false")
    words = ("--timeout=180s",) if wait else ("--wait=false",)
    kubectl("delete", "namespace", namespace(name), "--ignore-not-found", *words)


def _make_namespace(name: str) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace(name), "labels": _RESTRICTED},
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(body))


def environment(name: str, port: int) -> Mapping[str, str]:
    """Return the variables that the shell of an example has: our programs, the namespace, MLflow, what it needs."""
    own = STATE / "examples" / f"{name}.kubeconfig"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_bytes(KUBECONFIG.read_bytes())
    own.chmod(0o600)
    _run(
        [
            "kubectl",
            "--kubeconfig",
            str(own),
            "config",
            "set-context",
            "--current",
            "--namespace",
            namespace(name),
        ]
    )
    programs = (ROOT / ".venv" / "bin", STATE / "bin")
    try:
        needed = needs.variables(needs.read(EXAMPLES / name), KUBECONFIG, namespace(name))
    except ClusterError as error:
        raise PlaceError(str(error)) from error
    return {
        **needed,
        "KUBECONFIG": str(own),
        "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
    }


def forward_command(port: int) -> Sequence[str]:
    """Return the words that make the MLflow server reachable on a port of this machine."""
    where = ("kubectl", "--kubeconfig", str(KUBECONFIG), "-n", MLFLOW)
    return (*where, "port-forward", "service/mlflow", f"{port}:{_PORT}")


@contextmanager
def _forwarded(port: int) -> Iterator[None]:
    """Hold a port-forward; one that loses its connection is begun anew."""
    ended = threading.Event()
    child: list[subprocess.Popen[bytes]] = []

    def hold() -> None:
        while not ended.is_set():
            child[:] = [
                subprocess.Popen(forward_command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ]
            child[0].wait()
            ended.wait(_POLL)

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    try:
        _until_it_answers(f"http://127.0.0.1:{port}/health")
        yield
    finally:
        ended.set()
        while holder.is_alive():
            for one in child:
                one.terminate()
            holder.join(_POLL)


def _until_it_answers(address: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own server
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise PlaceError(f"MLflow does not answer through a port-forward: {error}") from error
            time.sleep(_POLL)  # poll


def clear_models(uri: str, name: str) -> None:
    """Delete the registered models of an example, with their versions and aliases."""
    answer = _ask(uri, "GET", "search?max_results=1000")
    for model in answer.get("registered_models", ()):
        if model["name"] == name or model["name"].startswith(f"{name}-"):
            _ask(uri, "DELETE", "delete", {"name": model["name"]})


def _ask(uri: str, method: str, path: str, body: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{uri}/api/2.0/mlflow/registered-models/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        found: Mapping[str, Any] = json.load(answer)
        return found


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def kubectl(*words: str, stdin: str | None = None) -> str:
    """Run kubectl as the cluster's administrator and return what it prints."""
    return _run(["kubectl", "--kubeconfig", str(KUBECONFIG), *words], stdin=stdin)


def _run(words: Sequence[str], *, seconds: float = 300, stdin: str | None = None) -> str:
    # the cluster brings its own kubectl, for machines without one
    path = os.pathsep.join([str(STATE / "bin"), os.environ["PATH"]])
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode != 0:
        raise PlaceError(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
