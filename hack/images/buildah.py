"""Building without Docker and without a registry.

Buildah as root on Debian, on a base image made by debootstrap.
"""

import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hack import debian
from hack.images.errors import ImageError
from hack.images.inputs import Image, Origin
from hack.images.steps import Place, answers, run, say

DEBIAN_BASE = "localhost/python-base:3.11"
_BUILD_SECONDS = 1800
_PUSH_SECONDS = 600
_SUITE = "bookworm"
_PACKAGES = "python3,python3-venv,ca-certificates"
_BASE_CONTAINER = "python-base-under-construction"
_NOT_IN_AN_IMAGE = ("var/cache/apt", "var/lib/apt/lists", "var/cache/debconf", "var/log")
_DRIVERS = (
    "overlay",
    "vfs",
)  # vfs copies every layer (one build measured: 94 s against 50 s), and works everywhere


class Buildah:
    """The builder of Debian machines without Docker. Everything it keeps stands in the cache."""

    name = "buildah"

    def __init__(self, place: Place, cache: Path) -> None:
        # The cache mounts of a build stand in TMPDIR, and large blobs pass through it.
        environ = {**place.environ, "TMPDIR": str(cache / "tmp")}
        self._place = replace(place, environ=environ)
        self._cache = cache
        self._driver = _DRIVERS[0]

    @staticmethod
    def usable() -> bool:
        """Tell whether this is Debian and we are root on it."""
        return (
            os.geteuid() == 0
            and Path("/etc/debian_version").is_file()
            and shutil.which("apt-get") is not None
        )

    def prepare(self) -> None:
        """Install the two programs where they are missing, and make the base image once."""
        (self._cache / "tmp").mkdir(parents=True, exist_ok=True)
        self._install_programs()
        self._driver = self._working_driver()
        # A build that was killed leaves containers behind. The storage is ours alone and the caller holds its
        # lock.
        self._run("buildah: remove leftovers", self._buildah("rm", "--all"), 120)
        if not answers(self._buildah("inspect", "--type", "image", DEBIAN_BASE)):
            self._make_base()

    def build(
        self, image: Image, base: str | None, origin: Origin | None, secrets: Sequence[str], archive: Path
    ) -> None:
        """Build one image and write it as an archive."""
        command = self._buildah(
            "bud", "--isolation", "chroot", "--network", "host", "--layers", "--target", image
        )
        command += [word for secret in secrets for word in ("--secret", secret)]
        command += ["--build-arg", f"BASE={base or DEBIAN_BASE}", *(origin.arguments if origin else [])]
        command += ["--tag", image.tag, "."]
        self._run(f"{image}: buildah bud", command, _BUILD_SECONDS)
        # Against gzip, buildah's default: a third less processor time, and smaller. Not compressed at all,
        # packing is
        # 6 s cheaper, but loading the serving image then takes containerd 26 s of processor time instead of
        # 12.
        compression = ["--compression-format", "zstd", "--compression-level", "1"]
        push = self._buildah("push", *compression, image.tag, f"oci-archive:{archive}:{image.tag}")
        self._run(f"{image}: buildah push", push, _PUSH_SECONDS)

    def _install_programs(self) -> None:
        missing = debian.missing_packages([(name, name) for name in ("buildah", "debootstrap")])
        if not missing:
            return
        try:
            debian.install(missing, say)
        except debian.PackageError as error:
            raise ImageError(str(error)) from error

    def _buildah(self, *arguments: str) -> list[str]:
        storage = self._cache / "storage" / self._driver
        where = ["--root", str(storage), "--runroot", str(self._cache / "run" / self._driver)]
        return ["buildah", *where, "--storage-driver", self._driver, *arguments]

    def _working_driver(self) -> str:
        for driver in _DRIVERS:
            self._driver = driver
            if answers(self._buildah("info"), seconds=60):
                return driver
        raise ImageError(
            f"buildah works with none of its storage drivers {', '.join(_DRIVERS)} in {self._cache}"
        )

    def _make_base(self) -> None:
        rootfs = self._cache / f"rootfs-{platform.machine()}"
        _remove_tree(rootfs)
        debootstrap = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(rootfs)]
        self._run("base image: debootstrap", debootstrap, 900)
        for folder in _NOT_IN_AN_IMAGE:
            for path in (rootfs / folder).iterdir():
                _remove_tree(path) if path.is_dir() else path.unlink()
        self._run("base image: start", self._buildah("from", "--name", _BASE_CONTAINER, "scratch"), 120)
        self._run("base image: add", self._buildah("add", "-q", _BASE_CONTAINER, str(rootfs), "/"), 300)
        self._run(
            "base image: commit", self._buildah("commit", "-q", "--rm", _BASE_CONTAINER, DEBIAN_BASE), 300
        )
        _remove_tree(rootfs)

    def _run(self, what: str, command: Sequence[str], seconds: float) -> None:
        run(what, command, self._place, seconds=seconds)


def _remove_tree(folder: Path) -> None:
    """Remove a folder, after unmounting what a killed debootstrap may have left mounted in it."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in sorted(mounts, reverse=True):
        if Path(mount).is_relative_to(folder) and not answers(["umount", mount]):
            raise ImageError(
                f"{mount} is mounted in {folder} and cannot be unmounted; it has to go before we go on"
            )
    shutil.rmtree(folder, ignore_errors=not folder.exists())
