"""The examples in each command's help are true: the parser takes every one of them."""

import argparse
import re
import shlex
from collections.abc import Iterator, Sequence

import pytest

from modelalias.cli.main import COMMANDS, parser

PROGRAM = "modelalias"


def _examples(command: str) -> list[list[str]]:
    """Return the words of each example in the help of a command."""
    known = parser([command])
    commands = next(item for item in known._actions if isinstance(item, argparse._SubParsersAction))  # noqa: SLF001
    text = commands.choices[command].format_help()
    found = re.split(r"^examples?:\n", text, flags=re.MULTILINE)[1].partition("\n\n")[0].replace("\\\n", " ")
    return [words for line in found.splitlines() for words in _calls(line)]


def _calls(line: str) -> Iterator[list[str]]:
    """Return each call of the program in a line of shell: what stands between pipes, and in $() or <()."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("();<>|&"):
            if PROGRAM in words:
                yield words[words.index(PROGRAM) + 1 :]
            words = []
        elif not word.endswith("$"):
            words.append(word)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_an_example_that_can_be_typed(command: str) -> None:
    examples = _examples(command)

    assert [words for words in examples if words[0] == command], "no example"
    for words in examples:
        parser(words).parse_args(words)


@pytest.mark.parametrize(
    ("line", "calls"),
    [
        ("modelalias gate -f a.yaml > out.json", [["gate", "-f", "a.yaml"]]),
        ("modelalias promote a | kubectl create -f -", [["promote", "a"]]),
        ("source <(modelalias completion bash)   # in ~/.bashrc", [["completion", "bash"]]),
        ("modelalias abort a && modelalias status a", [["abort", "a"], ["status", "a"]]),
        ("kubectl get pods", []),
    ],
)
def test_calls_are_found_in_a_line_of_shell(line: str, calls: Sequence[list[str]]) -> None:
    assert [*_calls(line)] == calls
