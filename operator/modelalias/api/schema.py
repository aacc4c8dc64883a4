"""From pydantic's JSON schema to the structural schema that a CRD takes.

Kubernetes requires one type per field, without references, alternatives, titles or null. Defaults are named
in the description and not stored: a default in a CRD would be written into what users store, and could never
change again.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from modelalias.api.docstrings import Docs, prose

Schema = dict[str, Any]

_KEPT: Final = (
    "type",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
)
_TRANSLATED: Final = frozenset(
    (
        "$ref",
        "$defs",
        "additionalProperties",
        "anyOf",
        "const",
        "default",
        "description",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "items",
        "patternProperties",
        "properties",
        "propertyNames",
        "title",
    )
)


def structural(model: type[BaseModel], docs: Docs, *, defaults: bool) -> Schema:
    """Return the structural schema of a model.

    With `defaults`, descriptions end with the field's default.
    """
    whole = model.model_json_schema(by_alias=True)
    return _Inliner(whole.get("$defs", {}), docs, defaults=defaults).translate(
        {**whole, "title": model.__name__}
    )


class _Inliner:
    """Translates one schema, with its definitions inlined."""

    def __init__(self, definitions: Mapping[str, Schema], docs: Docs, *, defaults: bool) -> None:
        self._definitions = definitions
        self._docs = docs
        self._defaults = defaults

    def translate(self, raw: Mapping[str, Any], text: str | None = None) -> Schema:
        """Return the schema of one field or object; `text` is the field's docstring."""
        source = self._resolved(raw)
        unknown = sorted(source.keys() - _TRANSLATED - set(_KEPT))
        if unknown:
            raise ValueError(f"no structural form is known for {', '.join(unknown)}")
        out: Schema = {}
        description = self._description(source, text)
        if description:
            out["description"] = description
        out.update((key, json.loads(json.dumps(source[key]))) for key in _KEPT if key in source)
        if "const" in source:
            out["enum"] = [source["const"]]
        for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if exclusive in source:
                out |= {bound: source[exclusive], exclusive: True}
        if out.get("type") == "integer":
            out.setdefault("format", "int64")
        if "items" in source:
            out["items"] = self.translate(source["items"])
        if "properties" in source:
            texts = self._docs.get(source.get("title", ""), {})
            out["properties"] = {
                name: self.translate(item, texts.get(name)) for name, item in source["properties"].items()
            }
        elif out.get("type") == "object":
            self._map(source, out)
        return out

    def _resolved(self, raw: Mapping[str, Any]) -> Schema:
        """Follow references and drop the alternative of null; the field's own keys win."""
        source = dict(raw)
        if "anyOf" in source:
            choices = [item for item in source.pop("anyOf") if item.get("type") != "null"]
            if len(choices) != 1:
                raise ValueError(f"one type per field: {choices}")
            source = {**self._resolved(choices[0]), **_without_title(source)}
        if "$ref" in source:
            target = self._definitions[source.pop("$ref").rpartition("/")[2]]
            source = {**self._resolved(target), **_without_title(source)}
        return source

    def _description(self, source: Mapping[str, Any], text: str | None) -> str:
        described = text or prose(source.get("description", ""))
        meanings_of = self._docs.get(source.get("title", ""), {})
        meanings = [f"{item}: {meanings_of[item]}" for item in source.get("enum", ()) if item in meanings_of]
        default = source.get("default")
        parts = [described, *meanings]
        if self._defaults and isinstance(default, str | int | float):
            parts.append(f"Default: {default if isinstance(default, str) else json.dumps(default)}.")
        return " ".join(part for part in parts if part)

    def _map(self, source: Mapping[str, Any], out: Schema) -> None:
        """Describe the values of a map; a structural schema cannot bound its keys, so a CEL rule does."""
        patterns: Mapping[str, Any] = source.get("patternProperties", {})
        values = source.get("additionalProperties") or next(iter(patterns.values()))
        out["additionalProperties"] = self.translate(values)
        longest = source.get("propertyNames", {}).get("maxLength")
        checks = [f"key.size() <= {longest}"] if longest else []
        checks += [f"key.matches({json.dumps(pattern)})" for pattern in patterns]
        if checks:
            message = f"keys must have at most {longest} characters and match {' '.join(patterns)}"
            out.setdefault("x-kubernetes-validations", []).append(
                {"rule": f"self.all(key, {' && '.join(checks)})", "message": message}
            )


def _without_title(source: Mapping[str, Any]) -> Schema:
    """Drop a title that pydantic generated for a field; a class's title is the key of its docstrings."""
    return {key: value for key, value in source.items() if key != "title"}


def each(schema: Mapping[str, Any], visit: Callable[[str, Mapping[str, Any]], None], path: str = "") -> None:
    """Call `visit` with the path and the schema of every field below."""
    visit(path, schema)
    for name, item in schema.get("properties", {}).items():
        each(item, visit, f"{path}.{name}")
    if "items" in schema:
        each(schema["items"], visit, f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        each(schema["additionalProperties"], visit, f"{path}.*")
