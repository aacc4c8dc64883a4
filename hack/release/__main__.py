"""The command line: `python -m hack.release check`, and `python -m hack.release make VERSION [--images]`.

Exit status: 0 it fits together, or the release is there; 1 it does not, and the lines say why.
"""

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from hack.images.inputs import Origin
from hack.release import artifacts, changelog, consistency, version
from hack.release.errors import ReleaseError
from hack.release.repository import Repository

ROOT: Final = Path(__file__).resolve().parents[2]
OUT: Final = ROOT / "build" / "release"
_LEFT: Final = """\
Nothing was published. Left to do, by hand (docs/releasing.md says how):
  1. look at the commit:  git show HEAD
  2. wait for CI on it, then tag it:  git tag --sign v{version} -m 'modelalias {version}'
  3. push the branch and the tag
  4. build the images where people trust the builder, and push them:  docker build --build-arg VERSION={version} ...
  5. push wheel and sdist, the chart, and put {out} beside the tag's notes
  6. sign the images, the chart and SHA256SUMS
To take it back before the tag:  git reset --keep HEAD~1
"""

Build = Callable[[Path, Path, str, Origin], None]
"""Builds from a clean work tree into a folder, with the time and the origin that the files say."""


def main(words: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m hack.release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="say where the version is not that of pyproject.toml")
    command = commands.add_parser(
        "make", help="commit a version and build what is published; publish nothing"
    )
    command.add_argument("version", metavar="VERSION", help="three numbers, such as 0.2.0")
    command.add_argument("--images", action="store_true", help="also the images, as archives")
    options = parser.parse_args(words)
    if options.command == "check":
        found = consistency.differences(ROOT)
        sys.stderr.writelines(f"release: {sentence}\n" for sentence in found)
        return 1 if found else 0
    try:
        make(ROOT, options.version, datetime.now(UTC).date(), OUT, with_images if options.images else plain)
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write((OUT / artifacts.SUMS).read_text(encoding="utf-8"))
    sys.stdout.write(_LEFT.format(version=options.version, out=OUT.relative_to(ROOT)))
    return 0


def make(root: Path, wanted: str, day: date, out: Path, build: Build) -> None:
    """Commit a version on this branch and leave what is published in a folder.

    Raises:
        ReleaseError: it is refused, or something could not be built. The branch and the work tree are as they were.
    """
    repository = Repository(root)
    refused = [*consistency.objections(root, wanted), *repository.objections(wanted)]
    if refused:
        raise ReleaseError("\n".join(f"release: {sentence}" for sentence in refused))
    with repository.beside() as clean:
        page = clean.root / consistency.CHANGELOG
        before = page.read_text(encoding="utf-8")
        page.write_text(changelog.release(before, wanted, day), encoding="utf-8")
        version.write(clean.root, wanted)
        commit = clean.commit(f"Release {wanted}")
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        (out / "NOTES.md").write_text(f"{changelog.unreleased(before)}\n", encoding="utf-8")
        build(clean.root, out, clean.seconds(), Origin(wanted, commit))
        artifacts.checksums(out)
        repository.advance(commit)


def plain(tree: Path, out: Path, seconds: str, _: Origin) -> None:
    """Build everything but images."""
    wheel = artifacts.python_packages(tree, out, seconds)
    artifacts.chart(tree, out)
    artifacts.install_file(tree, out)
    artifacts.bill_of_materials(tree, wheel, out, seconds)


def with_images(tree: Path, out: Path, seconds: str, origin: Origin) -> None:
    """Build everything."""
    plain(tree, out, seconds, origin)
    artifacts.images(tree, out, origin)


if __name__ == "__main__":
    sys.exit(main())
