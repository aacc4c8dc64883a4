"""Reading YAML that somebody else wrote, as None, texts, lists and dicts.

It is read by the events of the YAML parser. Within a megabyte, deep nesting ends the process in PyYAML's `load` and
`compose` over libyaml, a tag such as `!!bool x` raises what nobody expects, and the parser in Python takes ten
seconds.
"""

from typing import Any, Final

import yaml
from yaml.events import AliasEvent, MappingEndEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

DEEPEST: Final = 50
"""Levels of nesting; libyaml's time rises with the square."""

NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})

LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NonsenseError(ValueError):
    """The text makes no sense as what it should be; the message says what it is instead."""


def mapping(text: str) -> dict[str, object]:
    """Return the only document of a text, which is a mapping; raise `NonsenseError`."""
    try:
        content = _document(LOADER(text))
    except yaml.YAMLError as error:
        raise NonsenseError("is not YAML") from error
    if not isinstance(content, dict):
        raise NonsenseError("is not a mapping")
    return content


def _document(loader: Any) -> object:
    """Read the only document of a stream."""
    loader.get_event()
    if loader.check_event(yaml.StreamEndEvent):
        raise NonsenseError("is empty")
    loader.get_event()
    content = _node(loader, DEEPEST)
    loader.get_event()
    if not loader.check_event(yaml.StreamEndEvent):
        raise NonsenseError("holds several documents")
    return content


def _node(loader: Any, depth: int) -> object:
    """Read a node: None, text, a list or a dict; a reference to another node is the text of its name."""
    event = loader.get_event()
    if isinstance(event, ScalarEvent):
        return None if event.implicit[0] and event.value in NULLS else event.value
    if isinstance(event, AliasEvent):
        return event.anchor
    if not depth:
        raise NonsenseError(f"is nested more than {DEEPEST} levels deep")
    if isinstance(event, SequenceStartEvent):
        return _items(loader, depth - 1)
    return _pairs(loader, depth - 1)


def _items(loader: Any, depth: int) -> list[object]:
    items = []
    while not loader.check_event(SequenceEndEvent):
        items.append(_node(loader, depth))
    loader.get_event()
    return items


def _pairs(loader: Any, depth: int) -> dict[str, object]:
    pairs: dict[str, object] = {}
    while not loader.check_event(MappingEndEvent):
        key, value = _node(loader, depth), _node(loader, depth)
        if isinstance(key, str):
            pairs[key] = value
    loader.get_event()
    return pairs
