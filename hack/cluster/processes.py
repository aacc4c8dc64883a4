"""Processes that outlive the command which started them, and their end.

A process is known by its pid and the kernel's start time of it, so that a recycled pid is never taken for it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hack.cluster.waiting import INTERVAL, wait_until

PROC: Final = Path("/proc")
REAPING_SECONDS: Final = 3.0
MARK: Final = "MODELALIAS_CLUSTER_STATE"


@dataclass(frozen=True)
class Process:
    """One process on this machine; `started` is in clock ticks since the machine's own start."""

    name: str
    pid: int
    started: int

    def alive(self) -> bool:
        """Tell whether this very process still runs (a zombie does not)."""
        return start_time(self.pid) == self.started


def boot_id() -> str:
    """Identify the time since the machine's last start; start times compare only within one."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int | None:
    """Read when a process began, or None when there is none or only its zombie."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name before it may hold spaces and brackets
    return None if fields[0] in "ZX" else int(fields[19])


def start(
    name: str, command: Sequence[str], *, log: Path, environ: Mapping[str, str], folder: Path
) -> Process:
    """Start a process in its own session, with its output in `log`, marked as belonging to a state folder."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**environ, MARK: str(folder)},
            cwd=folder,
            start_new_session=True,
            umask=0o022,
        )
    # A child that ended at once is still there as a zombie, which reads as not alive: -1 matches no start
    # time.
    began = start_time(child.pid)
    return Process(name, child.pid, -1 if began is None else began)


def kill(processes: Iterable[Process]) -> Sequence[Process]:
    """End these processes at once; return those that were alive when they have ended.

    A throw-away cluster has nothing to save, and a polite end would wait for connections to drain.
    """
    living = [process for process in processes if process.alive()]
    for process in living:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    wait_until("the processes are gone", lambda: not any(process.alive() for process in living), seconds=20)
    return living


def await_reaping(ended: Sequence[Process]) -> None:
    """Wait a little for the machine's first process to clear away the zombies."""
    deadline = time.monotonic() + REAPING_SECONDS
    while any(_unreaped(process.pid) for process in ended) and time.monotonic() < deadline:
        time.sleep(INTERVAL)


def _unreaped(pid: int) -> bool:
    """Tell whether a zombie is left, and clear it away if it is this process's own child."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return (PROC / str(pid)).exists()


def marked(folder: Path) -> Iterator[Process]:
    """Find the processes that were started for a state folder, and theirs.

    Also those that no record tells of.
    """
    mark = f"{MARK}={folder}".encode()
    for process in everything():
        with suppress(OSError):
            if mark in (PROC / str(process.pid) / "environ").read_bytes().split(b"\0"):
                yield process


def everything() -> Iterator[Process]:
    """List the processes of this machine, each under its whole command line, words parted by a zero byte."""
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        began = start_time(int(folder.name))
        if began is not None:
            yield Process(words, int(folder.name), began)


def cgroups(pid: int) -> str:
    """Read the control groups of a process, or nothing when it is gone."""
    try:
        return (PROC / str(pid) / "cgroup").read_text()
    except OSError:
        return ""


def last_lines(log: Path, count: int = 15) -> str:
    """Read the end of a log file for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return "(no log)"
