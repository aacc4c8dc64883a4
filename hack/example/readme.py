"""From a README to the commands that a user types, with the output below each of them and what they prove.

Commands stand in ```console blocks, each after `$ `; what belongs to it (the lines of a here-document, or what follows a
backslash) after `> `, as a shell shows it. A line that is wholly in italics, right before a block, says what the block
proves. Everything else is for readers.
"""

import re
from dataclasses import dataclass
from typing import Final

_FENCE: Final = "```"
_CONSOLE: Final = "```console"
_CLAIM: Final = re.compile(r"\*(?P<claim>[^*]+)\*")
_COMMAND: Final = "$ "
_MORE: Final = ("> ", ">")


class ReadmeError(ValueError):
    """A README that cannot be run; the message names the line."""


@dataclass(frozen=True)
class Command:
    """What a user types, in line `line` of the README, and what then appears."""

    line: int
    text: str
    output: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """Commands that belong together. `claim` is empty where they only prepare what comes."""

    claim: str
    commands: tuple[Command, ...]


def read(text: str) -> tuple[Block, ...]:
    """Return the blocks of a README in their order.

    Raises:
        ReadmeError: a block does not end, begins with output, or proves something without showing any output.
    """
    lines = text.splitlines()
    blocks = []
    number = 0
    while number < len(lines):
        if lines[number].startswith(_FENCE):
            end = _end_of_block(lines, number)
            if lines[number].strip() == _CONSOLE:
                blocks.append(_block(lines, number, end))
            number = end
        number += 1
    if not blocks:
        raise ReadmeError("there is no ```console block: nothing to run")
    return tuple(blocks)


def _end_of_block(lines: list[str], begin: int) -> int:
    for number in range(begin + 1, len(lines)):
        if lines[number].rstrip() == _FENCE:
            return number
    raise ReadmeError(f"line {begin + 1}: the block does not end")


def has_commands(text: str) -> bool:
    """Return whether a README has commands to run: some show files for elsewhere, such as a pipeline's."""
    return any(line.strip() == _CONSOLE for line in text.splitlines())


def _block(lines: list[str], begin: int, end: int) -> Block:
    commands: list[Command] = []
    for number in range(begin + 1, end):
        line = lines[number].rstrip()
        last = commands[-1] if commands else None
        if line.startswith(_COMMAND):
            commands.append(Command(number + 1, line.removeprefix(_COMMAND)))
        elif last is None:
            raise ReadmeError(f"line {number + 1}: output before the first command")
        elif line.startswith(_MORE) and not last.output:
            commands[-1] = Command(last.line, f"{last.text}\n{line[2:]}")
        else:
            commands[-1] = Command(last.line, last.text, (*last.output, line))
    claim = _claim(lines, begin)
    if claim and not any(command.output for command in commands):
        raise ReadmeError(f"line {begin + 1}: proves that {claim!r}, and shows no output")
    return Block(claim, tuple(commands))


def _claim(lines: list[str], begin: int) -> str:
    before = lines[begin - 1].strip() if begin else ""
    found = _CLAIM.fullmatch(before)
    return found["claim"] if found else ""
