"""Debian's Chromium, in which the pages are tested: found, or installed by root on Debian.

`python -m hack.browser` prints where it is. Nothing is downloaded from the browser's makers. Standard library only.
"""

import os
import shutil
import sys
from typing import Final

from hack import debian

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
PACKAGE: Final = "chromium"
NONE: Final = "there is no Chromium on this machine, and only root on Debian can install it"


class BrowserError(Exception):
    """The browser could not be installed; the message says why."""


class NoBrowserError(BrowserError):
    """There is none, and this machine is not one that installs it."""


def found() -> str | None:
    """Return the browser's program, if there is one."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def installed() -> str:
    """Return the browser's program, installed now if there is none.

    Raises:
        NoBrowserError: there is none, and only root on Debian installs it.
        BrowserError: apt-get failed.
    """
    if (program := found()) is not None:
        return program
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NoBrowserError(NONE)
    try:
        debian.install([PACKAGE], _say)
    except debian.PackageError as error:
        raise BrowserError(str(error)) from error
    if (program := found()) is None:
        raise BrowserError(f"Debian's package {PACKAGE} brought none of {', '.join(PROGRAMS)}")
    return program


def _say(text: str) -> None:
    sys.stderr.write(f"browser: {text}\n")
    sys.stderr.flush()


def main() -> int:
    """Print where the browser is, and return 1 if there is none."""
    try:
        sys.stdout.write(f"{installed()}\n")
    except BrowserError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
