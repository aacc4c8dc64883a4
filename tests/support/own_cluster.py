"""A cluster of a test's own, for what is the whole cluster's: an API server and its controllers, and no node."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hack.cluster.layout import Layout
from hack.cluster.provider_simulated import SimulatedProvider, control_plane


@contextmanager
def own_cluster() -> Iterator[str]:
    """Run it until the block ends; yield its kubeconfig."""
    with TemporaryDirectory(prefix="modelalias-own-", ignore_cleanup_errors=True) as folder:
        layout = Layout(Path(folder))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", ResourceWarning
                )  # the processes are meant to outlive their handles
                control_plane(layout).start()
            yield str(layout.kubeconfig)
        finally:
            SimulatedProvider(layout).down()
