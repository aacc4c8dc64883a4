"""One shell that runs the commands of a README, as the shell of a user does."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Final

_CHUNK: Final = 65536
_GRACE_SECONDS: Final = 5.0


class TooLongError(RuntimeError):
    """A command did not end in its time; the shell is gone."""


@dataclass(frozen=True)
class Done:
    """What a command printed, line by line, and its exit status."""

    printed: tuple[str, ...]
    status: int


class Shell:
    """A bash that keeps directory, variables and `$?` from one command to the next."""

    def __init__(self, child: "subprocess.Popen[bytes]", folder: Path) -> None:
        self._child, self._script = child, folder / "command"
        self._mark = f"--{token_hex(8)}--".encode()
        self._status = 0

    def run(self, text: str, seconds: float, show: Callable[[str], None]) -> Done:
        """Run a command, show each line that it prints at once, and return how it ended.

        Raises:
            TooLongError: it did not end in that many seconds, or ended the shell.
        """
        if self._child.stdin is None:
            raise AssertionError("a pipe was asked for")
        self._script.write_text(f"{text}\n", encoding="utf-8")
        # sourced, so that here-documents and `cd` work; the subshell makes `$?` what the last command left
        line = f"(exit {self._status}); . '{self._script}' </dev/null; printf '\\n%s%s\\n' '{self._mark.decode()}' $?\n"
        self._child.stdin.write(line.encode())
        self._child.stdin.flush()
        printed: list[str] = []
        for line in self._lines(time.monotonic() + seconds):
            if line.startswith(self._mark.decode()):
                self._status = int(line.removeprefix(self._mark.decode()))
                break
            printed.append(line)
            show(line)
        return Done(tuple(printed), self._status)

    def _lines(self, deadline: float) -> Iterator[str]:
        """Yield lines as they come; an empty one only once another follows, for the mark brings one along."""
        rest = b""
        empty = 0
        for chunk in self._chunks(deadline):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                if not line:
                    empty += 1
                    continue
                yield from [""] * (empty - line.startswith(self._mark))
                empty = 0
                yield line.decode(errors="replace").rstrip("\r")

    def _chunks(self, deadline: float) -> Iterator[bytes]:
        output = self._child.stdout
        if output is None:
            raise AssertionError("a pipe was asked for")
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while selector.select(max(0.0, deadline - time.monotonic())):
                chunk = os.read(output.fileno(), _CHUNK)
                if not chunk:
                    raise TooLongError("the command ended the shell")
                yield chunk
        raise TooLongError("it did not end in its time")


@contextmanager
def shell(folder: Path, environ: Mapping[str, str]) -> Iterator[Shell]:
    """Run a bash in a folder until the block ends, and end with it whatever it started."""
    with TemporaryDirectory(prefix="modelalias-example-") as scratch:
        child = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield Shell(child, Path(scratch))
        finally:
            _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.wait(_GRACE_SECONDS)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
