"""Work that goes on behind the story: commands one after another, with what they say in a log file."""

import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from hack.demo.speech import say

EVERY_SECONDS: Final = 15.0
_GRACE_SECONDS: Final = 60.0
_LAST_LINES: Final = 15
_NOT_STARTED: Final = 127
_POLITE: Final = ("nice", "-n", "10")


class BackgroundError(RuntimeError):
    """A command behind the story failed; the message has the last lines of its log."""


@dataclass(frozen=True)
class Command:
    """Words of a command. A polite one gives way to the story: only for what leaves no process behind."""

    words: Sequence[str]
    polite: bool = False

    def argv(self) -> list[str]:
        """Return what is executed."""
        return [*(_POLITE if self.polite else ()), *self.words]


class Line:
    """Commands that run one after another until one fails, as soon as `start` is called."""

    def __init__(self, name: str, commands: Sequence[Command], folder: Path, log: Path) -> None:
        self.name, self._commands, self._folder, self._log = name, commands, folder, log
        self._child: subprocess.Popen[bytes] | None = None
        self._status = 0
        self._stopped = False
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._log.write_bytes(b"")
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait for the end of all commands, but no longer than this; tell whether it has come.

        Raises:
            BackgroundError: one of them failed.
        """
        self._thread.join(seconds)
        if self._thread.is_alive():
            return False
        if self._status != 0:
            raise BackgroundError(
                f"{self.name} failed (status {self._status}); {self._log} ends "
                f"with\n{self.last_lines(_LAST_LINES)}"
            )
        return True

    def stop(self) -> None:
        """End the command that runs and begin no other; it has the time to end what it started itself."""
        with self._guard:
            self._stopped = True
            child = self._child
        if child is None or child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()

    def last_lines(self, count: int = 1) -> str:
        """Return the end of what the commands have said."""
        try:
            return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
        except OSError:
            return ""

    def _run(self) -> None:
        for command in self._commands:
            with self._log.open("ab") as output:
                if not self._begin(command, output):
                    return
                self._status = self._child.wait() if self._child else 0
            if self._status != 0:
                return

    def _begin(self, command: Command, output: BinaryIO) -> bool:
        """Start a command; tell whether it runs."""
        with self._guard:
            if self._stopped:
                return False
            try:
                self._child = subprocess.Popen(
                    command.argv(),
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    process_group=0,  # Ctrl-C is ours to pass on
                )
            except OSError as error:
                output.write(f"{command.words[0]}: {error.strerror}\n".encode())
                self._status = _NOT_STARTED
                return False
        return True


def wait_for(lines: Sequence[Line]) -> None:
    """Wait for the end of all lines; tell now and then what each of them is at.

    Raises:
        BackgroundError: one of them failed; the others go on.
    """
    open_lines = list(lines)
    said = time.monotonic() - EVERY_SECONDS
    while open_lines := [line for line in open_lines if not line.wait(0.2)]:
        if time.monotonic() - said < EVERY_SECONDS:
            continue
        said = time.monotonic()
        for line in open_lines:
            say(f"{line.name}: {line.last_lines() or 'begun'}")
