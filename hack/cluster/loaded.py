"""Which archives a cluster has loaded, so that the same one is not loaded twice. Goes with the state folder."""

import json
from collections.abc import Mapping
from pathlib import Path

from hack.cluster.layout import Layout


def is_current(layout: Layout, archive: Path) -> bool:
    """Tell whether this very archive was loaded, to the nanosecond of its last change."""
    return _read(layout).get(str(archive.resolve())) == _state(archive)


def remember(layout: Layout, archive: Path) -> None:
    """Note that the archive was loaded as it is now."""
    _file(layout).write_text(json.dumps({**_read(layout), str(archive.resolve()): _state(archive)}, indent=1))


def _state(archive: Path) -> str:
    found = archive.stat()
    return f"{found.st_size} {found.st_mtime_ns}"


def _file(layout: Layout) -> Path:
    return layout.root / "loaded.json"


def _read(layout: Layout) -> Mapping[str, str]:
    try:
        found = json.loads(_file(layout).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
