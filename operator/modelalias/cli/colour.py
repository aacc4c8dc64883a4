"""Colours of the words that say how something stands, on a terminal alone.

The colour only repeats what the word says, so nothing is lost without it. Words are coloured where they are a
whole cell of a table or what a line ends in after `phase:`; a sentence keeps the terminal's own colour.
"""

import re
from collections.abc import Mapping
from typing import Final, Protocol

GREEN, RED, YELLOW = "32", "31", "33"
_TONES: Final[Mapping[str, tuple[str, ...]]] = {
    GREEN: ("Ready", "Succeeded", "Passed", "UpToDate", "Valid", "ok"),
    RED: (
        *("Failed", "Rejected", "RolledBack", "Errored", "Stalled", "Degraded", "Unreachable", "Diverged"),
        *("Missing", "Refused", "NotValid", "Worse", "missing"),
    ),
    YELLOW: (
        *("Pending", "Queued", "Evaluating", "AwaitingApproval", "Promoting", "RollingOut", "Verifying"),
        *("RollingBack", "Drifted", "Suspended", "Unknown", "Inconclusive", "Rolling", "Settling"),
        *("NoReplicas", "Aborted", "Superseded", "Expired", "Warning", "warning", "unknown"),
    ),
}
PLAIN: Final = frozenset({"Skipped"})
"""Words of the API that say nothing good or bad."""
COLOURS: Final[Mapping[str, str]] = {word: code for code, words in _TONES.items() for word in words}
_CELL: Final = re.compile(rf"(?<=   )({'|'.join(COLOURS)})(?=   |$)|(?<=^phase: )({'|'.join(COLOURS)})$")

_WANTED: Final = frozenset(
    {
        *("Ready", "InSync", "RolledOut", "Verified", "RegistryReachable", "IdentityProved"),
        *("MonitorsPassing", "TrafficRouted", "Resolved", "Eligible", "GatesPassed", "AliasUpdated"),
        *("Complete", "Succeeded"),
    }
)
"""Conditions that are good when they are True, and bad when they are False."""
_CONDITIONS: Final[Mapping[str, Mapping[str, str]]] = {
    **{kind: {"True": GREEN, "False": RED, "Unknown": YELLOW} for kind in sorted(_WANTED)},
    "Approved": {"True": GREEN, "False": YELLOW},
    "Held": {"True": YELLOW},
    "RolledBack": {"True": YELLOW, "False": RED},
    "Stalled": {"True": RED},
}
_CONDITION: Final = re.compile(rf"^({'|'.join(_CONDITIONS)})( {{3,}})(True|False|Unknown)(?=   )")


class Stream(Protocol):
    """What is written to."""

    def isatty(self) -> bool:
        """Return whether it is a terminal."""


def is_wanted(stream: Stream, environ: Mapping[str, str]) -> bool:
    """Return whether colours may be written there: NO_COLOR (https://no-color.org) turns them off."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def painted(text: str) -> str:
    """Return the text with colours in it."""
    return "".join(_painted(line) for line in text.splitlines(keepends=True))


def _painted(line: str) -> str:
    return _CELL.sub(_cell, _CONDITION.sub(_condition, line))


def _cell(found: re.Match[str]) -> str:
    return _in(COLOURS[found[0]], found[0])


def _condition(found: re.Match[str]) -> str:
    code = _CONDITIONS[found[1]].get(found[3])
    return found[0] if code is None else f"{found[1]}{found[2]}{_in(code, found[3])}"


def _in(code: str, word: str) -> str:
    return f"\x1b[{code}m{word}\x1b[0m"
