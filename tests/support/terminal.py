"""A terminal in which people type `modelalias`, each under a name of their own."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.support.kube_api import Person
from tests.support.stage import Stage

PROGRAM: Final = Path(sys.executable).with_name("modelalias")
ANA: Final = Person("ana")
"""Who types where a test names nobody."""

Done = subprocess.CompletedProcess[str]


class Terminal:
    """Where somebody types `modelalias`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def start(self, *arguments: str, who: Person | None = ANA) -> "subprocess.Popen[str]":
        name = [] if who is None else ["--as", who.name, *(f"--as-group={group}" for group in who.groups)]
        where = ["--kubeconfig", self._stage.kubeconfig, "-n", self._stage.namespace]
        return subprocess.Popen(
            [str(PROGRAM), *arguments, *where, *name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def type(self, *arguments: str, who: Person | None = ANA) -> Done:
        """Run a command to its end."""
        return finished(self.start(*arguments, who=who))


def finished(process: "subprocess.Popen[str]") -> Done:
    out, err = process.communicate(timeout=120)
    return Done(process.args, process.returncode, out, err)
