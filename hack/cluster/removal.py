"""Deleting a folder with tens of thousands of files, as unpacked images are.

Each deletion waits for the disk: one after another took 12 s for 6,000 files on a busy machine, side by side
1 s.
"""

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

AT_ONCE: Final = 16


def remove(path: Path) -> None:
    """Delete a file, a link or a folder with all that is in it; links are not followed."""
    if not path.is_dir() or path.is_symlink():
        path.unlink()
        return
    files: list[str] = []
    folders: defaultdict[int, list[str]] = defaultdict(list)
    for base, below, names in os.walk(path):
        folders[base.count(os.sep)].append(base)
        files.extend(f"{base}/{name}" for name in names)
        files.extend(link for name in below if os.path.islink(link := f"{base}/{name}"))  # noqa: PTH114  # as text, for speed
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(os.unlink, files))
        for depth in sorted(folders, reverse=True):
            list(threads.map(os.rmdir, folders[depth]))
