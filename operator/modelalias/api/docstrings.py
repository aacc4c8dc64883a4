"""The docstring of each field: the text that `kubectl explain` and the reference print.

A string literal under a field or an enum member documents it. It is read from the source when the CRDs are
generated, so that the operator does not parse its own source at each start.
"""

import ast
import inspect
from collections.abc import Iterable, Mapping
from types import ModuleType

from pydantic.alias_generators import to_camel

Docs = Mapping[str, Mapping[str, str]]
"""Class name -> name on the wire (of an enum member: its value) -> text."""


def field_docstrings(modules: Iterable[ModuleType]) -> Docs:
    """Collect the text under each field and enum member of the modules' classes."""
    docs: dict[str, dict[str, str]] = {}
    for module in modules:
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
                inherited = [text for base in bases for text in docs.get(base, {}).items()]
                docs[node.name] = {**dict(inherited), **_documented(node)}
    return docs


def prose(text: str) -> str:
    """Join the lines of a docstring into one line, without the marks of code."""
    return " ".join(text.split()).replace("`", "")


def _documented(node: ast.ClassDef) -> dict[str, str]:
    texts: dict[str, str] = {}
    for field, text in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            name = _wire_name(field)
            if name is not None:
                texts[name] = prose(text.value.value)
    return texts


def _wire_name(field: ast.stmt) -> str | None:
    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
        return to_camel(field.target.id.rstrip("_"))
    if (
        isinstance(field, ast.Assign)
        and isinstance(field.value, ast.Constant)
        and isinstance(field.value.value, str)
    ):
        return field.value.value
    return None
