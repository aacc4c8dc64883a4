"""The end of a pod's log, made fit for a status: short, printable, and without the passwords of URLs."""

import re
from collections.abc import Mapping
from typing import Any, Final

LINES: Final = 20
CHARACTERS: Final = 2000
LIMIT_BYTES: Final = 1 << 18
"""The API server sends the first so many bytes of the lines asked for: far more than is shown, so that the
end is in them."""

_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_SECRET: Final = re.compile(
    r"(?i)((?:password|passwd|secret|token|api[_-]?key|access[_-]?key|credential)\w*[\"']?\s*[=:]\s*|\bbearer\s+)[^\s,;]+"
)
"""What reads like a secret: whoever may read a status need not be one who may read logs."""
_ADDRESS: Final = re.compile(r"://[^\s\"'<>]+")


def last_lines(text: str) -> str:
    """Return at most 20 lines and 2,000 characters, as a terminal would show them.

    Of a progress bar, which writes over its own line, that is the last state.
    """
    if (
        len(text.encode()) >= LIMIT_BYTES
    ):  # the API server cut it, and what is behind the cut may tell that this was a password
        text = text[: max(text.rfind(" "), text.rfind("\n")) + 1]
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.rstrip().split("\n")[-LINES:])
    shown = (_SECRET.sub(r"\1***", _ADDRESS.sub(_hide, printable(line))) for line in lines)
    return "\n".join(shown)[-CHARACTERS:].strip()


def log_query(container: str) -> tuple[tuple[str, str], ...]:
    """Ask for the end of what a container wrote, as far as it is shown."""
    return ("container", container), ("tailLines", str(LINES)), ("limitBytes", str(LIMIT_BYTES))


def log_container(pod: Mapping[str, Any]) -> str:
    """Name the container whose log tells most: the first that ended with an error, else the first.

    Init containers come last: once another one failed they had done their work, but for sidecars, which end
    with an error whenever the others end.
    """
    spec, status = pod["spec"], pod.get("status") or {}
    statuses = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    failed = {item["name"] for item in statuses if _failed(item)}
    names = [str(item["name"]) for item in (*spec["containers"], *(spec.get("initContainers") or ()))]
    return next((name for name in names if name in failed), names[0])


def _failed(status: Mapping[str, Any]) -> bool:
    states = (status.get("state") or {}, status.get("lastState") or {})
    return any((state.get("terminated") or {}).get("exitCode") for state in states)


def printable(line: str) -> str:
    """Return a line without colours, control characters and what turns the direction of writing."""
    return "".join(letter for letter in _COLOURS.sub("", line).replace("\t", " ") if letter.isprintable())


def _hide(address: re.Match[str]) -> str:
    """Hide all that may be a user or a password: up to the last @, because both may hold one."""
    _, at, host = address[0].rpartition("@")
    return f"://***@{host}" if at else address[0]
