"""Where a cluster keeps its files, and where built binaries are cached.

Everything that a running cluster writes stands under one folder, so that its end can be told from that
folder.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from hack import progress
from hack.cluster.errors import ClusterError

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).resolve().parent

# A unix socket's path ends at 107 characters, and the kubelet adds 40 of its own.
LONGEST_STATE_PATH = 64


@dataclass(frozen=True)
class Layout:
    """Name the files of one cluster, all under `root` (by default `.cluster` of the repository)."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's way in."""
        return self.root / "kubeconfig"

    @property
    def record(self) -> Path:
        """What is running and what was changed on this machine, read by `down`."""
        return self.root / "state.json"

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.root / "log"

    @property
    def containerd_socket(self) -> Path:
        """The address of containerd, which its shims carry as an argument."""
        return self.root / "containerd.sock"

    @property
    def containerd_state(self) -> Path:
        """Where containerd mounts root filesystems and network namespaces."""
        return self.root / "run"

    def make(self, *names: str) -> None:
        """Create the state folder, readable to its owner alone, and folders inside it."""
        if len(str(self.root)) > LONGEST_STATE_PATH:
            message = (
                f"the path of the state folder is longer than {LONGEST_STATE_PATH} characters, too long "
                "for the "
                f"sockets inside it: {self.root}. Use a checkout nearer the root, or --state."
            )
            raise ClusterError(message)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in names:
            (self.root / name).mkdir(parents=True, exist_ok=True)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Name the folder of built binaries."""
    return progress.cache_folder(environ) / "cluster"


@contextmanager
def exclusive(path: Path, busy: str) -> Iterator[None]:
    """Hold the lock file `path`; when another process holds it, say `busy` and wait for that one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            flock(handle, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            say(busy)
            flock(handle, LOCK_EX)
        yield
    finally:
        os.close(handle)


def say(text: str) -> None:
    """Tell a person what is going on; standard output is kept for answers."""
    os.write(2, f"cluster: {text}\n".encode())
