"""A monitor's query as it is asked for one version.

A literal with variables is read, its variables are replaced, and the whole is written anew as a literal:
nothing that a value contains is ever part of the query's own syntax.
"""

import re
from collections.abc import Mapping
from typing import Final

from modelalias.core.errors import InvalidRequest
from modelalias.core.monitoring.literals import Literal, Use, Variable, literals

_PLAIN: Final = re.compile(r"[ !#-\[\]-~]*")
"""What a double-quoted literal holds as it is."""


def render(query: str, *, version: str, model: str, namespace: str) -> str:
    """Return the query with its variables replaced; raise `InvalidRequest` that says what to write instead."""
    values = {Variable.VERSION: version, Variable.MODEL: model, Variable.NAMESPACE: namespace}
    rendered, done = [], 0
    for literal in _literals(query):
        rendered += [query[done : literal.start], _written(literal, values)]
        done = literal.end
    return "".join((*rendered, query[done:]))


def names_version(query: str) -> bool:
    """Return whether the query asks for one version; raise `InvalidRequest` as `render` does."""
    return any(Variable.VERSION in literal.parts for literal in _literals(query))


def _literals(query: str) -> tuple[Literal, ...]:
    try:
        return literals(query)
    except ValueError as error:
        raise InvalidRequest(f"the query cannot be asked: {error}") from error


def _written(literal: Literal, values: Mapping[Variable, str]) -> str:
    parts = (_as(literal.use, values[part]) if isinstance(part, Variable) else part for part in literal.parts)
    return quoted("".join(parts))


def _as(use: Use, value: str) -> str:
    """Return what stands for just this text, whatever is around it.

    In a regular expression it is a group, so that a digit in braces is no count and `+` means the whole.
    """
    match use:
        case Use.REGEX:
            return f"(?:{re.escape(value)})"
        case Use.REPLACEMENT:
            return value.replace("$", "$$")
        case Use.TEXT:
            return value


def quoted(text: str) -> str:
    """Return a PromQL literal that says the text.

    Beyond ASCII it is all escapes: Prometheus takes a U+FFFD in a query for broken UTF-8.
    """
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if _PLAIN.fullmatch(character):
        return character
    if character in {'"', "\\"}:
        return f"\\{character}"
    return r"\n" if character == "\n" else f"\\U{ord(character):08x}"
