"""Run the commands of a README in their order, compare, and say in the end what was proved."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hack.example.compare import matches
from hack.example.readme import Block, Command
from hack.example.shell import Done, Shell, TooLongError, shell

COMMAND_SECONDS: Final = 240.0
"""More than any command takes on a busy machine: what waits in an example has a timeout of its own below it."""

Say = Callable[[str], None]


class PlayError(RuntimeError):
    """A command did something else than the README shows; the message shows both."""


@dataclass(frozen=True)
class Proof:
    """What a block proved, and the command at which that was seen."""

    claim: str
    command: str


def play(
    blocks: Sequence[Block], folder: Path, environ: Mapping[str, str], say: Say, show: Say
) -> Sequence[Proof]:
    """Run all blocks in one shell that begins in the folder, and return what they proved.

    Each command is said before it runs, and each line that it prints is shown at once.

    Raises:
        PlayError: a command printed something else, failed, or did not end in its time.
    """
    proofs = []
    with shell(folder, environ) as running:
        for block in blocks:
            for command, following in zip(block.commands, (*block.commands[1:], None), strict=True):
                _run(running, command, following, say, show)
            if block.claim:
                shows = next(command for command in reversed(block.commands) if command.output)
                proofs.append(Proof(block.claim, shows.text.splitlines()[0]))
    return proofs


def _run(running: Shell, command: Command, following: Command | None, say: Say, show: Say) -> None:
    first, *others = command.text.splitlines()
    say("\n".join([f"$ {first}", *(f"> {line}" for line in others)]))
    began = time.monotonic()
    try:
        done = running.run(command.text, COMMAND_SECONDS, show)
    except TooLongError as error:
        raise PlayError(
            f"line {command.line}: {first}: {error} ({time.monotonic() - began:.0f} s)"
        ) from error
    if not matches(command.output, done.printed):
        raise PlayError(_difference(command, done))
    # a reader is told of another status than 0 by a command that shows it
    if done.status != 0 and not (following and "$?" in following.text):
        raise PlayError(
            f"line {command.line}: {first}: exit status {done.status}, and the README does not show it"
        )


def _difference(command: Command, done: Done) -> str:
    return "\n".join(
        [
            f"line {command.line}: {command.text}",
            "the README shows",
            *(f"  {line}" for line in command.output),
            f"it printed (exit status {done.status})",
            *(f"  {line}" for line in done.printed),
        ]
    )


def summary(name: str, proofs: Sequence[Proof], seconds: float) -> str:
    """Return what is printed in the end."""
    lines = [f"{name}: proved in {seconds:.0f} s"]
    for proof in proofs:
        lines += [f"  {proof.claim}", f"      $ {proof.command}"]
    return "\n".join(lines)
