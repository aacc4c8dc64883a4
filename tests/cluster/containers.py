"""The end of containers that outlive containerd: their processes, their shims and what these leave behind.

One way for every case, whether containerd still answers or was killed: all is read from its state folder and the
kernel. Nothing is ended that is not in a control group named for one of this cluster's containers, or a shim that
was started with this cluster's socket.
"""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.cluster import processes
from tests.cluster.layout import Layout
from tests.cluster.processes import Process
from tests.cluster.waiting import holds_within

NETWORK: Final = "modelalias"  # CNI's name of the pod network, which its cache files begin with
_TASKS: Final = "io.containerd.runtime.v2.task/k8s.io"
_CNI_RESULTS: Final = Path("/var/lib/cni/results")
_POD_LOG_LINKS: Final = Path("/var/log/containers")
_CONTROL_GROUPS: Final = Path("/sys/fs/cgroup")


def end_all(layout: Layout) -> None:
    """End the processes of all containers, then the shims, and delete their traces outside the state folder."""
    ids = frozenset(path.name for path in _bundles(layout))
    sockets = [path for bundle in _bundles(layout) if (path := _shim_socket(bundle))]
    holds_within(lambda: not _killed(ids), seconds=20)
    processes.stop(list(_shims(layout)), first=signal.SIGKILL)
    for socket in sockets:
        socket.unlink(missing_ok=True)
    for folder in _empty_first(ids):
        folder.rmdir()
    for leftover in _CNI_RESULTS.glob(f"{NETWORK}-*"):
        leftover.unlink()
    for link in _POD_LOG_LINKS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(layout.root):
            link.unlink()


def _bundles(layout: Layout) -> Iterator[Path]:
    """List the folders of running containers, each named for its container's id of 64 hexadecimal digits."""
    for path in (layout.containerd_state / _TASKS).glob("*"):
        if len(path.name) == 64:  # noqa: PLR2004
            yield path


def _killed(ids: frozenset[str]) -> bool:
    """Kill what runs inside the containers; tell whether there was anything."""
    inside = [process for process in processes.everything() if ids & _names(process.pid)]
    for process in inside:
        processes.send(process, signal.SIGKILL)
    return bool(inside)


def _names(pid: int) -> frozenset[str]:
    """Split the control groups of a process into the names on their paths."""
    return frozenset(processes.cgroups(pid).replace("\n", "/").split("/"))


def _shims(layout: Layout) -> Iterator[Process]:
    """Find the shims that were started for this cluster's containerd."""
    for process in processes.everything():
        words = process.name.split("\0")
        if Path(words[0]).name == "containerd-shim-runc-v2" and str(layout.containerd_socket) in words:
            yield process


def _shim_socket(bundle: Path) -> Path | None:
    """Read where the shim of a container listens."""
    try:
        address: str = json.loads((bundle / "bootstrap.json").read_text())["address"]
    except (OSError, ValueError, KeyError):
        return None
    return Path(address.removeprefix("unix://"))


def _empty_first(ids: frozenset[str]) -> Iterator[Path]:
    """List the containers' control groups, the inner ones before the outer ones."""
    for base, folders, _ in os.walk(_CONTROL_GROUPS, topdown=False):
        for name in folders:
            path = Path(base) / name
            if ids & set(path.parts):
                yield path
