"""Building with a Docker daemon."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hack.images.inputs import Image, Origin
from hack.images.steps import Place, answers, run

_BUILD_SECONDS = 1800
_SAVE_SECONDS = 600


class Docker:
    """The builder of machines where Docker runs."""

    name = "docker"

    def __init__(self, place: Place) -> None:
        self._place = replace(place, environ={**place.environ, "DOCKER_BUILDKIT": "1"})

    @staticmethod
    def usable() -> bool:
        """Tell whether a daemon answers; the client alone is of no use."""
        return answers(["docker", "info"])

    def prepare(self) -> None:
        """Do nothing: Docker fetches the base image itself."""

    def build(
        self, image: Image, base: str | None, origin: Origin | None, secrets: Sequence[str], archive: Path
    ) -> None:
        """Build one image and write it as an archive."""
        command = ["docker", "build", "--target", image, "--tag", image.tag]
        command += [word for secret in secrets for word in ("--secret", secret)]
        command += ["--build-arg", f"BASE={base}"] if base else []
        command += origin.arguments if origin else []
        run(f"{image}: docker build", [*command, "."], self._place, seconds=_BUILD_SECONDS)
        save = ["docker", "save", "--output", str(archive), image.tag]
        run(f"{image}: docker save", save, self._place, seconds=_SAVE_SECONDS)
