"""Installing Prometheus into a namespace of the running cluster, finding it, and taking it away."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from string import Template
from typing import Final

from hack import debian
from hack.cluster import guests, program_image
from hack.cluster.errors import ClusterError
from hack.cluster.layout import exclusive, say
from hack.progress import cache_folder

MANIFEST: Final = Path(__file__).with_name("prometheus.yaml")
IMAGE: Final = "localhost/modelalias/prometheus:debian"
NAME: Final = "prometheus"
PORT: Final = 9090


def up(kubeconfig: Path, namespace: str) -> None:
    """Install Prometheus into a namespace that exists, and return once it answers.

    Raises:
        ClusterError: the cluster is none of ours or has no real pods, this machine has not Debian's packages, or
            a step failed.
    """
    guests.running(kubeconfig)
    guests.bring_image(kubeconfig, _archive())
    guests.run(kubeconfig, "-n", namespace, "apply", "-f", "-", stdin=_manifest(namespace))
    words = ("rollout", "status", f"deployment/{NAME}", f"--timeout={guests.SECONDS}s")
    guests.run(kubeconfig, "-n", namespace, *words)


def down(kubeconfig: Path, namespace: str) -> None:
    """Take Prometheus away, with all that it has seen.

    Raises:
        ClusterError: with what kubectl says.
    """
    words = ("delete", "--ignore-not-found", f"--timeout={guests.SECONDS}s", "-f", "-")
    guests.run(kubeconfig, "-n", namespace, *words, stdin=_manifest(namespace))


def url(kubeconfig: Path, namespace: str) -> str:
    """Return the address at which this machine reaches Prometheus; pods say `prometheus.NAMESPACE.svc:9090`.

    Raises:
        ClusterError: it does not run, or this machine does not reach the cluster's Services.
    """
    return guests.url(kubeconfig, namespace, NAME, PORT)


def _manifest(namespace: str) -> str:
    return Template(MANIFEST.read_text(encoding="utf-8")).substitute(namespace=namespace, image=IMAGE)


def _archive() -> Path:
    """Return the archive of the image, made now if it is not in the cache."""
    cache = cache_folder(os.environ)
    target = cache / "prometheus" / "prometheus.tar"
    if not target.exists():
        with exclusive(target.with_name("lock"), "another build of the image is running, waiting for it"):
            if not target.exists():
                _make(target, cache / "debian" / "prometheus")
    return target


def _make(target: Path, unpacked: Path) -> None:
    """Pack the program with the libraries that it needs, as they are on this machine."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ClusterError("Prometheus comes from Debian's packages, which only root on Debian can fetch")
    try:
        program = debian.unpacked("prometheus", unpacked, say) / "usr" / "bin" / "prometheus"
    except debian.PackageError as error:
        raise ClusterError(str(error)) from error
    listed = subprocess.run(["ldd", str(program)], check=True, capture_output=True, text=True).stdout
    libraries = [Path(found) for found in re.findall(r"(/\S+) \(0x", listed)]
    fresh = target.with_name(f".making-{target.name}")
    program_image.write(IMAGE, program, fresh, libraries)
    fresh.rename(target)
