"""The commands of `training`, each in a process of its own.

Importing MLflow and scikit-learn takes most of such a command's time. `Forks` is a process that has imported
them and forks one for each command: the same code, with an environment, output and state of its own, some
seconds sooner.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from training.settings import prepare_mlflow

ROOT: Final = Path(__file__).resolve().parents[2]
SECONDS: Final = 150.0
STOP_SECONDS: Final = 5.0
PRELOADED: Final = ("training.train_command", "training.registration", "training.evaluation", "skops.io")

Done = subprocess.CompletedProcess[str]


def command(server_uri: str, module: str, *words: str, **environ: str) -> Done:
    """Run `python -m` with these words, as users do."""
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env=_environment(server_uri, environ),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


class Forks:
    """The client's side of the process that forks."""

    def __init__(self, server: "subprocess.Popen[str]") -> None:
        self._server = server

    def command(self, server_uri: str, module: str, *words: str, **environ: str) -> Done:
        """Run the command as the function `command` does, in a fork."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        with TemporaryDirectory() as folder:
            files = [str(Path(folder, name)) for name in ("stdout", "stderr")]
            asked = {
                "module": module,
                "words": words,
                "environ": _environment(server_uri, environ),
                "files": files,
            }
            self._server.stdin.write(json.dumps(asked) + "\n")
            self._server.stdin.flush()
            status = self._server.stdout.readline()
            assert status, "the process that forks is gone"
            output, errors = (Path(file).read_text(encoding="utf-8") for file in files)
        return subprocess.CompletedProcess([module, *words], int(status), output, errors)


@contextmanager
def forking() -> Iterator[Forks]:
    """Run the process that forks until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.training_process"],
        cwd=ROOT,
        env=os.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as server:
        try:
            yield Forks(server)
            assert server.stdin is not None
            server.stdin.close()
            server.wait(STOP_SECONDS)
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)


def serve() -> None:
    """Fork for each line of standard input, and write the status of each fork."""
    prepare_mlflow(os.environ)
    for module in PRELOADED:
        import_module(module)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            sys.exit(_run(asked))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run(asked: Mapping[str, Any]) -> int:
    """Do in a fork what `python -m` does."""
    for number, file in enumerate(asked["files"], start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), number)
    os.environ.clear()
    os.environ.update(asked["environ"])
    status: int = import_module(asked["module"]).main(asked["words"], os.environ)
    return status


def _environment(server_uri: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    return {**os.environ, "MLFLOW_TRACKING_URI": server_uri, **environ}


if __name__ == "__main__":
    serve()
