"""The order of a build: one at a time on this machine, only what changed.

An archive only when it is whole.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hack.images import pip_settings, stamp
from hack.images.buildah import Buildah
from hack.images.docker import Docker
from hack.images.errors import ImageError
from hack.images.inputs import Image, Origin, digest
from hack.images.steps import Place, say
from hack.progress import cache_folder

_LOCK_SECONDS = 1800


def build(
    images: Sequence[Image],
    folder: Path,
    root: Path,
    environ: Mapping[str, str],
    base: str | None = None,
    origin: Origin | None = None,
) -> None:
    """Build what is not current and leave `<name>.tar` for each image in the folder.

    Raises:
        ImageError: it cannot be done on this machine, or a step failed.
    """
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    # An archive counts as current whoever built it, so that nothing is asked of the machine when there is no
    # work.
    inputs = {image: digest(image, root, base or "", origin) for image in images}
    stale = [image for image in images if not stamp.is_current(folder, image, inputs[image])]
    for image in images:
        if image not in stale:
            say(f"{image}: nothing changed")
    if not stale:
        return
    cache = cache_folder(environ)
    with _alone(cache), tempfile.TemporaryDirectory(prefix="modelalias-images-") as scratch:
        builder = _builder(Place(root, logs, environ), cache)
        say(f"building with {builder.name}")
        builder.prepare()
        secrets = _secrets(Path(scratch), environ)
        say(f"next: {', then '.join(stale)}")
        for image in stale:
            unfinished = folder / f"{image}.tar.partial"
            unfinished.unlink(missing_ok=True)
            builder.build(image, base, origin, secrets, unfinished)
            stamp.put(folder, image, unfinished, inputs[image])
            say(
                f"{image}: {stamp.archive(folder, image)}, "
                f"{stamp.archive(folder, image).stat().st_size / 1e6:.0f} MB"
            )


def _builder(place: Place, cache: Path) -> Docker | Buildah:
    if Docker.usable():
        return Docker(place)
    if Buildah.usable():
        return Buildah(place, cache / "images")
    raise ImageError(
        "images are built with a Docker daemon, or as root on Debian with buildah: this machine has neither"
    )


def _secrets(scratch: Path, environ: Mapping[str, str]) -> Sequence[str]:
    """Write the pip settings of this machine where a build can mount them, and name the mounts."""
    settings = pip_settings.parse(pip_settings.configured())
    ca = pip_settings.ca_bundle(settings, environ)
    ca = ca if ca and os.access(ca, os.R_OK) else None
    file = scratch / "pip.conf"
    file.touch(mode=0o600)
    file.write_text(pip_settings.file_for_build(settings, with_ca=ca is not None))
    return [f"id=pip,src={file}", *([f"id=ca,src={ca}"] if ca else [])]


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Hold the lock of this machine's image cache; the kernel lets go of it when we die."""
    cache.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + _LOCK_SECONDS
    with (cache / "images.lock").open("w") as lock:
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ImageError(
                        f"another build holds {cache}/images.lock for {_LOCK_SECONDS} s already"
                    ) from None
                if not told:
                    say("another build is under way, waiting for it ...")
                told = True
                time.sleep(1)
        yield
