"""What is installed into a running cluster of ours, beside the product: images, manifests, and the way there."""

import socket
import time
from pathlib import Path

from hack.cluster.__main__ import load, recorded_provider
from hack.cluster.errors import ClusterError
from hack.cluster.kubectl import kubectl
from hack.cluster.layout import Layout
from hack.cluster.provider import Kind, Provider

SECONDS = 180
REACHED_SECONDS = 30.0


def running(kubeconfig: Path) -> Provider:
    """Return the provider of the cluster that has this kubeconfig.

    Raises:
        ClusterError: it is none of ours, is not up, or has no real pods.
    """
    provider = recorded_provider(Layout(kubeconfig.parent))
    if provider is None or not provider.running():
        raise ClusterError(f"no cluster of hack.cluster is up that has the kubeconfig {kubeconfig}")
    if not provider.real_pods:
        raise ClusterError("this needs a pod that runs, and the cluster has simulated nodes")
    return provider


def bring_image(kubeconfig: Path, archive: Path) -> None:
    """Load the image of an archive, unless the cluster has it already."""
    load(Layout(kubeconfig.parent), [archive])


def run(kubeconfig: Path, *words: str, stdin: str | None = None) -> str:
    """Run kubectl and return what it prints.

    Raises:
        ClusterError: with what kubectl says.
    """
    done = kubectl(str(kubeconfig), *words, stdin=stdin)
    if done.returncode != 0:
        raise ClusterError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def url(kubeconfig: Path, namespace: str, service: str, port: int) -> str:
    """Return the address at which this machine reaches a Service, once it does.

    kube-proxy writes its rules a moment after a pod is ready.

    Raises:
        ClusterError: there is no such Service, nothing is behind it, or this machine reaches none.
    """
    if running(kubeconfig).kind is not Kind.NODE:
        raise ClusterError(
            "this machine reaches no Service of a cluster of kind: "
            f"kubectl -n {namespace} port-forward service/{service} 8000:{port}, then http://127.0.0.1:8000"
        )
    address = run(kubeconfig, "-n", namespace, "get", "service", service, "-o", "jsonpath={.spec.clusterIP}")
    deadline = time.monotonic() + REACHED_SECONDS
    while not _is_reached(address, port):
        if time.monotonic() > deadline:
            raise ClusterError(f"nothing answers behind the Service {service} in {namespace}")
        time.sleep(0.2)  # poll
    return f"http://{address}:{port}"


def _is_reached(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((address, port)) == 0
