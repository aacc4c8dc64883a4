"""Running one program of a build: bounded, with a line now and then, and its last words when it fails."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hack.images.errors import ImageError
from hack.progress import Step, times

_EVERY_SECONDS = 10
# As a rule, on two cores with nothing cached; what is not here takes seconds.
_USUAL_SECONDS = {"base image: debootstrap": 45, "operator: buildah bud": 35, "serving: buildah bud": 80}
_LAST_LINES = 30
_GRACE_SECONDS = 10


def say(text: str) -> None:
    """Write a line of progress."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def answers(command: Sequence[str], *, seconds: float = 15) -> bool:
    """Tell whether a program is there, ends well and does so in time."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@dataclass(frozen=True)
class Place:
    """Where the programs of a build run, and the folder that keeps what each of them says."""

    root: Path
    logs: Path
    environ: Mapping[str, str]


def run(what: str, command: Sequence[str], place: Place, *, seconds: float) -> None:
    """Run a program to its end, with its output in a file.

    Raises:
        ImageError: it failed, or was not done in time. It and what it started have ended by then.
    """
    began, known = time.monotonic(), times(place.environ)
    step = Step(what, _USUAL_SECONDS.get(what, 0.0))
    log = place.logs / f"{what.replace(': ', '-').replace(' ', '-')}.log"
    say(f"{known.started(step)} ...")
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=place.environ,
            cwd=place.root,
            process_group=0,  # and not a session: the kernel would let each session have as much as the demo
        )
        try:
            _wait(step, child, log, began, seconds)
        finally:
            _end(child)
    spent = time.monotonic() - began
    if child.returncode != 0:
        raise ImageError(
            f"{what}: status {child.returncode} after {spent:.0f} s; {log} ends with\n{_tail(log)}"
        )
    known.remember(step, spent)
    say(f"{what}: {spent:.1f} s")


def _wait(step: Step, child: "subprocess.Popen[bytes]", log: Path, began: float, seconds: float) -> None:
    known = times(os.environ)
    while True:
        try:
            child.wait(_EVERY_SECONDS)
        except subprocess.TimeoutExpired:
            spent = time.monotonic() - began
            if spent > seconds:
                raise ImageError(
                    f"{step.name}: not done after {spent:.0f} s; {log} ends with\n{_tail(log)}"
                ) from None
            say(f"{known.so_far(step, spent)}: {_tail(log, 1).strip()[:60]}")
        else:
            return


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End a program that still runs, with everything it started, which is its process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            return
        os.killpg(child.pid, number)
        try:
            child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _tail(log: Path, lines: int = _LAST_LINES) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
