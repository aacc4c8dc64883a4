"""The end of containers, which outlive containerd: their processes, their shims and what these leave behind.

One way for every case, whether containers ran, were just being made or were half gone: all is read from
containerd's state folder and from the kernel. Nothing is ended that is not in a control group named for one
of this cluster's containers; shims carry the mark of their cluster and end with its other processes.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from hack.cluster import processes
from hack.cluster.layout import Layout
from hack.cluster.processes import Process
from hack.cluster.waiting import wait_until

NETWORK: Final = "modelalias"  # CNI's name of the pod network, which its cache files begin with
_TASKS: Final = "io.containerd.runtime.v2.task/k8s.io"
_ID_LENGTH: Final = 64
_CNI_RESULTS: Final = Path("/var/lib/cni/results")
_POD_LOG_LINKS: Final = Path("/var/log/containers")
_CONTROL_GROUPS: Final = Path("/sys/fs/cgroup")
_CONTAINERD_GROUP: Final = "k8s.io"


def end_all(layout: Layout) -> Sequence[Process]:
    """End all containers and delete their traces outside the state folder.

    Containerd and the shims have ended before. Returns: The processes that were ended.
    """
    ended: list[Process] = []
    ids = frozenset(path.name for path in _bundles(layout))
    wait_until("the containers have ended", lambda: not _killed(ids, ended), seconds=30)
    for socket in filter(None, map(shim_socket, _bundles(layout))):
        socket.unlink(missing_ok=True)
    for folder in _groups(ids):
        with suppress(OSError):  # another program's container runs in the parent
            folder.rmdir()
    for leftover in _CNI_RESULTS.glob("*"):
        if leftover.name.startswith(NETWORK) or any(name in leftover.name for name in ids):
            leftover.unlink()
    for link in _POD_LOG_LINKS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(layout.root):
            link.unlink()
    return ended


def _bundles(layout: Layout) -> Iterator[Path]:
    """List the folders of running containers, each named for its container's id."""
    for path in (layout.containerd_state / _TASKS).glob("*"):
        if len(path.name) == _ID_LENGTH:
            yield path


def _killed(ids: frozenset[str], ended: list[Process]) -> bool:
    """Kill what runs inside the containers and add it to the ended ones; tell whether there was anything."""
    inside = processes.kill(process for process in processes.everything() if ids & _names(process.pid))
    ended.extend(inside)
    return bool(inside)


def _names(pid: int) -> frozenset[str]:
    """Split the control groups of a process into the names on their paths."""
    return frozenset(processes.cgroups(pid).replace("\n", "/").split("/"))


def shim_socket(bundle: Path) -> Path | None:
    """Read where the shim of a container listened: containerd 1 and 2 keep it in different files."""
    try:
        if (written := bundle / "address").is_file():
            address = written.read_text().strip()
        else:
            address = str(json.loads((bundle / "bootstrap.json").read_text())["address"])
    except (OSError, ValueError, KeyError):
        return None
    return Path(address.removeprefix("unix://"))


def _groups(ids: frozenset[str]) -> Iterator[Path]:
    """List the control groups that are left over, the inner ones before the outer ones."""
    for base, folders, _ in os.walk(_CONTROL_GROUPS, topdown=False):
        for path in (Path(base) / name for name in folders):
            if ids & set(path.parts) or (
                path.name == _CONTAINERD_GROUP and not any(child.is_dir() for child in path.iterdir())
            ):
                yield path
