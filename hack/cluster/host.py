"""What the node provider changes on this machine as root, and the undoing of each change."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hack import debian
from hack.cluster.errors import ClusterError
from hack.cluster.layout import say

BRIDGE: Final = "modelalias0"
NODE_ADDRESS: Final = "10.244.0.1"
POD_SUBNET: Final = "10.244.0.0/24"
FIREWALL_TABLES: Final = (("ip", "kube-proxy"), ("ip6", "kube-proxy"))

# Program -> the Debian package that has it.
PROGRAMS: Final = {
    "runc": "runc",
    "nft": "nftables",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
}

# Kernel settings that the kubelet, kube-proxy and the bridge change.
SETTINGS: Final = (
    "net/ipv4/ip_forward",
    "net/netfilter/nf_conntrack_max",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)

# Places that the kubelet, containerd and the pod network use whatever their configuration says, inner ones
# first.
DEVICE_SOCKET: Final = Path("/var/lib/kubelet/device-plugins/kubelet.sock")
FOLDERS: Final = (
    DEVICE_SOCKET.parent,
    DEVICE_SOCKET.parent.parent,
    Path("/var/lib/cni/results"),
    Path("/var/lib/cni"),
    Path("/var/log/containers"),
    Path("/run/containerd/s"),
    Path("/run/containerd"),
    Path("/usr/libexec/kubernetes/kubelet-plugins/volume/exec"),
    Path("/usr/libexec/kubernetes/kubelet-plugins/volume"),
    Path("/usr/libexec/kubernetes/kubelet-plugins"),
    Path("/usr/libexec/kubernetes"),
)
_KERNEL: Final = Path("/proc/sys")


def install_packages() -> None:
    """Install the Debian packages whose programs are missing.

    Raises:
        ClusterError: apt-get failed; its words are in the message.
    """
    if not (missing := debian.missing_packages(list(PROGRAMS.items()))):
        return
    try:
        debian.install(missing, say)
    except debian.PackageError as error:
        raise ClusterError(str(error)) from error


def require_free_ports(address: str, ports: Sequence[int]) -> None:
    """Refuse to start beside another cluster.

    Raises:
        ClusterError: one of the ports is taken.
    """
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                raise ClusterError(
                    f"port {port} of {address} is taken ({error.strerror}). Only one cluster runs on a "
                    "machine at a "
                    "time: take down the one of another checkout, or end what listens there."
                ) from error


def read_settings() -> Mapping[str, str]:
    """Read the kernel settings that will change, as far as this kernel has them."""
    return {name: (_KERNEL / name).read_text().strip() for name in SETTINGS if (_KERNEL / name).exists()}


def restore_settings(before: Mapping[str, str]) -> None:
    """Write back those kernel settings that differ from what they were."""
    for name, value in before.items():
        if name in SETTINGS and (_KERNEL / name).read_text().strip() != value:
            (_KERNEL / name).write_text(value)


def add_bridge() -> None:
    """Create the bridge of the pods, which carries the node's address from the start.

    Let packets through. The API server, the kubelet and the name server listen on that address before the
    first pod exists; a link of type `dummy` would do as well, but not every kernel has it.
    """
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    _run("ip", "address", "add", f"{NODE_ADDRESS}/24", "dev", BRIDGE)
    _run("ip", "link", "set", BRIDGE, "up")
    (_KERNEL / "net/ipv4/ip_forward").write_text("1")


def remove_bridge() -> None:
    """Delete the bridge and the pods' links that are still attached to it."""
    if shutil.which("ip") is None:
        return
    links: list[dict[str, Any]] = json.loads(_run("ip", "--json", "link", "show"))
    for link in links:
        if link.get("master") == BRIDGE:  # it may go by itself, with its pod's network namespace
            subprocess.run(["ip", "link", "delete", link["ifname"]], check=False, capture_output=True)
    if any(link.get("ifname") == BRIDGE for link in links):
        _run("ip", "link", "delete", BRIDGE)


def remove_firewall_tables() -> None:
    """Delete the tables that kube-proxy made."""
    if shutil.which("nft") is None:
        return
    listed = _run("nft", "--json", "list", "tables")
    present = {
        (table["family"], table["name"])
        for item in json.loads(listed)["nftables"]
        if (table := item.get("table"))
    }
    for family, name in FIREWALL_TABLES:
        if (family, name) in present:
            _run("nft", "delete", "table", family, name)


def remove_leftovers() -> None:
    """Delete the kubelet's socket for device plugins and the folders that are empty now."""
    DEVICE_SOCKET.unlink(missing_ok=True)
    for folder in FOLDERS:
        with suppress(OSError):  # it is not there, not empty or in use by another program
            folder.rmdir()


def unmount_below(folder: Path) -> None:
    """Unmount everything below a folder, the innermost first.

    Raises:
        ClusterError: something stays mounted.
    """
    for mount in reversed(list(mounts_below(folder))):
        subprocess.run(["umount", "--lazy", str(mount)], check=False, capture_output=True)
    if left := list(mounts_below(folder)):
        raise ClusterError(
            f"still mounted below {folder}, nothing was deleted there: {', '.join(map(str, left))}"
        )


def mounts_below(folder: Path) -> Iterator[Path]:
    """List the mount points below a folder, in the order in which they were mounted."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = Path(line.split()[4].encode().decode("unicode_escape"))
        if point.is_relative_to(folder):
            yield point


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout
