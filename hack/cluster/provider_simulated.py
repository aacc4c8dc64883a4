"""A real control plane with pretended nodes and pods (kwok).

No root, no containers, thousands of pods at no cost.
"""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hack.cluster import processes, recipes, record
from hack.cluster.api import Api
from hack.cluster.build import built
from hack.cluster.control_plane import ControlPlane, Ports, recorded_api
from hack.cluster.layout import Layout, say
from hack.cluster.processes import boot_id
from hack.cluster.provider import Kind
from hack.cluster.record import Record
from hack.cluster.waiting import wait_until

_LOCAL: Final = "127.0.0.1"
_NODES: Final = ("simulated-1", "simulated-2")


@dataclass(frozen=True)
class SimulatedProvider:
    """Run a control plane and kwok as processes of whoever asks."""

    layout: Layout
    kind: Kind = Kind.SIMULATED
    real_pods: bool = False

    def build(self) -> None:
        """Build Kubernetes and kwok."""
        for recipe in (recipes.KUBE, recipes.KWOK):
            built(recipe)

    def up(self) -> None:
        """Start the control plane, kwok, and two nodes that take every pod."""
        kwok = built(recipes.KWOK)
        plane = control_plane(self.layout)
        api = plane.start()
        command = (
            str(kwok / "kwok"),
            f"--kubeconfig={self.layout.kubeconfig}",
            f"--config={kwok}/stages.yaml",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
        )
        plane.spawn("kwok", command)
        for name in _NODES:
            api.create("/api/v1/nodes", _node(name))
        wait_until("the simulated nodes are ready", lambda: _nodes_ready(api), seconds=60, check=plane.check)

    def down(self) -> None:
        """End the processes."""
        processes.await_reaping(processes.kill(processes.marked(self.layout.root)))

    def load(self, archive: Path) -> None:
        """Say that no image is needed: nothing of it would run."""
        say(f"simulated nodes run no containers: {archive} is not loaded, pods start without it")

    def running(self) -> bool:
        """Ask the API server, when all processes live."""
        written = record.read(self.layout)
        api = recorded_api(self.layout)
        return written is not None and written.running() and api is not None and api.ready()


def control_plane(layout: Layout) -> ControlPlane:
    """Make a control plane that can run beside any other, and record it, so that the provider's `down` ends it."""
    record.write(layout, Record(Kind.SIMULATED, boot_id()))
    # Nobody inside the cluster could reach the API server, so it need not tell an address for that.
    flags = (f"--advertise-address={_LOCAL}", "--endpoint-reconciler-type=none")
    return ControlPlane(layout, built(recipes.KUBE) / "kube", _LOCAL, _free_ports(), flags)


def _free_ports() -> Ports:
    """Find ports that nothing uses, so that this cluster can run beside another one."""
    with socket.socket() as api, socket.socket() as etcd, socket.socket() as peers:
        for found in (api, etcd, peers):
            found.bind((_LOCAL, 0))
        return Ports(*(found.getsockname()[1] for found in (api, etcd, peers)))


def _node(name: str) -> dict[str, Any]:
    amounts = {"cpu": "1000", "memory": "1Ti", "pods": "20000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux", "type": "kwok"}},
        "status": {"allocatable": amounts, "capacity": amounts},
    }


def _nodes_ready(api: Api) -> bool:
    """Tell whether all nodes take pods, and whether pods have the account they need."""
    nodes = (api.get("/api/v1/nodes") or {}).get("items", ())
    ready = [
        condition["status"] == "True" and not node["spec"].get("taints")
        for node in nodes
        for condition in node.get("status", {}).get("conditions", ())
        if condition["type"] == "Ready"
    ]
    account = api.get("/api/v1/namespaces/default/serviceaccounts/default")
    return len(ready) == len(_NODES) and all(ready) and account is not None
