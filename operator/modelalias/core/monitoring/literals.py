"""The variables in a PromQL query, and the string literals in which they stand.

The rest of a query is Prometheus' to judge. What is taken for a literal here has to be one for Prometheus too, so
that a backslash outside of literals, which PromQL does not have and others that answer like Prometheus read in
their own way, is refused. The models of the API do not refuse any of it: no CEL could, and an object that the API
server takes and the models do not is passed over without a word in its status.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Variable(StrEnum):
    """What a query can leave to the operator."""

    VERSION = "version"
    MODEL = "model"
    NAMESPACE = "namespace"


class Use(StrEnum):
    """What Prometheus reads in a literal."""

    TEXT = "text"
    REGEX = "regex"
    REPLACEMENT = "replacement"
    """The text that label_replace puts in, where $1 stands for a group."""


@dataclass(frozen=True)
class Literal:
    """A literal with variables: where it begins and ends, quotes included, and what it says."""

    start: int
    end: int
    use: Use
    parts: tuple[str | Variable, ...]


KNOWN: Final = ", ".join(f"${item}" for item in Variable)

_SHOWN: Final = 40
_HIGHEST_ASCII: Final = 0x7F
_TOKEN: Final = re.compile(
    r"""
    (?P<skipped>\#[^\r\n]* | \s+)
    | (?P<literal>"(?:[^"\\\n]|\\[^\n])*" | '(?:[^'\\\n]|\\[^\n])*' | `[^`]*`)
    | (?P<opens>[(\[{]) | (?P<closes>[)\]}]) | (?P<comma>,) | (?P<regex>[=!]~)
    | (?P<word>[A-Za-z_:][A-Za-z0-9_:]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(
    r"\\(?:(?P<letter>[abfnrtv\\])|(?P<quote>['\"])|(?P<octal>[0-7]{3})"
    r"|x(?P<byte>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<wrong>.?))"
)
_LETTERS: Final = dict(zip("abfnrtv\\", "\a\b\f\n\r\t\v\\", strict=True))
_DOLLAR: Final = re.compile(r"\$(?:\{(?P<braced>[^{}]*)(?P<closed>\}?)|(?P<plain>[A-Za-z_][A-Za-z0-9_]*))")
_GROUP_ARGUMENTS: Final = {2: Use.REPLACEMENT, 4: Use.REGEX}
"""The arguments of label_replace, from 0, that are more than text."""


def literals(query: str) -> tuple[Literal, ...]:
    """Return the literals of a query that have variables; raise ValueError that says what to write instead."""
    return tuple(_literals(query))


@dataclass
class _Place:
    """What stands before a token: the open brackets, each with its function and argument, and the last token."""

    open: list[tuple[str, int]] = field(default_factory=list)
    last: str = ""
    word: str = ""

    def use(self) -> Use:
        """Return what a literal is read as here."""
        if self.last == "regex":
            return Use.REGEX
        function, argument = self.open[-1] if self.open else ("", 0)
        return _GROUP_ARGUMENTS.get(argument, Use.TEXT) if function == "label_replace" else Use.TEXT

    def step(self, kind: str, text: str) -> None:
        """Go past a token."""
        if kind == "opens":
            self.open.append((self.word if text == "(" and self.last == "word" else "", 0))
        elif kind == "closes" and self.open:
            self.open.pop()
        elif kind == "comma" and self.open:
            function, argument = self.open.pop()
            self.open.append((function, argument + 1))
        self.last, self.word = kind, text.lower()


def _literals(query: str) -> Iterator[Literal]:
    place = _Place()
    for token in _TOKEN.finditer(query):
        kind, text = token.lastgroup or "", token[0]
        if kind == "skipped":
            continue
        if kind == "other":
            _refuse_outside(query, token.start())
        if kind == "literal" and _DOLLAR.search(text):
            parts = _parts(text, place.use())
            if any(isinstance(part, Variable) for part in parts):
                yield Literal(token.start(), token.end(), place.use(), parts)
        place.step(kind, text)


def _refuse_outside(query: str, at: int) -> None:
    """Refuse what can be no token by itself, or hides where a literal begins."""
    character = query[at]
    if character in "\"'`":
        raise ValueError(f"the string that begins with {_shown(query[at:])} does not end")
    if character == "\\":
        raise ValueError("there is a backslash outside of a string, which PromQL does not have: remove it")
    if character == "$":
        found = _DOLLAR.match(query, at)
        name = found[0] if found else "$"
        raise ValueError(
            f'{_shown(name)} stands outside of a string: write it inside of one, as in {{version="$version"}}'
        )


def _parts(literal: str, use: Use) -> tuple[str | Variable, ...]:
    text = literal[1:-1] if literal[0] == "`" else _unescaped(literal)
    parts: list[str | Variable] = []
    done = 0
    for found in _DOLLAR.finditer(text):
        variable = _variable(found)
        if variable is None:
            continue
        before = text[done : found.start()]
        _check_before(text[: found.start()], found[0], use)
        parts += [before, variable] if before else [variable]
        done = found.end()
    return (*parts, text[done:]) if text[done:] else tuple(parts)


def _variable(found: re.Match[str]) -> Variable | None:
    """Return which variable that is, None for a group of label_replace or the end of a line in a regex."""
    name = found["plain"] or found["braced"] or ""
    whole = found["plain"] is not None or found["closed"] == "}"
    if found["braced"] is not None and whole and re.fullmatch(r"[0-9]+", name):
        return None
    if whole and name in set(Variable):
        return Variable(name)
    raise ValueError(
        f"{_shown(found[0])} is no variable: there are {KNOWN}, also as ${{version}}; "
        "a group of label_replace has a number, as in $1"
    )


def _check_before(text: str, name: str, use: Use) -> None:
    """Refuse a variable of which the text before it would make something else than the variable's value."""
    if text.endswith("$"):
        raise ValueError(f"{_shown('$' + name)} has two $: write one")
    if use is not Use.REGEX:
        return
    if (len(text) - len(text.rstrip("\\"))) % 2 or r"\Q" in text:
        raise ValueError(
            f"a backslash quotes {_shown(name)} in a regular expression: remove it, the value is quoted anyway"
        )


def _unescaped(literal: str) -> str:
    quote = literal[0]
    return _ESCAPE.sub(lambda found: _character(found, quote), literal[1:-1])


def _character(found: re.Match[str], quote: str) -> str:
    """Return what an escape stands for; raise ValueError for what no text can hold, such as half of a character."""
    if letter := found["letter"]:
        return _LETTERS[letter]
    if found["quote"] == quote:
        return quote
    byte = int(found["octal"], 8) if found["octal"] else int(found["byte"] or "ff", 16)
    if byte <= _HIGHEST_ASCII:
        return chr(byte)
    code = int(found["short"] or found["long"] or "ffffffff", 16)
    if code <= sys.maxunicode and unicodedata.category(chr(code)) != "Cs":
        return chr(code)
    raise ValueError(
        f"{_shown(found[0])} is no escape that a string with a variable may have: write the character itself, "
        r"\\ for a backslash"
    )


def _shown(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
