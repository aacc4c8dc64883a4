"""The operator as the image has it: the product and its dependencies alone, compiled.

In the development environment MLflow's client finds pandas and others and imports them, which costs 85 MiB
that no user pays.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.site import BenchError
from tests.support.operator_process import OperatorProcess

ROOT: Final = Path(__file__).resolve().parents[2]
INSTALL_SECONDS: Final = 600.0
_IMPORTS: Final = (
    "import gc, modelalias.__main__; gc.collect(); "
    "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmRSS:')))"
)


@dataclass(frozen=True)
class Product:
    """An environment with the product alone."""

    python: Path

    def operator(self, kubeconfig: str, config: Mapping[str, Any], directory: Path) -> OperatorProcess:
        """Return an operator that is not started."""
        directory.mkdir(parents=True, exist_ok=True)
        return _Operator(self.python, kubeconfig, config, directory)

    def imports_mib(self) -> float:
        """Return the memory of a process that has imported the operator and does nothing."""
        done = subprocess.run(
            [self.python, "-c", _IMPORTS], capture_output=True, text=True, timeout=120, check=True
        )
        return round(int(done.stdout) / 1024, 1)


def install(folder: Path) -> Product:
    """Make the environment in a folder, a second when the packages are cached; raise `BenchError`."""
    python = folder / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    packages = ["-c", str(ROOT / "constraints.txt"), "-r", str(ROOT / "pyproject.toml")]
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    _run([str(uv), "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *packages])
    (site,) = (folder / "lib").glob("python3*/site-packages")
    shutil.copytree(
        ROOT / "operator" / "modelalias", site / "modelalias", ignore=shutil.ignore_patterns("__pycache__")
    )
    _run([str(python), "-m", "compileall", "-q", str(site / "modelalias")])
    return Product(python)


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        raise BenchError(f"{' '.join(command[:4])}: {done.stdout[-1000:]}{done.stderr[-1000:]}")


class _Operator(OperatorProcess):
    """An operator process with an interpreter of its own."""

    def __init__(self, python: Path, kubeconfig: str, config: Mapping[str, Any], directory: Path) -> None:
        super().__init__(kubeconfig, config, directory)
        self._python = python

    def start(self, *, anew: bool = True) -> None:
        """Start and wait until the probe answers."""
        assert anew, "what another process has imported is not the product alone"
        try:
            self._begin((str(self._python), "-m", "modelalias"))
        except AssertionError as error:
            raise BenchError(str(error)) from error
