"""The note beside an archive that says what it was built from."""

from pathlib import Path

from hack.images.inputs import Image


def archive(folder: Path, image: Image) -> Path:
    """Return where an image's archive stands."""
    return folder / f"{image}.tar"


def is_current(folder: Path, image: Image, digest: str) -> bool:
    """Tell whether the archive is there and was built from exactly these inputs."""
    try:
        return archive(folder, image).is_file() and _note(folder, image).read_text() == digest
    except OSError:
        return False


def put(folder: Path, image: Image, built: Path, digest: str) -> None:
    """Put a finished archive in its place. A kill at any moment leaves an old pair, or an archive without a note."""
    _note(folder, image).unlink(missing_ok=True)
    built.replace(archive(folder, image))
    _note(folder, image).write_text(digest)


def _note(folder: Path, image: Image) -> Path:
    return folder / f"{image}.inputs"
