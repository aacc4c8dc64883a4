"""What is typed into the shells of the examples' tests does in a fork what it does in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.typed_programs import ROOT, forking_programs
from tests.support.typed_word import MODELALIAS, TRAINING

SECONDS = 60.0
PROGRAMS = {
    "words": "print(sys.argv, os.getcwd(), os.environ.get('SAID'), sys.path[0], __name__)",
    "input": "print(sys.stdin.read().upper(), end='')",
    "errors": "print('one', flush=True); print('two', file=sys.stderr)",
    "status": "sys.exit(7)",
    "no-status": "sys.exit(None)",
    "last-words": "sys.exit('it is late')",
    "a-child": "sys.exit(subprocess.run(['sh', '-c', 'echo child; exit 4']).returncode)",
    "at-the-end": "atexit.register(print, 'end')",
    "a-reader-that-left": "[print('x' * 10_000) for _ in range(100)]",
    "file-of-bytes": "sys.stdout.buffer.write(b'\\xff\\n')",
}


@pytest.fixture(scope="module")
def first_in_path() -> Iterator[Path]:
    with forking_programs({MODELALIAS: ("modelalias.cli.main",), TRAINING: ("training.settings",)}) as folder:
        yield folder


def shell(line: str, folder: Path, first: Path | None = None) -> tuple[int, str, str]:
    """Type a line; without a folder that comes first, the programs are those of the environment."""
    path = [*([str(first)] if first else []), str(Path(sys.executable).parent), os.environ["PATH"]]
    environ = {**os.environ, "PATH": os.pathsep.join(path), "PYTHONPATH": str(ROOT), "SAID": "w\u00f6rd"}
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=environ,
        input="typed",
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_in_a_file_does_the_same(name: str, first_in_path: Path, tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(
        f"import atexit, os, subprocess, sys\n{PROGRAMS[name]}\n", encoding="utf-8"
    )
    line = "python it.py 'two words' --more" + (
        " 2>/dev/null | head -1" if name == "a-reader-that-left" else ""
    )

    assert shell(line, tmp_path, first_in_path) == shell(line, tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "modelalias --version",
        "modelalias",
        "modelalias gate -f none.yaml --version 3",
        "python -m training.register --help",
        "python -m training.register 0a1b",
        "python -c 'print(4)'",
        "python3 -m json.tool --help",
        "echo 'print(5)' | python -",
        "modelalias status >out; echo $?",
    ],
)
def test_line_does_the_same(line: str, first_in_path: Path, tmp_path: Path) -> None:
    assert shell(f"unset MLFLOW_TRACKING_URI; {line}", tmp_path, first_in_path) == shell(
        f"unset MLFLOW_TRACKING_URI; {line}", tmp_path
    )


def test_bug_ends_with_its_traceback(first_in_path: Path, tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text("[][3]\n", encoding="utf-8")

    status, _, errors = shell("python it.py", tmp_path, first_in_path)

    assert status == 1
    assert errors.endswith("IndexError: list index out of range\n")


def test_each_fork_begins_with_what_was_imported_and_nothing_else(
    first_in_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "it.py").write_text(
        "import sys, training.settings as s\nprint(hasattr(s, 'left'), 'left.py' in sys.argv); s.left = 1\n",
        encoding="utf-8",
    )

    assert [shell("python it.py", tmp_path, first_in_path)[1] for _ in range(2)] == ["False False\n"] * 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_reaches_the_fork(number: int, first_in_path: Path, tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(
        "import os, pathlib, signal, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "pathlib.Path('pid.new').write_text(str(os.getpid()))\n"
        "os.rename('pid.new', 'pid')\n"
        "time.sleep(60)\n",
        encoding="utf-8",
    )
    with subprocess.Popen([str(first_in_path / "python"), "it.py"], cwd=tmp_path) as typed:
        deadline = time.monotonic() + SECONDS
        while not (tmp_path / "pid").exists():
            assert time.monotonic() < deadline, "the fork did not begin"
            time.sleep(0.02)  # poll

        typed.send_signal(number)

        assert typed.wait(SECONDS) == 128 + number
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_forks_end_with_the_block(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(
        "import time; print('begun', flush=True); time.sleep(60)", encoding="utf-8"
    )

    with forking_programs({TRAINING: ("training.settings",)}) as folder:
        typed = subprocess.Popen(
            [str(folder / "python"), "it.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        assert typed.stdout is not None
        assert typed.stdout.readline() == "begun\n"

    assert typed.wait(SECONDS) == 1
    typed.stdout.close()
