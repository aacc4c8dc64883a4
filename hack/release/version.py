"""The version: pyproject.toml says it, and a few files repeat it for tools that do not read pyproject.toml."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

NUMBERS: Final = r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}"
"""`1.2.3`: what Python's packages, Helm's charts and the tags of images all read in the same way."""

_PLACES: Final[Mapping[str, re.Pattern[str]]] = {
    "pyproject.toml": re.compile(r'(?m)^(version = ")([^"]*)'),
    "charts/modelalias/Chart.yaml": re.compile(r"(?m)^((?:version|appVersion): )(.*)"),
    "manifests/**/*.yaml": re.compile(r"(registry\.invalid/modelalias/(?:operator|serving):)(\S*)"),
    "docs/install.md": re.compile(r'(tag: ")([^"]*)'),
}


class Place(NamedTuple):
    """A line of a file that names a version."""

    path: Path
    line: int
    version: str


def declared(root: Path) -> str:
    """Return the version that pyproject.toml says."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def places(root: Path) -> Iterator[Place]:
    """Return every line that names the version of this repository."""
    for path, pattern in _files(root):
        text = path.read_text(encoding="utf-8")
        for found in pattern.finditer(text):
            yield Place(path.relative_to(root), text.count("\n", 0, found.start()) + 1, found[2])


def write(root: Path, version: str) -> None:
    """Name this version in every place."""
    for path, pattern in _files(root):
        before = path.read_text(encoding="utf-8")
        after = pattern.sub(rf"\g<1>{version}", before)
        if after != before:
            path.write_text(after, encoding="utf-8")


def is_newer(version: str, than: str) -> bool:
    """Return whether a version comes after another one."""
    return _numbers(version) > _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _files(root: Path) -> Iterator[tuple[Path, re.Pattern[str]]]:
    for name, pattern in _PLACES.items():
        for path in sorted(root.glob(name)):
            yield path, pattern
