"""The image of the container that holds a pod's namespaces."""

from pathlib import Path
from typing import Final

from hack.cluster import program_image

NAME: Final = "localhost/pause:1"


def write(program: Path, archive: Path) -> None:
    """Write `archive`, an image named NAME that starts `program` (statically linked)."""
    program_image.write(NAME, program, archive)
