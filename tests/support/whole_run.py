"""What all worker processes of one run of the tests have in common.

With `pytest -n` each worker is a session of its own and has session fixtures of its own. What is dear, and
good for all of them, is made by the first that asks and is there until the whole run ends.
"""

import fcntl
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PREFIX: Final = "modelalias-tests-"
LIVES: Final = "lives"
END_SECONDS: Final = 60.0


class WholeRun:
    """A folder that all workers know."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def once(self, name: str, make: Callable[[], str]) -> str:
        """Return what `make` returned to the first who asked; the others wait for it."""
        told = self.folder / name
        with locked(self.folder / f"{name}.lock"):
            if not told.exists():
                text = make()
                told.write_text(text, encoding="utf-8")
            return told.read_text(encoding="utf-8")


class Owner:
    """The process that began the run: pytest itself, or the one that hands the tests out to workers.

    It holds a lock for as long as it lives, however it ends; processes that serve the run wait for that lock
    and then end.
    """

    def __init__(self) -> None:
        self.run = WholeRun(Path(tempfile.mkdtemp(prefix=PREFIX)))
        self._lives = (self.run.folder / LIVES).open("wb")
        fcntl.flock(self._lives, fcntl.LOCK_EX)

    def end(self) -> None:
        """Let those that serve the run end, wait for them, and remove what they wrote."""
        self._lives.close()
        deadline = time.monotonic() + END_SECONDS
        while serving := sorted(self.run.folder.glob("*.serving")):
            assert time.monotonic() < deadline, f"not ended within {END_SECONDS:g} s: {serving}"
            time.sleep(0.05)  # poll
        shutil.rmtree(self.run.folder)


@contextmanager
def serving(folder: Path, name: str) -> Iterator[None]:
    """Serve the run of that folder in the block, so that its end waits for the end of the block."""
    mark = folder / f"{name}.serving"
    mark.touch()
    try:
        yield
    finally:
        mark.unlink()


def wait_for_the_end(folder: Path) -> None:
    """Wait until the run of that folder has ended, or was killed."""
    with (folder / LIVES).open("rb") as lives:
        fcntl.flock(lives, fcntl.LOCK_EX)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Be the only process in the block that holds this lock; a process that dies gives it back."""
    with file.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
