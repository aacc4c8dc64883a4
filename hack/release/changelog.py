"""The changelog: what is not released stands under `Unreleased`, each release under its version and its day."""

import re
from datetime import date
from typing import Final

from hack.release.version import NUMBERS

_UNRELEASED: Final = "## Unreleased\n"
_HEADING: Final = re.compile(rf"(?m)^## ({NUMBERS}) - \d{{4}}-\d{{2}}-\d{{2}}$")
_SECTION: Final = re.compile(r"(?m)^## (.*)$")


def released(text: str) -> tuple[str, ...]:
    """Return the versions that have a section, in the order of the file."""
    return tuple(_HEADING.findall(text))


def unreleased(text: str) -> str:
    """Return what stands under `Unreleased`, without its heading."""
    _, _, rest = text.partition(_UNRELEASED)
    return _SECTION.split(rest, maxsplit=1)[0].strip()


def release(text: str, version: str, day: date) -> str:
    """Return the changelog with the unreleased lines under a version; a new, empty section stands above."""
    return text.replace(_UNRELEASED, f"{_UNRELEASED}\n## {version} - {day.isoformat()}\n", 1)


def strange(text: str) -> tuple[str, ...]:
    """Return the headings that are neither `Unreleased`, which comes first and once, nor a version with its day."""
    first, *others = _SECTION.findall(text) or [""]
    wrong = [] if first == "Unreleased" else [first or "no `## Unreleased`"]
    return (*wrong, *(name for name in others if not _HEADING.fullmatch(f"## {name}")))
