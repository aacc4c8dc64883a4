"""A real MLflow server in a process group of its own, for the tests, the benchmark and the demo.

One worker: with more, each small request on a kept-alive connection waits 40 ms longer (uvicorn issue 3149).
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import MappingProxyType

START_SECONDS = 120.0
"""Generous: on a loaded machine the imports and the first migration of the database take most of a minute."""
STOP_SECONDS = 10.0
LOG_LINES = 40
OTHER_PYTHON = "MODELALIAS_TEST_MLFLOW_PYTHON"
"""Variable with the Python of another environment, to try another release of the server: docs/compatibility.md."""


class ServerFailedError(RuntimeError):
    """The MLflow server did not come up; the message ends with its log."""


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    host: str
    port: int
    pid: int
    directory: Path
    log: Path

    @property
    def uri(self) -> str:
        """Address without credentials, as the operator's configuration wants it."""
        return f"http://{self.host}:{self.port}"


@contextmanager
def running_mlflow(
    directory: Path,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    arguments: Sequence[str] = (),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Server]:
    """Run `mlflow server` on a database and artifacts under the directory until the block ends.

    The same directory again is the same registry. `host` other than loopback lets pods reach it; `arguments`
    are added to the command line and win, for instance `--allowed-hosts` or another `--backend-store-uri`;
    `variables` are added to its environment.
    Raise `ServerFailedError` with the log when it does not answer in time.
    """
    directory.mkdir(parents=True, exist_ok=True)
    chosen = port or free_port(host)
    log = directory / "mlflow.log"
    command = [
        os.environ.get(OTHER_PYTHON, sys.executable),
        "-m",
        "mlflow",
        "server",
        "--host",
        host,
        "--port",
        str(chosen),
        "--workers",
        "1",
        "--backend-store-uri",
        f"sqlite:///{directory / 'mlflow.db'}",
        "--serve-artifacts",
        "--artifacts-destination",
        (directory / "artifacts").as_uri(),
        *arguments,
    ]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={**_environment(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        near = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - compared, not bound
        server = Server(host=near, port=chosen, pid=process.pid, directory=directory, log=log)
        _wait_until_healthy(process, server)
        yield server
    finally:
        _stop(process)


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _environment() -> Mapping[str, str]:
    """Return the environment without the caller's MLflow settings and with what keeps the server small and
    silent.

    A variable of pytest would make MLflow think that it is itself under test.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("MLFLOW_", "_MLFLOW_", "PYTEST_"))
    }
    return {
        **kept,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def _wait_until_healthy(process: subprocess.Popen[bytes], server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    state = "no answer yet"
    while time.monotonic() < deadline:
        if (code := process.poll()) is not None:
            state = f"it ended with code {code}"
            break
        connection = HTTPConnection(server.host, server.port, timeout=5)
        try:
            connection.request("GET", "/health")
            state = f"it answers {connection.getresponse().status}"
        except (OSError, HTTPException) as error:
            state = str(error) or type(error).__name__
        finally:
            connection.close()
        if state == "it answers 200":
            return
        time.sleep(0.1)
    tail = "\n".join(server.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])
    raise ServerFailedError(f"the MLflow server did not come up: {state}; its log ends with\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: the server starts its workers as children."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=STOP_SECONDS)
            break
    with suppress(ProcessLookupError):  # a worker may outlive its parent
        os.killpg(process.pid, signal.SIGKILL)
