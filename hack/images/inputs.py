"""What an image is made from: the digest of it decides whether anything has to be built."""

import hashlib
import json
import tomllib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

_LEFT_OUT = ("__pycache__", ".egg-info")


class Image(StrEnum):
    """The images, by the name of their target in the Dockerfile."""

    OPERATOR = "operator"
    SERVING = "serving"

    @property
    def tag(self) -> str:
        """The name under which pods ask for it."""
        return f"localhost/modelalias/{self}:dev"


class Origin(NamedTuple):
    """What an image was built from, as its labels say; builds while people develop say nothing about it."""

    version: str
    revision: str

    @property
    def arguments(self) -> Sequence[str]:
        """The build arguments of the Dockerfile."""
        return ("--build-arg", f"VERSION={self.version}", "--build-arg", f"REVISION={self.revision}")


_SOURCE = {Image.OPERATOR: "operator", Image.SERVING: "training"}


def digest(image: Image, root: Path, base: str, origin: Origin | None = None) -> str:
    """Return a digest of everything that goes into an image: the same digest, the same image."""
    found = hashlib.sha256(f"{image} {base} {origin.arguments if origin else ''}\n".encode())
    for name in ("Dockerfile", ".dockerignore", "constraints.txt"):
        _add(found, name, (root / name).read_bytes())
    _add(found, "pyproject.toml", _relevant(image, root / "pyproject.toml"))
    for path in _files(root / _SOURCE[image]):
        _add(found, path.relative_to(root).as_posix(), path.read_bytes())
    return found.hexdigest()


def _add(found: "hashlib._Hash", name: str, content: bytes) -> None:
    found.update(f"{name} {len(content)}\n".encode())
    found.update(content)


def _relevant(image: Image, pyproject: Path) -> bytes:
    """Return what an image takes from pyproject.toml: the settings of linters are none of its business."""
    content: dict[str, Any] = tomllib.loads(pyproject.read_text("utf-8"))
    project = content["project"]
    if image is Image.SERVING:
        return json.dumps(project["optional-dependencies"]["training"]).encode()
    return json.dumps(
        [content.get("build-system"), project, content.get("tool", {}).get("setuptools")]
    ).encode()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.endswith(_LEFT_OUT) for part in path.relative_to(folder).parts):
            yield path
