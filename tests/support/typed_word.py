"""What a shell starts in place of `modelalias` and `python`: it has a fork do the work, see `typed_programs.py`.

It is copied into a folder that is first in PATH and has the sockets beside it. Python's own library is all that it needs, so
that it starts in a moment.
"""

import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

MODELALIAS, TRAINING = "modelalias", "training"
NUMBER = struct.Struct("!i")
_HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LIKE_A_SHELL = 128
"""What a shell adds to the number of the signal that ended a program."""


def main(program: Path, words: Sequence[str]) -> int:
    """Have the program run, and return its exit status; what nobody forks is started instead."""
    server = _server(program.name, words)
    if server is None:
        real = str(Path(sys.executable).with_name(program.name))
        os.execv(real, [real, *words])  # noqa: S606 - the Python of the environment
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANDED_ON)  # until there is somebody to hand them on to
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(program.with_name(f"{server}.socket")))
    asked = json.dumps([words, str(Path.cwd()), dict(os.environ)]).encode()
    socket.send_fds(connection, [NUMBER.pack(len(asked))], [0, 1, 2])
    connection.sendall(asked)
    with connection.makefile("rb") as answers:
        (pid,) = NUMBER.unpack(answers.read(NUMBER.size))
        signals = _handed_on(pid)
        status = answers.read(NUMBER.size)
        answers.read()  # until it has ended
    if status:
        return int(NUMBER.unpack(status)[0])
    return _LIKE_A_SHELL + signals[-1] if signals else 1


def _server(name: str, words: Sequence[str]) -> str | None:
    if name == MODELALIAS:
        return MODELALIAS
    match [*words]:
        case ["-m", module, *_] if module.startswith("training."):
            return TRAINING
        case [file, *_] if file.endswith(".py"):
            return TRAINING
        case _:
            return None


def _handed_on(pid: int) -> Sequence[int]:
    """Hand on what the shell tells this process; return the signals that came, as they come."""
    came: list[int] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        os.kill(pid, number)

    for number in _HANDED_ON:
        signal.signal(number, hand_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDED_ON)
    return came


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[0]), sys.argv[1:]))
