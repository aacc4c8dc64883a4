"""What the end-to-end tests share: the images on the nodes."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from hack.demo.story import build_images_command, load_images_command
from hack.gateway import installation
from tests.support.whole_run import WholeRun

ROOT: Final = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def images(whole_run: WholeRun, cluster: Mapping[str, Any]) -> None:  # noqa: ARG001 - the cluster must run
    """Operator and serving image, built and loaded once for the whole run."""
    whole_run.once("images", _loaded)


@pytest.fixture(scope="session")
def reached(cluster: Mapping[str, Any]) -> None:
    """Services are reached from the test's own process."""
    if cluster["provider"] != "node":
        pytest.skip("this machine reaches the Services of the provider node alone")


@pytest.fixture(scope="session")
def gateway(whole_run: WholeRun, kubeconfig: str, reached: None) -> str:  # noqa: ARG001 - we go there
    """The address of a gateway that serves the HTTPRoutes of all namespaces, installed once for the whole run."""

    def installed() -> str:
        installation.up(Path(kubeconfig))
        return installation.url(Path(kubeconfig))

    return whole_run.once("gateway", installed)


def _loaded() -> str:
    for command in (build_images_command(), load_images_command()):
        subprocess.run(command, cwd=ROOT, timeout=1800, check=True)
    return "loaded"
