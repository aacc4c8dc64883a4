"""Installing the gateway into the running cluster, finding it, and taking it away."""

from pathlib import Path
from typing import Final

from hack.cluster import crds, guests, recipes
from hack.cluster.build import built
from hack.gateway import traefik

MANIFEST: Final = Path(__file__).with_name("gateway.yaml")
NAMESPACE: Final = "gateway-system"
NAME: Final = "gateway"
"""The name of the Gateway, and of its Service."""
PORT: Final = 80
_GATEWAYS: Final = "gateways.gateway.networking.k8s.io"
"""Comes before all else that `up` installs."""


def up(kubeconfig: Path) -> None:
    """Install the gateway, or bring one that runs up to date, and return once it serves HTTPRoutes.

    Raises:
        ClusterError: the cluster is none of ours or has no real pods, or a step failed.
    """
    guests.running(kubeconfig)
    crds.install(str(kubeconfig), built(recipes.GATEWAY))
    guests.bring_image(kubeconfig, traefik.archive())
    guests.run(kubeconfig, "apply", "--server-side", "--force-conflicts", "-f", str(MANIFEST))
    guests.run(
        kubeconfig, "-n", NAMESPACE, "rollout", "status", "deployment/traefik", f"--timeout={guests.SECONDS}s"
    )
    for condition in ("Accepted", "Programmed"):
        words = ("wait", f"--for=condition={condition}", f"gateway/{NAME}", f"--timeout={guests.SECONDS}s")
        guests.run(kubeconfig, "-n", NAMESPACE, *words)


def down(kubeconfig: Path) -> None:
    """Take the gateway away, and return once it is gone; the kinds stay, with everybody's HTTPRoutes.

    Raises:
        ClusterError: with what kubectl says.
    """
    if guests.run(kubeconfig, "get", "crd", _GATEWAYS, "--ignore-not-found", "-o", "name"):
        words = ("delete", "--ignore-not-found", f"--timeout={guests.SECONDS}s")
        guests.run(kubeconfig, *words, "-f", str(MANIFEST))


def url(kubeconfig: Path) -> str:
    """Return the address at which this machine reaches the gateway.

    Raises:
        ClusterError: it does not run, or this machine does not reach the cluster's Services.
    """
    return guests.url(kubeconfig, NAMESPACE, NAME, PORT)
