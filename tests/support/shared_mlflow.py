"""The MLflow server of a whole run, in a process that outlives the worker which started it.

`python -m tests.support.shared_mlflow FOLDER` writes the server that answers to standard output as JSON and
goes on in the background until the run of that folder has ended.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.support.mlflow_server import START_SECONDS, Server, running_mlflow
from tests.support.whole_run import WholeRun, serving, wait_for_the_end

ROOT: Final = Path(__file__).resolve().parents[2]
NAME: Final = "mlflow"


def shared_mlflow(run: WholeRun) -> Server:
    """Return the server that all workers of the run share; the first who asks starts it."""
    told = json.loads(run.once(NAME, lambda: _started(run.folder)))
    return Server(**{**told, "directory": Path(told["directory"]), "log": Path(told["log"])})


def _started(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.shared_mlflow", str(folder)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * START_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def serve(folder: Path) -> int:
    """Stay in the background; in the foreground, tell of the server once it answers, and return the status."""
    log = folder / "mlflow-process.log"
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        with os.fdopen(reader) as answer:
            told = answer.read()
        sys.stdout.write(told)
        sys.stderr.write("" if told else log.read_text(encoding="utf-8"))
        return 0 if told else 1
    os.close(reader)
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):  # nobody may wait for the end of the caller's
        os.dup2(output, standard)
    with serving(folder, NAME), running_mlflow(folder / "registry") as server:
        with os.fdopen(writer, "w") as answer:
            json.dump(asdict(server), answer, default=str)
        wait_for_the_end(folder)
    return 0


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1])))
