"""The CRDs are what the models say, in the structural form that Kubernetes takes."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from modelalias.api import crds
from modelalias.api.schema import each, structural
from tests.support.kstatus import KStatus, kstatus
from tests.support.quick_yaml import documents

PYDANTIC_ONLY = {"$ref", "$defs", "anyOf", "const", "default", "patternProperties", "propertyNames", "title"}
CRDS = Path(__file__).parents[3] / "crds"


def _nodes(kind: crds.Kind) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the path and the schema of every field that the CRD file holds."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    (stored,) = documents((CRDS / kind.file).read_text(encoding="utf-8"))
    each(
        stored["spec"]["versions"][0]["schema"]["openAPIV3Schema"],
        lambda path, node: found.append((path, node)),
    )
    yield from found


kinds = pytest.mark.parametrize("kind", crds.KINDS, ids=lambda kind: kind.plural)
with_status = pytest.mark.parametrize(
    "kind", [kind for kind in crds.KINDS if kind.status is not None], ids=lambda kind: kind.plural
)


def test_files_are_what_the_models_say() -> None:
    assert crds.differences(CRDS) == ""
    assert sorted(path.name for path in CRDS.glob("*.yaml")) == sorted(kind.file for kind in crds.KINDS)


def test_check_shows_a_difference_and_mends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert crds.main(["--out", str(tmp_path)]) == 0
    path = tmp_path / crds.KINDS[0].file
    stale = path.read_text(encoding="utf-8").replace("maxItems: 32", "maxItems: 33")
    path.write_text(stale, encoding="utf-8")

    code = crds.main(["--out", str(tmp_path), "--check"])

    assert code == 1
    assert "-                    maxItems: 33\n+                    maxItems: 32" in capsys.readouterr().out
    assert path.read_text(encoding="utf-8") == stale


@kinds
def test_schema_is_structural(kind: crds.Kind) -> None:
    for path, node in _nodes(kind):
        own = {"default"} if path == ".status" else set()  # what nobody has looked at is not done
        assert not node.keys() & (PYDANTIC_ONLY - own), path
        assert node["type"] in {"object", "array", "string", "integer", "number", "boolean"}, path
        holds_something = "properties" in node or "additionalProperties" in node
        assert holds_something == (node["type"] == "object" and path != ".metadata"), path


@kinds
def test_every_list_map_and_string_is_bounded(kind: crds.Kind) -> None:
    for path, node in _nodes(kind):
        if path in {".apiVersion", ".kind"}:
            continue
        if node["type"] == "array":
            assert "maxItems" in node, path
        if node["type"] == "string":
            assert "maxLength" in node or "enum" in node or node.get("format") == "date-time", path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path


@kinds
def test_every_field_is_described(kind: crds.Kind) -> None:
    for path, node in _nodes(kind):
        if path.startswith((".spec", ".status")) and not path.endswith(("[]", "*")):
            assert node.get("description", "").endswith("."), path


@kinds
def test_no_bound_is_beyond_what_the_api_server_can_store(kind: crds.Kind) -> None:
    for path, node in _nodes(kind):
        assert abs(node.get("maximum", 0)) < 2**53, path


@with_status
def test_conditions_are_merged_by_type(kind: crds.Kind) -> None:
    conditions = dict(_nodes(kind))[".status.conditions"]

    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


@kinds
def test_columns_show_fields_that_exist(kind: crds.Kind) -> None:
    paths = {path for path, _ in _nodes(kind)} | {".metadata.creationTimestamp"}

    for column in kind.columns:
        assert re.sub(r"\[\?.*?\)]", "[]", column.path) in paths, column.name
    for path in kind.selectable:
        assert path in paths


@kinds
def test_a_column_of_times_says_of_what(kind: crds.Kind) -> None:
    """Beside a phase, a bare "Since" is read as that of the phase."""
    times = {column.name: column.path for column in kind.columns if column.type == "date"}

    assert times.pop("Age") == ".metadata.creationTimestamp"
    assert times == ({"Version-Since": ".status.current.since"} if kind.plural == "modelaliases" else {})


@kinds
def test_what_can_be_selected_has_no_default_that_is_not_stored(kind: crds.Kind) -> None:
    for path in kind.selectable:
        part, name = path.removeprefix(".").split(".")[:2]
        model = {"spec": kind.spec, "status": kind.status}[part]
        assert model is not None
        field = next(item for item in model.model_fields.values() if item.alias == name)
        assert field.is_required() or field.default is None, path


@with_status
def test_an_object_that_nobody_has_looked_at_is_not_done_yet(kind: crds.Kind) -> None:
    """Without an observedGeneration kstatus takes it for current."""
    unseen = {
        "metadata": {"generation": 1},
        "status": crds.root_schema(kind)["properties"]["status"]["default"],
    }

    assert kstatus(unseen) is KStatus.IN_PROGRESS


class Inner(BaseModel):
    """Something inside."""

    half_open: Annotated[float, Field(gt=0, lt=1)]
    either: int | str = 0


class Outer(BaseModel):
    """Something outside."""

    half_open: Annotated[float, Field(gt=0)] | None = None
    labels: dict[Annotated[str, Field(max_length=9)], str] = {}


def test_exclusive_bounds_become_flags() -> None:
    schema = structural(Outer, {}, defaults=True)

    assert schema["properties"]["half_open"] == {"type": "number", "minimum": 0, "exclusiveMinimum": True}


def test_keys_of_a_map_are_bounded_by_a_rule() -> None:
    schema = structural(Outer, {}, defaults=True)

    (rule,) = schema["properties"]["labels"]["x-kubernetes-validations"]
    assert rule["rule"] == "self.all(key, key.size() <= 9)"


def test_field_of_two_types_is_refused() -> None:
    with pytest.raises(ValueError, match="one type per field"):
        structural(Inner, {}, defaults=True)
