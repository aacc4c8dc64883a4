"""Waiting for something to become true, with an end."""

import time
from collections.abc import Callable

from hack.cluster.errors import ClusterError

INTERVAL = 0.1


def wait_until(
    what: str, ready: Callable[[], bool], *, seconds: float, check: Callable[[], None] = lambda: None
) -> None:
    """Poll `ready` until it holds; `check` may raise when waiting on is useless.

    Raises:
        ClusterError: `seconds` went by.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        check()
        if time.monotonic() > deadline:
            message = f"waited {seconds:.0f} s in vain: {what}"
            raise ClusterError(message)
        time.sleep(INTERVAL)
