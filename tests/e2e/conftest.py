"""What the end-to-end tests share: the images on the nodes."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from hack.demo.story import build_images_command, load_images_command
from tests.support.whole_run import WholeRun

ROOT: Final = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def images(whole_run: WholeRun, cluster: Mapping[str, Any]) -> None:  # noqa: ARG001 - the cluster must run
    """Operator and serving image, built and loaded once for the whole run."""
    whole_run.once("images", _loaded)


def _loaded() -> str:
    for command in (build_images_command(), load_images_command()):
        subprocess.run(command, cwd=ROOT, timeout=1800, check=True)
    return "loaded"
