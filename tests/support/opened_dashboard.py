"""`modelalias dashboard` as a person runs it: a process, whose printed address opens the pages once."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Final
from urllib.request import urlopen

from tests.support.kube_api import Person
from tests.support.typed import PROGRAM

STOP_SECONDS: Final = 20.0
_ADDRESS: Final = re.compile(r"(http://127\.0\.0\.1:[0-9]+)/\?token=\S+")


@dataclass(frozen=True)
class Dashboard:
    """Where somebody's pages are, and the cookie that opens them."""

    origin: str
    cookie: tuple[str, str]
    pid: int


@contextmanager
def dashboard(
    kubeconfig: str, namespace: str, who: Person | None, *flags: str, is_watched: bool = True
) -> Iterator[Dashboard]:
    """Run the command until the block ends, and open its address; it has to end well and, if watched, in silence."""
    name = [] if who is None else ["--as", who.name, *(f"--as-group={group}" for group in who.groups)]
    command = [str(PROGRAM), "dashboard", "--port", "0", "--kubeconfig", kubeconfig, "-n", namespace]
    process = subprocess.Popen(
        [*command, *name, *flags], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        address = _ADDRESS.search(line)
        assert address is not None, f"it printed no address: {line}{process.stderr.read()}"
        yield Dashboard(address.group(1), _cookie(address.group()), process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
    assert process.returncode == 0, said
    assert not said or not is_watched, said


def _cookie(address: str) -> tuple[str, str]:
    with urlopen(address) as answer:  # noqa: S310 - matched above
        cookies = SimpleCookie(answer.headers["Set-Cookie"])
    morsel = next(iter(cookies.values()))
    return morsel.key, morsel.value
