"""Commands that are typed: `modelalias`, or a Python script, each in a fork with an input and output of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.support import forks

PROGRAM: Final = Path(sys.executable).with_name("modelalias")
SECONDS: Final = 120.0

Done = subprocess.CompletedProcess[str]


class Typed:
    """A command that was typed, in a fork (`forks`) with an input and output of its own."""

    def __init__(
        self,
        *words: str,
        environ: Mapping[str, str] | None = None,
        stdin: str = "",
        script: Path | None = None,
    ) -> None:
        """Start `modelalias` with these words, or a Python script in its place."""
        self.words = words
        self._folder = TemporaryDirectory(prefix="typed-")
        self._input, self._output, self._errors = (
            Path(self._folder.name, name) for name in ("stdin", "stdout", "stderr")
        )
        self._input.write_text(stdin, encoding="utf-8")
        place = forks.Place(
            dict(os.environ if environ is None else environ),
            str(Path.cwd()),
            (str(self._input), str(self._output), str(self._errors)),
        )
        self._process: ForkServerProcess = (
            forks.forks().Process(
                target=forks.call, args=("modelalias.cli.main", (str(PROGRAM), *words), place), daemon=True
            )
            if script is None
            else forks.forks().Process(target=forks.run_script, args=(script, place), daemon=True)
        )
        self._process.start()

    def finished(self) -> Done:
        """Wait until it has ended, and return how."""
        with self._folder:
            self._process.join(SECONDS)
            if self._process.exitcode is None:
                self._process.kill()
                self._process.join()
                raise AssertionError(f"not ended within {SECONDS:g} s: {self.words}\n{self._shown()}")
            out, errors = self._shown()
        return Done(self.words, self._process.exitcode, out, errors)

    def _shown(self) -> tuple[str, str]:
        out, errors = (
            file.read_text(encoding="utf-8") if file.exists() else "" for file in (self._output, self._errors)
        )
        return out, errors


def typed(*words: str, environ: Mapping[str, str] | None = None, stdin: str = "") -> Done:
    """Run `modelalias` with these words to its end."""
    return Typed(*words, environ=environ, stdin=stdin).finished()
