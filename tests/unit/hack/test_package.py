"""The wheel holds what the programs need: it is installed where the source is not, beside the packages that are here.

That its own list of dependencies is enough, `make release` shows, which fetches them.
"""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from hack.release import artifacts, version
from hack.release.__main__ import ROOT

SOURCE = ROOT / "operator"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built of what git knows, as a release is."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("out")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    parts = ("operator", "pyproject.toml", "README.md", "LICENSE")
    names = subprocess.run([*listed, *parts], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in names.stdout.rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((ROOT / name).read_bytes())
    return artifacts.python_packages(tree, out, "1764547200")


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs, in an environment that has nothing of this source tree."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    options = ("--quiet", "--offline", "--no-deps", "--python", python)
    subprocess.run([uv, "pip", "install", *options, wheel], check=True)
    (packages,) = folder.glob("lib/*/site-packages")
    # a path in a .pth is added as it is: what makes our own installation editable is not read there
    (packages / "beside.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return folder / "bin"


def _run(*words: str | Path) -> str:
    command = [str(word) for word in words]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "modelalias"]
    known = subprocess.run(listed, cwd=SOURCE, capture_output=True, text=True, check=True)

    assert packed == {name for name in known.stdout.splitlines() if (SOURCE / name).is_file()}


def test_the_installed_programs_start_without_the_source(programs: Path) -> None:
    starts = "import modelalias.__main__, modelalias.web.server as it; print(it.__file__)"

    assert _run(programs / "modelalias", "--version") == f"modelalias {version.declared(ROOT)}\n"
    assert "usage: kubectl modelalias gate" in _run(programs / "kubectl-modelalias", "gate", "--help")
    assert _run(programs / "python", "-c", starts).startswith(str(programs.parent))
    assert (programs / "kubectl_complete-modelalias").is_file()
