"""Helm as its users have it: a program of its own, on the chart of this repository."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from hack.cluster import recipes
from hack.cluster.build import built
from hack.cluster.errors import ClusterError
from tests.support.quick_yaml import documents

ROOT: Final = Path(__file__).resolve().parents[2]
CHART: Final = ROOT / "charts" / "modelalias"
VALUES: Final = tuple(sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").iterdir()))
HOME: Final = "modelalias-system"
SECONDS: Final = 120
# What a person has configured of Helm is kept out; tests need nothing there.
_NOWHERE: Final = {f"HELM_{part}_HOME": "/nonexistent" for part in ("CACHE", "CONFIG", "DATA")}


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    errors: str


def values_file(name: str) -> Path:
    """Return the file with those values."""
    return CHART / "ci" / f"{name}-values.yaml"


def helm(*words: str, kubeconfig: str = os.devnull) -> Done:
    """Run helm to its end; without a kubeconfig it finds no cluster."""
    environ = {**os.environ, "KUBECONFIG": kubeconfig, **_NOWHERE}
    done = subprocess.run(
        [_program(), *words], env=environ, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def rendered(name: str, *words: str, namespace: str = HOME) -> Sequence[Mapping[str, Any]]:
    """Return what the chart makes of values, which is rendered once."""
    return _rendered(values_file(name), words, namespace)


def refused(*words: str, name: str = "minimal") -> str:
    """Return why the chart makes nothing of these values."""
    done = helm(*_template(values_file(name), HOME), *words)
    assert done.status != 0, f"it was rendered: {words}"
    return done.errors


def text(name: str) -> str:
    """Return what the chart makes of values as it stands, which is rendered once."""
    return _text(values_file(name), (), HOME)


@cache
def _rendered(values: Path, words: tuple[str, ...], namespace: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(item for item in documents(_text(values, words, namespace)) if item)


@cache
def _text(values: Path, words: tuple[str, ...], namespace: str) -> str:
    done = helm(*_template(values, namespace), *words)
    assert done.status == 0, done.errors
    return done.out


def _template(values: Path, namespace: str) -> tuple[str, ...]:
    return ("template", "modelalias", str(CHART), f"--namespace={namespace}", f"--values={values}")


@cache
def _program() -> str:
    """Return the program; it is built behind the other tests."""
    try:
        return str(built(recipes.HELM) / "helm")
    except ClusterError as error:
        pytest.skip(f"Helm cannot be built on this machine: {error}")
