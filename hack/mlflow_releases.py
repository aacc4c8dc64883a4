"""The releases of MLflow that the contract suite is run on, and an environment of its own for each.

The environments stay in the cache: some seconds where uv has the packages already, and about a minute where it has not.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from hack.progress import cache_folder

INSTALL_SECONDS: Final = 600.0

BESIDE: Final = ("sqlalchemy<2.1", "psycopg2-binary", "pymysql", "flask-wtf")
"""What stands beside MLflow: drivers, and what its basic-auth wants; 2.22.5 and 3.5.1 do not start with SQLAlchemy 2.1."""


class Server(NamedTuple):
    """A release of MLflow with a kind of database behind it."""

    release: str
    database: str

    def __str__(self) -> str:
        """Write it as the command line takes it."""
        return f"{self.release}:{self.database}"


OLDEST: Final = "2.22.5"
NEWEST: Final = "3.17.2"
SERVERS: Final = (
    Server(OLDEST, "sqlite"),
    Server(OLDEST, "postgresql"),
    Server(OLDEST, "mariadb"),
    Server("3.1.4", "sqlite"),
    Server("3.5.1", "sqlite"),
    Server("3.10.1", "sqlite"),
    Server(NEWEST, "sqlite"),
    Server(NEWEST, "postgresql"),
    Server(NEWEST, "mariadb"),
)


class InstallError(Exception):
    """A release could not be installed; the message has uv's own words."""


def python_of(release: str) -> Path:
    """Return the Python of an environment with that release, made now if it is not there.

    Raises:
        InstallError: uv failed.
    """
    packages = (f"mlflow=={release}", *BESIDE)
    digest = hashlib.sha256(f"{sys.version}{packages}".encode()).hexdigest()[:16]
    folder = cache_folder(os.environ) / "mlflow" / f"{release}-{digest}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            uv = str(Path(sys.executable).with_name("uv"))
            _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
            python = str(folder / "bin" / "python")
            _run(uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *packages)
            (folder / "complete").touch()
    return folder / "bin" / "python"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    if done.returncode != 0:
        raise InstallError(f"`{' '.join(command)}` failed:\n{done.stderr.strip()}")
