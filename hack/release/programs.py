"""Programs that a release runs: what they print is shown only when they fail."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from hack.release.errors import ReleaseError

_SECONDS: Final = 1800
_LAST: Final = 4000


def run(command: Sequence[str | Path], folder: Path, environ: Mapping[str, str] | None = None) -> str:
    """Run a program to its end, with this added to the environment, and return what it printed.

    Raises:
        ReleaseError: it failed, or is not there.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env={**os.environ, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReleaseError(f"{' '.join(words)}: {error}") from error
    if done.returncode != 0:
        raise ReleaseError(f"{' '.join(words)} failed:\n{(done.stdout + done.stderr)[-_LAST:].rstrip()}")
    return done.stdout
