"""A terminal in which people type `modelalias`, each under a name of their own."""

import subprocess
from typing import Final

from tests.support.kube_api import Person
from tests.support.stage import Stage
from tests.support.typed import PROGRAM, Done, Typed

ANA: Final = Person("ana")
"""Who types where a test names nobody."""


class Terminal:
    """Where somebody types `modelalias`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def start(self, *arguments: str, who: Person | None = ANA) -> Typed:
        return Typed(*self._words(*arguments, who=who))

    def process(self, *arguments: str, who: Person | None = ANA) -> subprocess.Popen[str]:
        """Start a process of its own, which tells something before it ends."""
        words = [str(PROGRAM), *self._words(*arguments, who=who)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def _words(self, *arguments: str, who: Person | None) -> list[str]:
        name = [] if who is None else ["--as", who.name, *(f"--as-group={group}" for group in who.groups)]
        where = ["--kubeconfig", self._stage.kubeconfig, "-n", self._stage.namespace]
        return [*arguments, *where, *name]

    def type(self, *arguments: str, who: Person | None = ANA) -> Done:
        """Run a command to its end."""
        return self.start(*arguments, who=who).finished()
