"""The programs that a README types, each a fork of a process that has imported what it imports.

A shell whose PATH begins with the folder of `forking_programs` starts `typed_word.py`, which hands its words, its
folder, its environment and its open files to that process, and ends as the fork ends. Importing takes most of such a
command's time: a second for `modelalias`, four for `training`. What else is typed (`python -c`, `python -m pytest`)
starts the Python of the environment, as always.
"""

import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.support import typed_word
from tests.support.typed_word import MODELALIAS, NUMBER, TRAINING
from training.pipelines import NAMES
from training.settings import prepare_mlflow

ROOT: Final = Path(__file__).resolve().parents[2]
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 5.0
PRELOADED: Final[Mapping[str, Sequence[str]]] = {
    MODELALIAS: (
        "modelalias.cli.main",
        "modelalias.cli.api_server",
        "modelalias.adapters.mlflow_registry",
    ),
    TRAINING: (
        *(f"training.{name}" for name in ("train_command", "evaluation", "prediction", "weights_of")),
        *(f"training.pipelines.{name}" for name in NAMES),
        "skops.io",
    ),
}
"""Not the modules that are run themselves: `runpy` would warn of that."""


@contextmanager
def forking_programs(preloaded: Mapping[str, Sequence[str]] = PRELOADED) -> Iterator[Path]:
    """Hand over the folder that belongs first into PATH; what it forks from, and every fork, ends with the block."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="typed-")))
        source = Path(typed_word.__file__).read_text(encoding="utf-8")
        for name in (MODELALIAS, "python", "python3"):
            (folder / name).write_text(f"#!{sys.executable} -IS\n{source}", encoding="utf-8")
            (folder / name).chmod(0o755)
        servers = [
            stack.enter_context(_server(folder / f"{name}.socket", name, modules))
            for name, modules in preloaded.items()
        ]
        _wait(servers, [folder / f"{name}.socket" for name in preloaded])
        yield folder


@contextmanager
def _server(file: Path, name: str, modules: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "tests.support.typed_programs", str(file), name, *modules]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    ) as server:
        try:
            yield server
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)  # its forks too


def _wait(servers: Sequence["subprocess.Popen[bytes]"], files: Sequence[Path]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not all(file.exists() for file in files):
        assert all(server.poll() is None for server in servers), "a process that forks has ended"
        assert time.monotonic() < deadline, "a process that forks does not listen"
        time.sleep(0.05)  # poll


# In the process that forks


def serve(file: Path, name: str, modules: Sequence[str]) -> None:
    """Import the modules, and fork for whoever connects."""
    prepare_mlflow(os.environ)
    for module in modules:
        import_module(module)
    assert threading.active_count() == 1, "a fork would lack the other threads"
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel forgets the forks that end
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(file.with_suffix(".bound")))
    listener.listen()
    file.with_suffix(".bound").rename(file)
    while True:
        connection, _ = listener.accept()
        if not os.fork():
            listener.close()
            sys.exit(_answer(connection, _RUN[name]))
        connection.close()


def _answer(connection: socket.socket, run: Callable[[Sequence[str]], Any]) -> int:
    """Be the program that is asked for, and tell its exit status once it has done its work."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, files, _, _ = socket.recv_fds(connection, NUMBER.size, 3)
    with connection.makefile("rb") as stream:
        words, folder, environ = json.loads(stream.read(*NUMBER.unpack(head)))
    for number, descriptor in enumerate(files):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    _open_anew(unbuffered=bool(environ.get("PYTHONUNBUFFERED")))
    connection.sendall(NUMBER.pack(os.getpid()))
    status = _status(lambda: run(words))
    for output in (sys.stdout, sys.stderr):
        with suppress(OSError):
            output.flush()
    connection.sendall(NUMBER.pack(status))
    return status


def _open_anew(*, unbuffered: bool) -> None:
    """Make the standard files those that are open now: Python looks at what they are once, when it starts."""
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - a descriptor, open until the end
    sys.stdout = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115 - as above
    sys.stdout.reconfigure(write_through=unbuffered)
    sys.stderr = open(2, "w", 1, closefd=False, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - as above


def _status(run: Callable[[], Any]) -> int:
    """Return the exit status that Python would end with."""
    try:
        ended = run()
    except SystemExit as error:
        ended = error.code
    except BaseException:  # noqa: BLE001 - as Python does at the end of a program
        traceback.print_exc()
        return 1
    if isinstance(ended, int):
        return int(ended)
    if ended is not None:
        sys.stderr.write(f"{ended}\n")
    return 0 if ended is None else 1


def _modelalias(words: Sequence[str]) -> Any:
    sys.argv = [str(Path(sys.executable).with_name(MODELALIAS)), *words]
    return import_module("modelalias.cli.main").main()


def _python(words: Sequence[str]) -> None:
    if words[0] == "-m":
        sys.argv = [*words[1:]]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [*words]
        sys.path.insert(0, str(Path(words[0]).resolve().parent))
        runpy.run_path(words[0], run_name="__main__")


_RUN: Final[Mapping[str, Callable[[Sequence[str]], Any]]] = {MODELALIAS: _modelalias, TRAINING: _python}


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
