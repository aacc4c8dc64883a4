"""Building with a Docker daemon."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.images.inputs import Image
from tests.images.steps import answers, run

_BUILD_SECONDS = 1800
_SAVE_SECONDS = 600


class Docker:
    """The builder of machines where Docker runs."""

    name = "docker"

    def __init__(self, root: Path, logs: Path, environ: Mapping[str, str]) -> None:
        self._root = root
        self._logs = logs
        self._environ = {**environ, "DOCKER_BUILDKIT": "1"}

    @staticmethod
    def usable() -> bool:
        """Tell whether a daemon answers; the client alone is of no use."""
        return answers(["docker", "info"])

    def prepare(self) -> None:
        """Do nothing: Docker fetches the base image itself."""

    def build(self, image: Image, base: str | None, secrets: Sequence[str], archive: Path) -> None:
        """Build one image and write it as an archive."""
        command = ["docker", "build", "--target", image, "--tag", image.tag]
        command += [word for secret in secrets for word in ("--secret", secret)]
        command += ["--build-arg", f"BASE={base}"] if base else []
        self._run(f"{image}: docker build", [*command, "."], _BUILD_SECONDS)
        self._run(f"{image}: docker save", ["docker", "save", "--output", str(archive), image.tag], _SAVE_SECONDS)

    def _run(self, what: str, command: Sequence[str], seconds: float) -> None:
        log = self._logs / f"{what.replace(': ', '-').replace(' ', '-')}.log"
        run(what, command, log=log, seconds=seconds, environ=self._environ, cwd=self._root)
