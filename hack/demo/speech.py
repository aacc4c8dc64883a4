"""What the demonstration says: lines with the seconds since its command was given."""

import os
import sys
import time
from typing import Final

BEGAN: Final = "MODELALIAS_DEMO_BEGAN"
"""The environment variable by which a process of the demonstration tells the next when it began."""


def begin() -> None:
    """Start the clock for this process and those that it starts."""
    os.environ.setdefault(BEGAN, str(time.monotonic()))


def elapsed() -> float:
    """Return the seconds since the demonstration began."""
    began = os.environ.get(BEGAN)
    return time.monotonic() - float(began) if began else 0.0


def say(text: str) -> None:
    """Print a text; its first line carries the time, the others stand below it."""
    first, *others = text.splitlines() or [""]
    lines = [f"[{elapsed():6.1f} s] {first}", *(f"{'':11}{line}" for line in others)]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def act(number: int, title: str) -> None:
    """Print the title of an act."""
    sys.stdout.write("\n")
    say(f"--- act {number}: {title}")
