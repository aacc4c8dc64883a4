"""YAML as Kubernetes reads and writes it, where PyYAML takes it for something else.

kubectl and the API server read with Go's YAML of version 1.1 with parts of 1.2: `1e-3` and `0o17` are numbers, `y`
and `on` are true, and neither a date nor `1:30` is anything but a text. `kubectl label --local -o json` shows it.
"""

import math
import re
from collections.abc import Hashable, Mapping
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, ScalarNode

_PLAIN: Final = "tag:modelalias.dev,2026:plain"
_MERGE: Final = "tag:yaml.org,2002:merge"
_MERGE_KEY: Final = "<<"
_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGERS: Final = (
    (re.compile(r"[-+]?0[xX][0-9A-Fa-f]+"), 16),
    (re.compile(r"[-+]?0[bB][01]+"), 2),
    (re.compile(r"[-+]?0[oO]?[0-7]+"), 8),
    (re.compile(r"[-+]?(0|[1-9][0-9]*)"), 10),
)
_PREFIX: Final = re.compile(r"^([-+]?)0[xXbBoO]")
_BREAKS: Final = re.compile("[\x85\u2028\u2029]")
_LARGEST: Final = 2**64

Plain = str | int | float | bool | None


def read_plain(text: str) -> Plain:
    """Return what Kubernetes reads in a text without quotes; raise `ValueError` for a number that is no JSON."""
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is no number in JSON")
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "")
    for pattern, base in _INTEGERS:
        if pattern.fullmatch(digits):
            number = int(_PREFIX.sub(r"\1", digits), base)
            return number if -_LARGEST // 2 <= number < _LARGEST else _float(digits) or text
    if not _FLOAT.fullmatch(digits):
        return text
    value = _float(digits)
    if value is None:
        return text
    return int(value) if value.is_integer() and abs(value) < _LARGEST else value


def _float(digits: str) -> float | None:
    """Return the number; None for one that is too large to be a float, which Kubernetes takes for a text."""
    value = float(digits)
    return None if math.isinf(value) else value


class _Loader(yaml.SafeLoader):
    """Reads plain scalars as Kubernetes does, and keys as the texts that JSON wants."""

    def resolve(self, kind: type[Any], value: Any, implicit: Any) -> Any:
        """Leave a plain scalar to our own reading; a merge key stays what it is."""
        if kind is ScalarNode and implicit[0]:
            return _MERGE if value == _MERGE_KEY else _PLAIN
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]  # PyYAML's

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping of texts."""
        return {_key(key): value for key, value in super().construct_mapping(node, deep).items()}


class _Dumper(yaml.SafeDumper):
    """Puts quotes around a text that Kubernetes would read as something else."""

    def resolve(self, kind: type[Any], value: Any, implicit: Any) -> Any:
        """Return what a scalar without quotes would be read as, by PyYAML or by Kubernetes."""
        tag = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]  # PyYAML's
        if kind is ScalarNode and implicit[0] and tag == yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG:
            return tag if _is_text(value) else _PLAIN
        return tag


def _is_text(value: str) -> bool:
    try:
        return isinstance(read_plain(value), str)
    except ValueError:
        return False


def _key(key: Hashable) -> Hashable:
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key) if isinstance(key, int | float) else key


def _text(dumper: yaml.SafeDumper, text: str) -> ScalarNode:
    """Escape what PyYAML would write as it is and read as the end of a line."""
    style = '"' if _BREAKS.search(text) else None
    return dumper.represent_scalar(yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG, text, style)


_Dumper.add_representer(str, _text)
_Loader.add_constructor(_PLAIN, lambda _, node: read_plain(node.value))
_Loader.add_constructor(_MERGE, lambda _, node: node.value)


def load_all(text: str) -> list[Any]:
    """Return the documents; raise `yaml.YAMLError`, and `ValueError` and others for what no object can have."""
    return list(yaml.load_all(text, Loader=_Loader))


def dump(body: object) -> str:
    """Write an object so that Kubernetes reads the same; a line is not broken."""
    text: str = yaml.dump(
        body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**16, default_flow_style=False
    )
    return text
