"""Whether everything that names the version names the same, and what a new version has to fulfil."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from hack.release import changelog, version
from hack.release.version import NUMBERS

CHANGELOG: Final = "CHANGELOG.md"


def differences(root: Path) -> Sequence[str]:
    """Return a sentence for each place that does not say what pyproject.toml says."""
    wanted = version.declared(root)
    found = [
        f"{place.path}:{place.line}: {place.version}, and pyproject.toml says {wanted}"
        for place in version.places(root)
        if place.version != wanted
    ]
    text = (root / CHANGELOG).read_text(encoding="utf-8")
    found += [f"{CHANGELOG}: a heading that is no release: {name}" for name in changelog.strange(text)]
    versions = changelog.released(text)
    found += [
        f"{CHANGELOG}: {older} stands below {newer} and is not older"
        for newer, older in pairwise(versions)
        if not version.is_newer(newer, older)
    ]
    if versions and versions[0] != wanted:
        found.append(f"{CHANGELOG}: the newest release is {versions[0]}, and pyproject.toml says {wanted}")
    return found


def objections(root: Path, wanted: str) -> Sequence[str]:
    """Return why the files do not allow a release of this version."""
    if not re.fullmatch(NUMBERS, wanted):
        return [f"{wanted!r} is no version: three numbers are wanted, such as 0.2.0"]
    text = (root / CHANGELOG).read_text(encoding="utf-8")
    found = [*differences(root)]
    newest = next(iter(changelog.released(text)), None)
    if newest is not None and not version.is_newer(wanted, newest):
        found.append(f"{wanted} is not newer than {newest}, which is released")
    if not changelog.unreleased(text):
        found.append(f"{CHANGELOG}: nothing stands under Unreleased, so there is nothing to release")
    return found
