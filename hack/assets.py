"""The files of others that the pages and their tests carry: fetched from npm in one version each, and checked.

`python -m hack.assets` fetches them again and compares each package with the integrity in `vendor.json`, which stands
beside the files. A new version is written there by hand, with the integrity that `npm view PACKAGE dist.integrity` prints.
"""

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
VENDOR: Final = ROOT / "operator/modelalias/web/static/vendor"
AXE: Final = ROOT / "tests/vendor/axe"
"""What looks for barriers in the pages; only tests carry it."""
RECORD: Final = "vendor.json"
SECONDS: Final = 120


class AssetError(Exception):
    """A file or a package is not what is recorded of it."""


def main() -> int:
    """Fetch every package, write its files, and return 1 if one is not what is recorded."""
    try:
        for folder in (VENDOR, AXE):
            for name, package in recorded(folder).items():
                fetch(folder, name, package)
                sys.stderr.write(f"assets: {name} {package['version']}\n")
            check(folder)
    except (AssetError, OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"assets: {error}\n")
        return 1
    return 0


def recorded(folder: Path) -> Mapping[str, Any]:
    """Return each package of a folder by its name on npm."""
    packages: Mapping[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return packages


def fetch(into: Path, name: str, package: Mapping[str, Any]) -> None:
    """Fetch a package and write its files, if it has the recorded integrity."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", f"{name}@{package['version']}", "--json", "--ignore-scripts"]
        done = subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True, timeout=SECONDS
        )
        archive = Path(folder) / json.loads(done.stdout)[0]["filename"]
        if integrity(archive.read_bytes()) != package["integrity"]:
            raise AssetError(f"{name} {package['version']} has another integrity than {RECORD} says")
        with tarfile.open(archive) as packed:
            for file, entry in package["files"].items():
                content = packed.extractfile(f"package/{entry['from']}")
                if content is None:
                    raise AssetError(f"{name} has no file {entry['from']}")
                (into / file).write_bytes(content.read())


def check(folder: Path) -> None:
    """Raise `AssetError` if the committed files of a folder are not exactly those that are recorded."""
    faults = [*_faults(folder)]
    if faults:
        raise AssetError("; ".join(faults))


def integrity(content: bytes) -> str:
    """Return the integrity of a file as npm and browsers write it."""
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


def _faults(folder: Path) -> Iterator[str]:
    expected = {
        file: entry["integrity"]
        for package in recorded(folder).values()
        for file, entry in package["files"].items()
    }
    present = {path.name: integrity(path.read_bytes()) for path in folder.iterdir() if path.name != RECORD}
    for file in sorted({*expected, *present}):
        if file not in present:
            yield f"{file} is missing"
        elif file not in expected:
            yield f"{file} is not recorded"
        elif present[file] != expected[file]:
            yield f"{file} has {present[file]}, not {expected[file]}"


if __name__ == "__main__":
    sys.exit(main())
