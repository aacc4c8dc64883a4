"""Argo Rollouts' own controller, built from its Go module, and the CRDs of others that tests need."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from hack.cluster import crds, recipes
from hack.cluster.build import built
from hack.cluster.errors import ClusterError
from hack.cluster.recipes import Recipe
from tests.support.mlflow_server import free_port

STOP_SECONDS: Final = 20.0


@cache
def installed(kubeconfig: str, recipe: Recipe) -> Path:
    """Install the CRDs of a recipe, once for each process, and return the folder of its programs.

    Skip where they cannot be built.
    """
    try:
        folder = built(recipe)
    except ClusterError as error:
        pytest.skip(f"{recipe.means} cannot be built on this machine: {error}")
    crds.install(kubeconfig, folder)
    return folder


@contextmanager
def running_controller(kubeconfig: str, directory: Path, *, arguments: Sequence[str] = ()) -> Iterator[int]:
    """Run the controller of Rollouts, for the whole cluster unless the arguments say otherwise, and give its pid."""
    program = installed(kubeconfig, recipes.ROLLOUTS) / "rollouts-controller"
    command = [
        str(program),
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        f"--metricsPort={free_port('127.0.0.1')}",
        f"--healthzPort={free_port('127.0.0.1')}",
        *arguments,
    ]
    with (directory / "rollouts-controller.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process.pid
        assert process.poll() is None, f"the controller ended: {log.name}"
    finally:
        process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)  # poll
        if process.poll() is None:
            process.kill()
            process.wait()
