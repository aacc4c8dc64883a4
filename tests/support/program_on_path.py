"""A program `modelalias` for scripts that find it on their path: it is run in a fork (`forks`).

The script that stands there says who it is and waits for the status; the arguments, environment, folder, input and
output of its process are what the system tells of them.
"""

import os
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support import forks
from tests.support.typed import PROGRAM, SECONDS

END: Final = b"end"
STOPPED: Final = 128
"""What a shell adds to the number of the signal that ended a program."""


@contextmanager
def program_on_path(folder: Path) -> Iterator[Path]:
    """Put the program into a folder until the block ends, and return the folder to have first on the path."""
    asked = folder / "asked"
    os.mkfifo(asked)
    script = folder / PROGRAM.name
    script.write_text(f"""#!/bin/sh
answer={shlex.quote(str(folder))}/$$
mkfifo "$answer" && echo $$ >{shlex.quote(str(asked))} && read -r status <"$answer" && exit "$status"
exit 125
""")
    script.chmod(0o700)
    with asked.open("r+b", buffering=0) as desk, ThreadPoolExecutor() as threads:
        listening = threads.submit(_listen, desk.fileno(), folder, threads)
        try:
            yield folder
        finally:
            os.write(desk.fileno(), END + b"\n")
            listening.result()


def _listen(desk: int, folder: Path, threads: ThreadPoolExecutor) -> None:
    with os.fdopen(os.dup(desk), "rb") as lines:
        for line in lines:
            if line.strip() == END:
                return
            threads.submit(_answer, folder / line.strip().decode())


def _answer(place: Path) -> None:
    """Run what the process of that number asks for, and tell it the status."""
    status = STOPPED
    try:
        status = _run(Path("/proc", place.name))
    finally:
        place.write_text(f"{status if status >= 0 else STOPPED - status}\n")
        place.unlink()


def _run(process: Path) -> int:
    _, *words = _texts(process / "cmdline")  # the shell, the program, and what it was asked
    environ = dict(text.split("=", 1) for text in _texts(process / "environ"))
    read, write, errors = (str(process / "fd" / str(number)) for number in range(3))
    place = forks.Place(environ, str((process / "cwd").readlink()), (read, write, errors))
    fork = forks.forks().Process(target=forks.call, args=("modelalias.cli.main", words, place), daemon=True)
    fork.start()
    fork.join(SECONDS)
    if fork.exitcode is None:
        fork.kill()
        fork.join()
    assert fork.exitcode is not None
    return fork.exitcode


def _texts(file: Path) -> list[str]:
    return file.read_bytes().decode().split("\0")[:-1]
