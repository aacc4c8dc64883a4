"""Servers of models that others wrote, as processes on loopback.

Those that do not fit beside the project's own packages get an environment of their own, made once and kept in the
cache: seconds where the packages are there already.
"""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from hack.progress import cache_folder
from tests.support.whole_run import locked

HERE: Final = "127.0.0.1"
START_SECONDS: Final = 120.0
INSTALL_SECONDS: Final = 280.0
STOP_SECONDS: Final = 10.0
LOG_CHARACTERS: Final = 4000
SERVERS: Final = Path(__file__).parent / "servers"
BIN: Final = Path(sys.executable).parent


def environment(name: str) -> Path:
    """Return the `bin` of an environment with what `servers/<name>.txt` lists, made now if it is not there."""
    wanted = SERVERS / f"{name}.txt"
    digest = hashlib.sha256(f"{sys.version}{wanted.read_text(encoding='utf-8')}".encode()).hexdigest()[:16]
    folder = cache_folder(os.environ) / "servers" / f"{name}-{digest}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        if not (folder / "complete").exists():
            uv = str(BIN / "uv")
            _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
            python = str(folder / "bin" / "python")
            _run(uv, "pip", "install", "--quiet", "--python", python, "-r", str(wanted))
            (folder / "complete").touch()
    return folder / "bin"


@contextmanager
def running(
    command: Sequence[str],
    port: int,
    path: str,
    directory: Path,
    environ: Mapping[str, str] | None = None,
    *,
    ready: int = 200,
    host: str = HERE,
) -> Iterator[None]:
    """Run a server until the block ends, in a process group of its own; begin once it answers so at the path."""
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, **(environ or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while _status(host, port, path) != ready:
            assert process.poll() is None, f"ended with {process.returncode}: {_end(log)}"
            assert time.monotonic() < deadline, f"does not answer: {_end(log)}"
            time.sleep(0.1)  # poll
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_SECONDS)


def free_ports(count: int) -> Sequence[int]:
    """Find ports that nothing uses."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for found in sockets:
            found.bind((HERE, 0))
        return [found.getsockname()[1] for found in sockets]
    finally:
        for found in sockets:
            found.close()


def _status(host: str, port: int, path: str) -> int | None:
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def _end(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-LOG_CHARACTERS:]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    assert done.returncode == 0, f"{' '.join(command[:4])}: {done.stderr[-LOG_CHARACTERS:]}"
