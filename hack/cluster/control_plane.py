"""A Kubernetes control plane as plain processes: etcd, API server, controller manager, scheduler.

Each component has a token and a kubeconfig of its own, so that RBAC sees it under the name it has everywhere.
"""

import base64
import json
import os
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hack.cluster import processes, record
from hack.cluster.api import Api
from hack.cluster.errors import ClusterError
from hack.cluster.layout import Layout
from hack.cluster.waiting import wait_until

NODE_NAME: Final = "node"

# Token users: file name, user, group. The administrator comes first and is what people and tests use.
USERS: Final = (
    ("kubeconfig", "admin", "system:masters"),
    ("controller-manager.kubeconfig", "system:kube-controller-manager", ""),
    ("scheduler.kubeconfig", "system:kube-scheduler", ""),
    ("kubelet.kubeconfig", f"system:node:{NODE_NAME}", "system:nodes"),
    ("proxy.kubeconfig", "system:kube-proxy", ""),
)

# The usual 20 requests a second make a rollout of hundreds of simulated pods wait for nothing.
_QUICK: Final = ("--kube-api-qps=500", "--kube-api-burst=1000")

# Go's garbage collection takes a quarter of the processor time of a cluster with so few objects, unless it may
# keep more garbage. Near the limit it does little else: with what is left of 20,000 objects the API server needs 2 GiB.
_LEAST_GIB: Final = 2
_SHARE: Final = 1 / 4
_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")


def _seldom(component: str) -> Mapping[str, str]:
    """Return how much garbage a component may keep: the API server as much as it likes below a share of the memory."""
    share = int(_memory_gib() * _SHARE) if component == "kube-apiserver" else 0
    return {"GOGC": "800", "GOMEMLIMIT": f"{max(_LEAST_GIB, share)}GiB"}


def _memory_gib() -> float:
    """Return the memory of the machine, or of the container where that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _LIMIT.read_text(encoding="ascii").strip() if _LIMIT.exists() else "max"
    return min(machine, int(limit) if limit.isdigit() else machine) / 1024**3


@dataclass(frozen=True)
class Ports:
    """Where the control plane listens."""

    api: int = 26443
    etcd: int = 23790
    etcd_peers: int = 23800


@dataclass(frozen=True)
class ControlPlane:
    """Start and watch the processes of one cluster, whose API server listens on `address` alone."""

    layout: Layout
    kube: Path
    address: str
    ports: Ports
    api_flags: tuple[str, ...] = ()

    @property
    def certificate(self) -> Path:
        """The API server's own certificate, signed by itself at its first start."""
        return self.layout.root / "certs" / "apiserver.crt"

    def start(self) -> Api:
        """Start all four and return when the API server is ready; the record must exist already."""
        self.layout.make("certs", "log")
        root = self.layout.root
        key = subprocess.run([str(self.kube), "new-key"], check=True, capture_output=True)
        _write_private(root / "sa.key", key.stdout)
        tokens = {name: secrets.token_urlsafe(24) for name, _, _ in USERS}
        lines = (f'{tokens[name]},{user},{user},"{group}"' for name, user, group in USERS)
        _write_private(root / "tokens.csv", "\n".join(lines).encode())
        self.run("etcd", *self._etcd_flags(root))
        self.run("kube-apiserver", *self._api_flags(root), *self.api_flags)
        wait_until("the API server's certificate", self.certificate.exists, seconds=60, check=self.check)
        wait_until(
            "the API server is ready",
            lambda: self._api(tokens["kubeconfig"]).ready(),
            seconds=90,
            check=self.check,
        )
        for name, token in tokens.items():
            _write_private(root / name, json.dumps(self._kubeconfig(token), indent=1).encode())
        self.run(
            "kube-controller-manager",
            f"--kubeconfig={root}/controller-manager.kubeconfig",
            f"--service-account-private-key-file={root}/sa.key",
            f"--root-ca-file={self.certificate}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
            *_QUICK,
        )
        self.run(
            "kube-scheduler",
            f"--kubeconfig={root}/scheduler.kubeconfig",
            "--leader-elect=false",
            "--secure-port=0",
            *_QUICK,
        )
        return self._api(tokens["kubeconfig"])

    def run(self, component: str, *flags: str) -> None:
        """Start one component of the binary `kube`."""
        self.spawn(component, [str(self.kube), component, *flags], **_seldom(component))

    def spawn(self, name: str, command: Sequence[str], **environ: str) -> None:
        """Start a process of this cluster and record it."""
        log = self.layout.logs / f"{name}.log"
        process = processes.start(
            name, command, log=log, environ={**os.environ, **environ}, folder=self.layout.root
        )
        written = record.read(self.layout)
        if written is None:
            processes.kill([process])
            raise ClusterError(f"{self.layout.record} vanished while the cluster was brought up")
        record.write(self.layout, written.with_process(process))

    def check(self) -> None:
        """Raise when one of the recorded processes has ended.

        Raises:
            ClusterError: with the last lines of its log.
        """
        written = record.read(self.layout)
        for process in written.processes if written else ():
            if not process.alive():
                log = self.layout.logs / f"{process.name}.log"
                raise ClusterError(f"{process.name} ended, see {log}:\n{processes.last_lines(log)}")

    def _etcd_flags(self, root: Path) -> Sequence[str]:
        clients, peers = (f"http://127.0.0.1:{port}" for port in (self.ports.etcd, self.ports.etcd_peers))
        return (
            f"--data-dir={root}/etcd",
            "--unsafe-no-fsync",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
        )

    def _api_flags(self, root: Path) -> Sequence[str]:
        return (
            f"--etcd-servers=http://127.0.0.1:{self.ports.etcd}",
            f"--secure-port={self.ports.api}",
            f"--bind-address={self.address}",
            f"--cert-dir={root}/certs",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={root}/sa.key",
            f"--service-account-key-file={root}/sa.key",
            f"--token-auth-file={root}/tokens.csv",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged",
        )

    def _api(self, token: str) -> Api:
        return Api(f"https://{self.address}:{self.ports.api}", self.certificate.read_text(), token)

    def _kubeconfig(self, token: str) -> dict[str, Any]:
        authority = base64.b64encode(self.certificate.read_bytes()).decode()
        server = {
            "server": f"https://{self.address}:{self.ports.api}",
            "certificate-authority-data": authority,
        }
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "modelalias",
            "clusters": [{"name": "modelalias", "cluster": server}],
            "users": [{"name": "modelalias", "user": {"token": token}}],
            "contexts": [{"name": "modelalias", "context": {"cluster": "modelalias", "user": "modelalias"}}],
        }


def recorded_api(layout: Layout) -> Api | None:
    """Reach the API server of a cluster that was brought up before, or None where no kubeconfig is."""
    try:
        config = json.loads(layout.kubeconfig.read_text())
        server = config["clusters"][0]["cluster"]
        authority = base64.b64decode(server["certificate-authority-data"]).decode()
        return Api(server["server"], authority, config["users"][0]["user"]["token"])
    except (OSError, ValueError, KeyError):
        return None


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
