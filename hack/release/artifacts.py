"""What a release publishes, built from a clean work tree and tried where nothing else is installed."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from hack.cluster import recipes
from hack.cluster.build import built
from hack.cluster.errors import ClusterError
from hack.images.build import build as build_images
from hack.images.errors import ImageError
from hack.images.inputs import Image, Origin
from hack.images.stamp import archive
from hack.release.errors import ReleaseError
from hack.release.programs import run

SBOM_TOOL: Final = "cyclonedx-bom==7.5.0"
SUMS: Final = "SHA256SUMS"
EXTRAS: Final = "dashboard,notify"
"""What the operator's image has beside the package's own dependencies, as in the Dockerfile."""

_UV: Final = Path(sys.executable).parent / "uv"


def python_packages(tree: Path, out: Path, seconds: str) -> Path:
    """Build the sdist, and the wheel from it; return the wheel.

    With what is pinned and installed, not with what the index has today.
    """
    options = ("--no-build-isolation", "--python", sys.executable, "--no-create-gitignore")
    run([_UV, "build", *options, "--out-dir", out, tree], tree, {"SOURCE_DATE_EPOCH": seconds})
    (wheel,) = out.glob("*.whl")
    return wheel


def chart(tree: Path, out: Path) -> None:
    """Pack the Helm chart with the Helm that the tests use, in a folder of its own: it is named almost as the sdist is."""
    try:
        helm = built(recipes.HELM) / "helm"
    except ClusterError as error:
        raise ReleaseError(str(error)) from error
    run([helm, "package", tree / "charts" / "modelalias", "--destination", out / "chart"], tree)


def install_file(tree: Path, out: Path) -> None:
    """Add the whole installation as one file."""
    shutil.copy(tree / "manifests" / "install.yaml", out)


def bill_of_materials(tree: Path, wheel: Path, out: Path, seconds: str) -> None:
    """Install the wheel with what the operator's image installs, try its programs, and list what is there.

    Raises:
        ReleaseError: the package index does not answer, a program does not start, or the list lacks something.
    """
    version = wheel.name.split("-")[1]
    with tempfile.TemporaryDirectory(prefix="modelalias-release-") as folder:
        environment = Path(folder) / "venv"
        python = environment / "bin" / "python"
        run([_UV, "venv", "--quiet", "--python", sys.executable, environment], tree)
        pinned = ("--constraint", str(tree / "constraints.txt"), f"{wheel}[{EXTRAS}]")
        run([_UV, "pip", "install", "--quiet", "--python", python, *pinned], tree)
        run([_UV, "pip", "check", "--quiet", "--python", python], tree)
        program = environment / "bin" / "modelalias"
        if run([program, "--version"], tree).split() != ["modelalias", version]:
            raise ReleaseError(f"the program in {wheel.name} has another version")
        for words in (["gate", "--help"], ["dashboard", "--help"]):
            run([program, *words], tree)
        file = out / f"modelalias-{version}.cdx.json"
        lists = (_UV, "tool", "run", "--from", SBOM_TOOL, "cyclonedx-py", "environment", python)
        options = ("--pyproject", tree / "pyproject.toml", "--output-reproducible", "-o", file)
        run([*lists, *options], tree, {"SOURCE_DATE_EPOCH": seconds})
        installed = json.loads(run([_UV, "pip", "list", "--format=json", "--python", python], tree))
    missing = unlisted(json.loads(file.read_text(encoding="utf-8")), installed)
    if missing:
        raise ReleaseError(f"{file.name} lacks what is installed: {', '.join(missing)}")


def unlisted(bill: Mapping[str, object], installed: Sequence[Mapping[str, str]]) -> Sequence[str]:
    """Return the installed packages that a CycloneDX bill does not list with their version."""
    listed = set(_listed(bill))
    return [
        f"{item['name']} {item['version']}"
        for item in installed
        if (canonicalize_name(item["name"]), item["version"]) not in listed
    ]


def images(tree: Path, out: Path, origin: Origin) -> None:
    """Build the images' archives, labelled with version and commit."""
    folder = tree / "build" / "images"
    try:
        build_images([*Image], folder, tree, os.environ, origin=origin)
    except ImageError as error:
        raise ReleaseError(str(error)) from error
    for image in Image:
        shutil.move(archive(folder, image), out / f"modelalias-{image}-{origin.version}.tar")


def checksums(out: Path) -> None:
    """Write the digest of each file, as `sha256sum --check` reads them."""
    files = sorted(path for path in out.rglob("*") if path.is_file())
    lines = [f"{_digest(path)}  {path.relative_to(out).as_posix()}\n" for path in files]
    (out / SUMS).write_text("".join(lines), encoding="utf-8")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listed(bill: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    metadata, components = bill.get("metadata", {}), bill.get("components", [])
    assert isinstance(metadata, dict)  # noqa: S101 - tells mypy what CycloneDX's schema says
    assert isinstance(components, list)  # noqa: S101 - as above
    for item in (*components, metadata.get("component", {})):
        yield canonicalize_name(str(item.get("name", ""))), str(item.get("version", ""))
