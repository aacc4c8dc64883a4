"""Databases behind an MLflow server: a file of SQLite, or Debian's PostgreSQL or MariaDB as a process on loopback.

Both processes keep nothing that a crash would want: they live as long as the server that they stand behind.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from hack import debian
from hack.cluster.layout import say
from hack.progress import cache_folder
from tests.support.foreign_servers import HERE, free_ports

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
DATABASE: Final = "mlflow"
NOBODY: Final = "nobody"
"""Who runs PostgreSQL for root, as whom it does not run."""

POSTGRESQL: Final = "15"
"""That of Debian 12."""


class Database(StrEnum):
    """What MLflow keeps its tables in."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    MARIADB = "mariadb"


@contextmanager
def running_database(kind: Database, directory: Path) -> Iterator[str]:
    """Yield the address of an empty database, as SQLAlchemy writes it; a process ends with the block.

    SQLite's file lies in the directory, and is the same database with the same directory again.
    """
    match kind:
        case Database.SQLITE:
            yield f"sqlite:///{directory / 'mlflow.db'}"
        case Database.POSTGRESQL:
            with _postgresql() as uri:
                yield uri
        case Database.MARIADB:
            with _mariadb() as uri:
                yield uri


@contextmanager
def _postgresql() -> Iterator[str]:
    programs = _postgresql_programs()
    user = NOBODY if os.geteuid() == 0 else None
    with _folder(user) as folder:
        data, (port,) = folder / "data", free_ports(1)
        _run([programs / "initdb", "-D", data, "-U", "root", "-A", "trust", "-E", "UTF8", "--no-sync"], user)
        command = [programs / "postgres", "-D", data, "-h", HERE, "-p", port, "-k", folder]
        fast = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200"]
        command += [word for setting in fast for word in ("-c", setting)]
        asked = [str(programs / "pg_isready"), "-q", "-h", HERE, "-p", str(port)]
        with _running(command, folder, user, lambda: subprocess.run(asked, check=False).returncode == 0):
            yield f"postgresql+psycopg2://root@{HERE}:{port}/postgres"


@contextmanager
def _mariadb() -> Iterator[str]:
    """Run MariaDB without its own tables, which nobody asks where nobody logs in; with Debian's collation."""
    with _folder(None) as folder:
        data, first, (port,) = folder / "data", folder / "first.sql", free_ports(1)
        data.mkdir()
        first.write_text(f"CREATE DATABASE {DATABASE};\n")
        command = [_mariadbd(), "--no-defaults", "--skip-grant-tables", f"--datadir={data}"]
        command += [f"--bind-address={HERE}", f"--port={port}", f"--socket={folder / 'socket'}"]
        command += ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci"]
        command += ["--innodb-flush-log-at-trx-commit=0", f"--pid-file={folder / 'pid'}"]
        command += [f"--init-file={first}", *(["--user=root"] if os.geteuid() == 0 else [])]
        with _running(command, folder, None, lambda: _takes_connections(port)):
            yield f"mysql+pymysql://root@{HERE}:{port}/{DATABASE}"


@contextmanager
def _running(
    command: Sequence[object], folder: Path, user: str | None, is_ready: Callable[[], bool]
) -> Iterator[None]:
    """Run a database until the block ends; begin once it takes connections."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            user=user,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            assert process.poll() is None, f"ended with {process.returncode}: {log.read_text()}"
            assert time.monotonic() < deadline, f"takes no connections: {log.read_text()}"
            time.sleep(0.1)  # poll
        yield
    finally:
        process.send_signal(signal.SIGQUIT)  # at once: nobody wants what is in it
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


def _takes_connections(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HERE, port)) == 0


@contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    """Make a folder of the user's, with a short path: that of a socket has room for 100 characters."""
    folder = Path(tempfile.mkdtemp(prefix="modelalias-db-"))
    if user is not None:
        shutil.chown(folder, user)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _run(command: Sequence[object], user: str | None) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd="/", user=user, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _postgresql_programs() -> Path:
    """Return the folder of initdb and postgres, Debian's own one or that of its package, fetched now.

    Nothing is installed: Debian's package would start a server of its own.
    """
    usual = Path("usr", "lib", "postgresql", POSTGRESQL, "bin")
    if (installed := Path("/") / usual).exists():
        return installed
    name = f"postgresql-{POSTGRESQL}"
    return debian.unpacked(name, cache_folder(os.environ) / "debian" / name, say) / usual


def _mariadbd() -> Path:
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    if shutil.which("mariadbd", path=path) is None:
        debian.install(["mariadb-server-core"], say)
    found = shutil.which("mariadbd", path=path)
    assert found is not None
    return Path(found)
