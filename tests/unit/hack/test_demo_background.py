"""Work behind the story: one command after another, a failure with its last words, an end for all of it."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from hack.cluster.processes import start_time
from hack.demo.background import BackgroundError, Command, Line, wait_for

SECONDS = 20.0


def line(folder: Path, *commands: Sequence[str]) -> Line:
    return Line(
        "cluster", [Command(words, polite=True) for words in commands], folder, folder / "log" / "line.log"
    )


def test_commands_run_one_after_another(tmp_path: Path) -> None:
    behind = line(tmp_path, ["sh", "-c", "echo one"], ["sh", "-c", "echo two"])

    behind.start()

    assert behind.wait(SECONDS)
    assert behind.last_lines(5) == "one\ntwo"


def test_a_failure_ends_the_line_and_shows_its_last_words(tmp_path: Path) -> None:
    behind = line(tmp_path, ["sh", "-c", "echo no disk >&2; exit 3"], ["touch", "never"])

    behind.start()

    with pytest.raises(BackgroundError, match=r"cluster failed \(status 3\).*line.log ends with\nno disk"):
        wait_for([behind])
    assert not (tmp_path / "never").exists()


def test_a_program_that_is_missing_is_a_failure(tmp_path: Path) -> None:
    behind = Line("cluster", [Command(["no-such-program"])], tmp_path, tmp_path / "line.log")

    behind.start()

    with pytest.raises(BackgroundError, match="no-such-program: No such file"):
        wait_for([behind])


def test_stopping_ends_the_command_and_begins_no_other(tmp_path: Path) -> None:
    program = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    behind = line(tmp_path, [sys.executable, "-c", program], ["touch", "never"])
    behind.start()
    pid = _written(tmp_path / "pid")

    behind.stop()

    with pytest.raises(BackgroundError):
        behind.wait(SECONDS)
    assert start_time(pid) is None
    assert not (tmp_path / "never").exists()


def test_ctrl_c_of_the_terminal_is_left_to_the_demonstration(tmp_path: Path) -> None:
    behind = line(tmp_path, [sys.executable, "-c", "import os; print(os.getpgid(0), os.getpriority(0, 0))"])

    behind.start()
    assert behind.wait(SECONDS)

    group, niceness = map(int, behind.last_lines().split())
    assert group != os.getpgid(0)
    assert niceness > os.getpriority(os.PRIO_PROCESS, 0)


def test_what_goes_on_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    behind = line(tmp_path, ["sh", "-c", "echo compiling; sleep 0.5"])
    behind.start()
    while not behind.last_lines() and not behind.wait(0.05):
        pass

    wait_for([behind])

    assert "cluster: compiling" in capfd.readouterr().out


def _written(file: Path) -> int:
    deadline = time.monotonic() + SECONDS
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline, f"{file} was not written"
        time.sleep(0.02)  # poll
    return int(file.read_text())


def test_a_line_that_never_began_can_be_stopped(tmp_path: Path) -> None:
    line(tmp_path, ["true"]).stop()

    assert not (tmp_path / "log").exists()
