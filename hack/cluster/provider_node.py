"""A real node on this machine, without Docker: kubelet, containerd and runc, kube-proxy and a name server.

Needs root on Debian. See docs/cluster.md for what it changes on the machine.
"""

import os
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hack.cluster import containerd, containers, host, node_files, processes, recipes, record
from hack.cluster.api import Api
from hack.cluster.build import built
from hack.cluster.control_plane import NODE_NAME, ControlPlane, Ports, recorded_api
from hack.cluster.errors import ClusterError
from hack.cluster.layout import Layout
from hack.cluster.processes import boot_id
from hack.cluster.provider import Kind
from hack.cluster.record import Record
from hack.cluster.waiting import wait_until

_LOCAL: Final = "127.0.0.1"
_PROXY_HEALTH_PORT: Final = 10256
_PROXY_METRICS_PORT: Final = 10249
_CONTROL: Final = Ports()
_PORTS: Final = (
    _CONTROL.etcd,
    _CONTROL.etcd_peers,
    node_files.DNS_READY_PORT,
    _PROXY_HEALTH_PORT,
    _PROXY_METRICS_PORT,
)


@dataclass(frozen=True)
class NodeProvider:
    """Run a control plane and one real node as processes of this machine."""

    layout: Layout
    kind: Kind = Kind.NODE
    real_pods: bool = True

    def build(self) -> None:
        """Build Kubernetes and the name server, and fetch Debian's programs."""
        host.install_packages()
        containerd.programs()
        built(recipes.KUBE, then=(recipes.NODE.means,))
        built(recipes.NODE)

    def up(self) -> None:
        """Start all of it, in the order in which one part needs another."""
        if os.geteuid() != 0:
            raise ClusterError("the provider `node` needs root; without it use --provider simulated")
        self.build()
        kube, node = built(recipes.KUBE), built(recipes.NODE)
        host.require_free_ports(_LOCAL, _PORTS)
        host.remove_bridge()  # nothing listens there, so it is left from a cluster whose state folder was deleted
        record.write(self.layout, Record(self.kind, boot_id(), settings=host.read_settings()))
        host.add_bridge()
        node_files.write_all(self.layout)
        # The node's name resolves nowhere: reach its kubelet for logs and exec by its address.
        flags = ("--kubelet-preferred-address-types=InternalIP",)
        plane = ControlPlane(self.layout, kube / "kube", host.NODE_ADDRESS, _CONTROL, flags)
        self._start_containerd(plane)
        api = plane.start()
        self._start_node(plane, node)
        self._import(node / "pause.tar")
        wait_until("the node is ready", lambda: _node_ready(api), seconds=60, check=plane.check)
        wait_until("names of services resolve", _names_resolve, seconds=30, check=plane.check)

    def down(self) -> None:
        """End all processes, those that could start others first, then undo what was changed on the machine."""
        written = record.read(self.layout)
        since_boot = written if written and written.boot == boot_id() else None
        ended = [
            *processes.kill(since_boot.processes if since_boot else ()),
            *processes.kill(processes.marked(self.layout.root)),
            *containers.end_all(self.layout),
        ]
        host.unmount_below(self.layout.root)
        if written is not None:  # else they may be those of a cluster that another checkout runs
            host.remove_bridge()
            host.remove_firewall_tables()
            host.restore_settings(since_boot.settings if since_boot else {})
            host.remove_leftovers()
        processes.await_reaping(ended)

    def load(self, archive: Path) -> None:
        """Import an archive into containerd."""
        self._import(archive)

    def running(self) -> bool:
        """Ask the API server, when all processes live."""
        written = record.read(self.layout)
        api = recorded_api(self.layout)
        return written is not None and written.running() and api is not None and api.ready()

    def _start_containerd(self, plane: ControlPlane) -> None:
        programs = containerd.programs()
        # containerd looks for its shim on PATH
        path = os.pathsep.join((str(programs), os.environ.get("PATH", os.defpath)))
        config = self.layout.root / "containerd.toml"
        plane.spawn("containerd", [str(programs / "containerd"), "--config", str(config)], PATH=path)

    def _start_node(self, plane: ControlPlane, node: Path) -> None:
        root = self.layout.root
        plane.run(
            "kubelet",
            f"--config={root}/kubelet.json",
            f"--kubeconfig={root}/kubelet.kubeconfig",
            f"--hostname-override={NODE_NAME}",
            f"--root-dir={root}/kubelet",
            f"--cert-dir={root}/kubelet-certs",
            f"--node-ip={host.NODE_ADDRESS}",
        )
        plane.run(
            "kube-proxy",
            f"--kubeconfig={root}/proxy.kubeconfig",
            "--proxy-mode=nftables",
            f"--hostname-override={NODE_NAME}",
            f"--cluster-cidr={host.POD_SUBNET}",
            "--masquerade-all",  # two pods on one bridge answer each other past the firewall otherwise
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0s",
            "--conntrack-tcp-timeout-close-wait=0s",  # leave the machine's settings alone
            f"--healthz-bind-address={_LOCAL}:{_PROXY_HEALTH_PORT}",
            f"--metrics-bind-address={_LOCAL}:{_PROXY_METRICS_PORT}",
        )
        plane.spawn("dns", [str(node / "dns"), "-conf", str(root / "Corefile")])

    def _import(self, archive: Path) -> None:
        ctr, address = str(containerd.programs() / "ctr"), str(self.layout.containerd_socket)
        command = [ctr, "--address", address, "--namespace", "k8s.io", "images", "import", str(archive)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise ClusterError(f"loading {archive} failed: {done.stderr.strip()}")


def _node_ready(api: Api) -> bool:
    """Tell whether the node takes pods, and whether pods have the account they need."""
    node = api.get(f"/api/v1/nodes/{NODE_NAME}") or {}
    conditions = {item["type"]: item["status"] for item in node.get("status", {}).get("conditions", ())}
    account = api.get("/api/v1/namespaces/default/serviceaccounts/default")
    return conditions.get("Ready") == "True" and not node["spec"].get("taints") and account is not None


def _names_resolve() -> bool:
    """Ask the name server whether it has seen the cluster's services."""
    try:
        with urllib.request.urlopen(f"http://{_LOCAL}:{node_files.DNS_READY_PORT}/ready", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
