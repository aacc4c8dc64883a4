"""What the runner of GitHub Actions gives to a step, and what it takes from one."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_SWITCH: Final = {"true": True, "false": False, "": False}


class WrongInputError(Exception):
    """An input of the action cannot be meant so."""


def given(name: str) -> str:
    """Return an input of the action; "" if it was not given."""
    return os.environ.get(f"INPUT_{name.upper().replace('-', '_')}", "").strip()


def switch(name: str) -> bool:
    """Return an input that is true or false."""
    value = given(name).lower()
    if value not in _SWITCH:
        raise WrongInputError(f"{name} is true or false, not {value!r}")
    return _SWITCH[value]


def output(**values: str) -> None:
    """Set outputs of the step.

    What ends a value is drawn anew for each, so that nobody can write it into the value.
    """
    with _file("GITHUB_OUTPUT").open("a", encoding="utf-8") as file:
        for name, value in values.items():
            end = f"end-{secrets.token_hex(16)}"
            file.write(f"{name.replace('_', '-')}<<{end}\n{value}\n{end}\n")


def summary(markdown: str) -> None:
    """Add to the summary of the job."""
    with _file("GITHUB_STEP_SUMMARY").open("a", encoding="utf-8") as file:
        file.write(f"{markdown}\n")


def annotate(level: str, title: str, message: str) -> None:
    """Show a message (notice, warning, error) on the page of the run."""
    tell(f"::{level} title={_escaped(title).replace(':', '%3A').replace(',', '%2C')}::{_escaped(message)}")


@contextmanager
def without_commands() -> Iterator[None]:
    """Let the runner take no commands out of the log while others write to it."""
    token = secrets.token_hex(16)
    tell(f"::stop-commands::{token}")
    try:
        yield
    finally:
        tell(f"::{token}::")


def tell(line: str) -> None:
    """Write a line to the log."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _file(variable: str) -> Path:
    return Path(os.environ[variable])
