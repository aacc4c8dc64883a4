"""What a person is told while waiting: what is being done, how long it takes as a rule, what comes next.

How long each step took is kept in a file outside the work tree, so that the next time is told from this one.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MINUTE: Final = 60


@dataclass(frozen=True)
class Step:
    """One step: its name, and the seconds that it takes as a rule on two cores with nothing cached, if known."""

    name: str
    seconds: float = 0.0


def duration(seconds: float) -> str:
    """Write `45 s` or `5 min 18 s`."""
    whole = round(seconds)
    return f"{whole // _MINUTE} min {whole % _MINUTE} s" if whole >= _MINUTE else f"{whole} s"


class Times:
    """The memory of how long steps took; a file that is missing or damaged is an empty memory."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def remember(self, step: Step, seconds: float) -> None:
        """Keep how long a step took; where nothing can be written it is forgotten.

        A tenth of the usual time is that of a step with nothing to do: it says nothing about the next time.
        """
        if seconds < step.seconds / 10:
            return
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._file.with_name(f"{self._file.name}.{os.getpid()}")
            fresh.write_text(json.dumps({**self._read(), step.name: round(seconds, 1)}, indent=1))
            fresh.replace(self._file)

    def expected(self, step: Step) -> str:
        """Tell how long a step took last time, or takes as a rule; nothing where neither is known."""
        last = self._read().get(step.name)
        if last is not None:
            return f"took {duration(last)} last time"
        return f"takes about {duration(step.seconds)} as a rule" if step.seconds else ""

    def started(self, step: Step, then: Sequence[str] = ()) -> str:
        """Announce a step."""
        return f"{step.name}{self._remark(step, then)}"

    def so_far(self, step: Step, seconds: float, then: Sequence[str] = ()) -> str:
        """Tell that a step goes on."""
        return f"{step.name}: {duration(seconds)} so far{self._remark(step, then)}"

    def _remark(self, step: Step, then: Sequence[str]) -> str:
        following = f"next: {', '.join(then)}" if then else ""
        remark = "; ".join(filter(None, (self.expected(step), following)))
        return f" ({remark})" if remark else ""

    def _read(self) -> Mapping[str, float]:
        try:
            found = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {name: took for name, took in found.items() if isinstance(took, int | float)}


def times(environ: Mapping[str, str]) -> Times:
    """Return this user's memory of times."""
    return Times(cache_folder(environ) / "times.json")


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Name the folder for what is built once: MODELALIAS_CACHE, else one in the user's own cache."""
    if chosen := environ.get("MODELALIAS_CACHE"):
        return Path(chosen).absolute()
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "modelalias"
