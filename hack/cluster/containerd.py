"""Debian's containerd, unpacked into the cache.

Not installed, so that no service of it starts on the machine. Built from its sources it took an eighth of the
whole build. Kubernetes 1.36 is the last release whose kubelet takes containerd 1.6, which Debian 12 has: a
newer Kubernetes needs a newer Debian, or containerd built again.
"""

import os
from pathlib import Path
from typing import Final

from hack import debian
from hack.cluster.errors import ClusterError
from hack.cluster.layout import cache_folder, say

_PACKAGE: Final = "containerd"


def programs() -> Path:
    """Return the folder with containerd, its shim and ctr, fetched now if they are not cached.

    Raises:
        ClusterError: apt-get failed; its words are in the message.
    """
    target = cache_folder(os.environ) / "containerd-of-debian"
    try:
        return debian.unpacked(_PACKAGE, target, say) / "usr" / "bin"
    except debian.PackageError as error:
        raise ClusterError(str(error)) from error
