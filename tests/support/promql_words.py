"""What a PromQL expression of ours names: metrics with what it asks of their labels, and labels that it groups by."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

SCRAPED: Final = frozenset({"job", "instance"})
"""What Prometheus itself puts on each series."""
_SELECTOR: Final = re.compile(r"\b((?:modelalias|process|python)_\w+)(?:\{([^}]*)\})?")
_MATCHER: Final = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING: Final = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_STRING: Final = re.compile(r'"[^"]*"')
_OF_A_HISTOGRAM: Final = re.compile(r"_(?:bucket|count|sum)$")


class Selector(NamedTuple):
    """A metric, and the values that each label is compared with."""

    metric: str
    values: Mapping[str, Sequence[str]]


def selectors(expression: str) -> Iterator[Selector]:
    """Yield each metric that an expression reads; a regular expression of ours is words with | between them."""
    for metric, matchers in _SELECTOR.findall(expression):
        yield Selector(metric, {label: text.split("|") for label, text in _MATCHER.findall(matchers)})


def groupings(expression: str) -> set[str]:
    """Return the labels that an expression groups or joins by."""
    lists = _GROUPING.findall(_STRING.sub("", expression))
    return {label for text in lists for label in re.findall(r"\w+", text)}


def base(metric: str, known: Mapping[str, object]) -> str:
    """Return the name under which a metric is known: that of the histogram of which it is a part."""
    return metric if metric in known else _OF_A_HISTOGRAM.sub("", metric)


def unknown(expression: str, known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Yield what an expression names and is not there; `known` has the labels of each metric."""
    there = set(SCRAPED)
    for metric, values in selectors(expression):
        labels = known.get(base(metric, known))
        if labels is None:
            yield metric
            continue
        there |= labels
        yield from (f"{metric}{{{label}}}" for label in values if label not in labels | SCRAPED)
    yield from sorted(groupings(expression) - there - {"le"})
