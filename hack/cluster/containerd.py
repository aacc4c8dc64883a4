"""Debian's containerd, unpacked into the cache.

Not installed, so that no service of it starts on the machine. Built from its sources it took an eighth of the
whole build. Kubernetes 1.36 is the last release whose kubelet takes containerd 1.6, which Debian 12 has: a
newer Kubernetes needs a newer Debian, or containerd built again.
"""

import os
import shutil
from pathlib import Path
from typing import Final

from hack import debian
from hack.cluster.errors import ClusterError
from hack.cluster.layout import cache_folder, exclusive, say

_PACKAGE: Final = "containerd"


def programs() -> Path:
    """Return the folder with containerd, its shim and ctr, fetched now if they are not cached.

    Raises:
        ClusterError: apt-get failed; its words are in the message.
    """
    cache = cache_folder(os.environ)
    target = cache / "containerd-of-debian"
    if not target.exists():
        with exclusive(cache / "containerd.lock", "containerd is being fetched, waiting for it"):
            if not target.exists():
                _fetch(target)
    return target / "usr" / "bin"


def _fetch(target: Path) -> None:
    say("fetching containerd from Debian (some seconds)")
    fresh = target.with_name(f".fetching-{target.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        debian.unpack(_PACKAGE, fresh)
    except debian.PackageError as error:
        raise ClusterError(str(error)) from error
    fresh.rename(target)
