"""Programs from Debian, for the tools that run as root on Debian or a system made from it."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

LOCK: Final = Path("/run/lock/modelalias-apt")
"""apt-get waits for another's lock on packages, but not for that on the lists: two tools of ours take turns."""
_SECONDS: Final = 600.0


class PackageError(Exception):
    """apt-get failed; the message has its own words."""


def missing_packages(programs: Sequence[tuple[str, str]]) -> Sequence[str]:
    """Return the packages, sorted, whose program is not there; the pairs are program and package."""
    return sorted({package for program, package in programs if shutil.which(program) is None})


def install(packages: Sequence[str], say: Callable[[str], None]) -> None:
    """Install packages, after a refresh of the lists.

    Raises:
        PackageError: apt-get failed.
    """
    say(f"installing {' '.join(packages)} from Debian (some seconds)")
    _apt_get("update")
    _apt_get("install", "--yes", "--no-install-recommends", *packages)


def unpacked(package: str, target: Path, say: Callable[[str], None]) -> Path:
    """Return the folder with the files of a package, fetched now if it is not there.

    Nothing is installed and no service of it starts. Others that want the same wait until it is there.

    Raises:
        PackageError: apt-get failed, or the package cannot be read.
    """
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.with_name(f"{target.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.exists():
                say(f"fetching {package} from Debian (some seconds)")
                fresh = target.with_name(f".fetching-{target.name}")
                shutil.rmtree(fresh, ignore_errors=True)
                fresh.mkdir()
                _unpack(package, fresh)
                fresh.rename(target)
    return target


def _unpack(package: str, folder: Path) -> None:
    _apt_get("update")
    _apt_get("download", package, folder=folder)
    for file in folder.glob("*.deb"):
        _run(["dpkg-deb", "--extract", str(file), str(folder)])
        file.unlink()


def _apt_get(*words: str, folder: Path = Path("/")) -> None:
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _run(["apt-get", "--quiet", "--option", "DPkg::Lock::Timeout=300", *words], folder)


def _run(command: Sequence[str], folder: Path = Path("/")) -> None:
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise PackageError(f"`{' '.join(command)}` failed:\n{done.stderr.strip() or done.stdout.strip()}")
