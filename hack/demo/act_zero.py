"""Act 0, without a cluster: a real MLflow, three trained versions, and what `modelalias gate` says of each.

`python -m hack.demo.act_zero FOLDER`, with the environment's Python. It leaves the registry and the models as
FOLDER/store.tar.gz: the later acts promote these very versions in the cluster.
"""

import json
import os
import signal
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Final

from hack.demo.speech import say
from tests.support.mlflow_server import free_port, running_mlflow

ROOT: Final = Path(__file__).resolve().parents[2]
STORE: Final = "store.tar.gz"
ALIAS_FILE: Final = "manifests/examples/churn-champion.yaml"
MODEL: Final = "churn"
_GATE_SECONDS: Final = 120.0
_PROGRAMS: Final = Path(sys.executable).parent
_NO_LOG: Final = "mlflow.log"
_LAST_LINES: Final = 15


class ActError(RuntimeError):
    """Act 0 did not come out as it should; the message shows what there was instead."""


@dataclass(frozen=True)
class Judged:
    """A trained version and the verdict on it; `status` is the exit status of `modelalias gate`."""

    version: str
    auc: float
    status: int
    verdict: str


def play(folder: Path, tell: Callable[[str], None]) -> Sequence[Judged]:
    """Play the act, leave the store, and return the versions in the order of their training.

    Raises:
        ActError: a version could not be trained or judged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    registry = folder / "registry"
    rmtree(registry, ignore_errors=True)
    port = free_port()
    log = folder / "training.log"
    with _training(f"http://127.0.0.1:{port}", log) as lines, running_mlflow(registry, port=port) as server:
        tell(f"a real MLflow answers at {server.uri}, with its registry in SQL")
        judged = list(_judge_each(lines, server.uri, tell))
    if len(judged) != len(_COMMENTS):
        told = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        raise ActError("\n".join([f"only {len(judged)} versions were trained; {log} ends with", *told]))
    _pack(registry, folder / STORE)
    return judged


_COMMENTS: Final = (
    "there is no champion to beat yet, so only the floor counts",
    "it has to beat version 1, which is champion now",
    "it has to beat version 1 too",
)


def _judge_each(lines: Iterator[str], uri: str, tell: Callable[[str], None]) -> Iterator[Judged]:
    """Judge each version as soon as it is trained.

    Version 1 is champion while the others are judged, and then no more: the later acts begin without a
    champion.
    """
    for number, line in enumerate(lines):
        trained = json.loads(line)
        version, auc = str(trained["version"]), float(trained["metrics"]["val_auc"])
        tell(f"trained version {version}: val_auc {auc:.4f}; {_COMMENTS[number]}")
        status, verdict = _gate(version, uri, tell)
        yield Judged(version=version, auc=auc, status=status, verdict=verdict)
        if number == 0:
            _champion(uri, "POST", version)
    _champion(uri, "DELETE", None)


def _gate(version: str, uri: str, tell: Callable[[str], None]) -> tuple[int, str]:
    command = ["modelalias", "gate", "-f", ALIAS_FILE, "--version", version]
    tell(f"$ {' '.join(command)}")
    done = subprocess.run(
        [str(_PROGRAMS / command[0]), *command[1:]],
        cwd=ROOT,
        env={**os.environ, "MLFLOW_TRACKING_URI": uri},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_GATE_SECONDS,
        check=False,
    )
    if not done.stdout:
        raise ActError(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}")
    tell(done.stdout.rstrip())
    return done.returncode, done.stdout


@contextmanager
def _training(uri: str, log: Path) -> Iterator[Iterator[str]]:
    """Train the versions in a process of its own and hand over its lines as they come."""
    command = [sys.executable, "-m", "hack.demo.train_versions"]
    environ = {**os.environ, "MLFLOW_TRACKING_URI": uri}
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as trainer,
    ):
        try:
            if trainer.stdout is None:
                raise AssertionError("a pipe was asked for")
            yield iter(trainer.stdout)
        finally:
            trainer.kill()  # it has ended, unless something went wrong here


def _champion(uri: str, method: str, version: str | None) -> None:
    """Name the version champion, or nobody, by MLflow's own interface."""
    body: Mapping[str, str] = {
        "name": MODEL,
        "alias": "champion",
        **({"version": version} if version else {}),
    }
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{uri}/api/2.0/mlflow/registered-models/alias",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=20):  # noqa: S310 - as above
        pass


def _pack(registry: Path, archive: Path) -> None:
    with tarfile.open(archive, "w:gz") as packed:
        for path in sorted(registry.iterdir()):
            if path.name != _NO_LOG:
                packed.add(path, arcname=path.name)


def main(folder: str) -> int:
    """Play the act for a person; return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        play(Path(folder).resolve(), say)
    except ActError as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
