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
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import MappingProxyType

from tests.support.databases import Database, running_database

START_SECONDS = 120.0
"""Generous: on a loaded machine the imports and the first migration of the database take most of a minute."""
STOP_SECONDS = 10.0
LOG = "mlflow.log"
LOG_LINES = 40
OTHER_PYTHON = "MODELALIAS_TEST_MLFLOW_PYTHON"
"""Variable with the Python of another environment, to try another release of the server: docs/compatibility.md."""
OTHER_DATABASE = "MODELALIAS_TEST_MLFLOW_DATABASE"
"""Variable with the kind of database behind the servers, as `Database` has it; SQLite where it is not set."""


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
    database: str
    """Address of its database, with which a test writes what no call can."""
    release: str
    """Which MLflow it is."""

    @property
    def major(self) -> int:
        """The number before the first dot of its release."""
        return int(self.release.partition(".")[0])

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
    python: str | None = None,
    arguments: Sequence[str] = (),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Server]:
    """Run `mlflow server` on a database and artifacts under the directory until the block ends.

    The same directory again is the same registry, with SQLite; another database is filled from such a file. `host`
    other than loopback lets pods reach it; `python` is that of another release's environment; `arguments` are added
    to the command line and win, for instance `--allowed-hosts`; `variables` are added to its environment.
    Raise `ServerFailedError` with the log when it does not answer in time.
    """
    directory.mkdir(parents=True, exist_ok=True)
    kind = Database(os.environ.get(OTHER_DATABASE, Database.SQLITE))
    seeded = directory / "mlflow.db"
    with running_database(kind, directory) as database:
        if kind is not Database.SQLITE and seeded.exists():
            _fill(database, seeded)
        chosen = port or free_port(host)
        given = python or os.environ.get(OTHER_PYTHON, sys.executable)
        command = [given, *_words(host, chosen, database, directory), *arguments]
        with _process(command, directory, variables) as process:
            near = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - compared, not bound
            log = directory / LOG
            _wait_until_healthy(process, near, chosen, log)
            yield Server(near, chosen, process.pid, directory, log, database, _release(given))


def _fill(database: str, file: Path) -> None:
    """Copy the rows in a process of its own: who imports MLflow's tables gets SQLAlchemy's warnings."""
    command = [sys.executable, "-m", "tests.support.rows_copied", str(file), database]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerFailedError(f"the rows could not be copied: {done.stderr[-2000:]}")


def _words(host: str, port: int, database: str, directory: Path) -> Sequence[str]:
    return (
        "-m",
        "mlflow",
        "server",
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        "1",
        "--backend-store-uri",
        database,
        "--serve-artifacts",
        "--artifacts-destination",
        (directory / "artifacts").as_uri(),
    )


@contextmanager
def _process(
    command: Sequence[str], directory: Path, variables: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    log = directory / LOG
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
        yield process
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


def _wait_until_healthy(process: subprocess.Popen[bytes], host: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    state = "no answer yet"
    while time.monotonic() < deadline:
        if (code := process.poll()) is not None:
            state = f"it ended with code {code}"
            break
        try:
            _check(host, port, "/health")
        except (OSError, HTTPException) as error:
            state = str(error) or type(error).__name__
        else:
            return
        time.sleep(0.1)
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])
    raise ServerFailedError(f"the MLflow server did not come up: {state}; its log ends with\n{tail}")


def _release(python: str) -> str:
    """Ask the environment: a server that wants a password tells it to nobody else."""
    words = "from importlib.metadata import version; print(version('mlflow'))"
    done = subprocess.run([python, "-c", words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _check(host: str, port: int, path: str) -> None:
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != HTTPStatus.OK:
            raise HTTPException(f"it answers {answer.status}")
    finally:
        connection.close()


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
