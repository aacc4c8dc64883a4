"""The configuration files of a node's own processes.

Containerd, the pod network, the kubelet, the name server.
"""

import json
import shutil
from collections.abc import Mapping
from typing import Any, Final

from hack.cluster import pause_image
from hack.cluster.containers import NETWORK
from hack.cluster.host import BRIDGE, NODE_ADDRESS, POD_SUBNET
from hack.cluster.layout import Layout

KUBELET_PORT: Final = 20250
DNS_READY_PORT: Final = 18181
CLUSTER_DOMAIN: Final = "cluster.local"


def write_all(layout: Layout) -> None:
    """Write every file into the state folder; folders are made on the way."""
    layout.make("cni", "log")
    root = layout.root
    (root / "containerd.toml").write_text(_containerd(layout))
    (root / "cni" / "10-pods.conflist").write_text(json.dumps(_network(layout), indent=1))
    (root / "kubelet.json").write_text(json.dumps(_kubelet(layout), indent=1))
    (root / "Corefile").write_text(_name_server(layout))


def _containerd(layout: Layout) -> str:
    root = layout.root
    return f"""version = 2
root = "{root}/containerd"
state = "{layout.containerd_state}"
[grpc]
  address = "{layout.containerd_socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause_image.NAME}"
  restrict_oom_score_adj = true  # without CAP_SYS_RESOURCE oom_score_adj may not be lowered
  netns_mounts_under_state_dir = true  # so that `down` can tell whose they are
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{root}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "{shutil.which("runc")}"
      Root = "{root}/runc"
"""


def _network(layout: Layout) -> Mapping[str, Any]:
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_SUBNET}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(layout.root / "addresses"),
    }
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "hairpinMode": True, "ipam": addresses}
    return {"cniVersion": "1.0.0", "name": NETWORK, "plugins": [bridge]}


def _kubelet(layout: Layout) -> Mapping[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "port": KUBELET_PORT,
        "readOnlyPort": 0,
        "healthzPort": 0,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "clusterDNS": [NODE_ADDRESS],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": "",  # pods see nothing of the machine's own search domains
        "podLogsDir": str(layout.root / "pod-logs"),
        "volumePluginDir": str(layout.root / "volume-plugins"),
        # The machine may be a container itself, with the old control groups, swap and no limits of its own.
        "failCgroupV1": False,
        "failSwapOn": False,
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": False,
        "makeIPTablesUtilChains": False,
        # A full disk of the machine is no reason to evict pods or to drop images that cannot be pulled again.
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
    }


def _name_server(layout: Layout) -> str:
    return f""".:53 {{
    bind {NODE_ADDRESS}
    errors
    ready 127.0.0.1:{DNS_READY_PORT}
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig {layout.kubeconfig}
    }}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""
