"""The table of values in the chart's README, made of the comments in values.yaml.

As in many charts, a comment that begins with two dashes describes the value under it. What stands below a described value
needs no description of its own.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import yaml

BEGIN: Final = "<!-- values: made by `make crds` from values.yaml -->\n"
END: Final = "<!-- end of values -->\n"
_COMMENT: Final = re.compile(r"^ *# (-- )?(?P<text>.*)$")
_KEY: Final = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][A-Za-z0-9]*):(?: |$)")
_INDENT: Final = 2


class Described(NamedTuple):
    """A value and what is said of it."""

    path: tuple[str, ...]
    text: str


class UndescribedError(Exception):
    """Values of which nothing is said."""


def with_table(page: str, values: str) -> str:
    """Return the page with the table of these values.

    Raises:
        UndescribedError: a value has no description.
    """
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table(values)}{END}{after}"


def table(values: str) -> str:
    """Return a row for each described value."""
    found = [*described(values)]
    tree = yaml.safe_load(values)
    paths = [item.path for item in found]
    missing = [path for path in _leaves(tree, ()) if not any(path[: len(it)] == it for it in paths)]
    if missing:
        raise UndescribedError(f"values.yaml says nothing of {', '.join('.'.join(path) for path in missing)}")
    head = "| value | default | meaning |\n|---|---|---|\n"
    return head + "".join(
        f"| `{'.'.join(item.path)}` | {_default(tree, item.path)} | {_escaped(item.text)} |\n"
        for item in found
    )


def described(values: str) -> Iterator[Described]:
    """Yield what the comments describe, in order."""
    comment: list[str] = []
    above: list[str] = []
    for line in values.splitlines():
        if (said := _COMMENT.match(line)) is not None:
            if said[1]:
                comment = []
            comment = [*comment, said["text"]] if said[1] or comment else []
            continue
        if (key := _KEY.match(line)) is not None:
            above = [*above[: len(key["indent"]) // _INDENT], key["key"]]
            if comment:
                yield Described(tuple(above), " ".join(comment))
        comment = []


def _leaves(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(node, Mapping) and node:
        for key, item in node.items():
            yield from _leaves(item, (*path, key))
    else:
        yield path


def _default(tree: Mapping[str, Any], path: Sequence[str]) -> str:
    node: Any = tree
    for key in path:
        node = node[key]
    return f"`{json.dumps(node)}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
