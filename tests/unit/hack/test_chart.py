"""What is generated of the chart is up to date, complete, and says no when it is not."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from hack.chart import __main__ as chart
from hack.chart import readme, schema

VALUES = (chart.CHART / "values.yaml").read_text(encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the chart that may be spoilt."""
    return Path(shutil.copytree(chart.CHART, tmp_path / "modelalias"))


def test_the_chart_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert chart.main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "word"),
    [("files/base/policy.yaml", "promote"), ("values.schema.json", "integer"), ("README.md", "`true`")],
)
def test_what_is_stale_is_named_and_mended_only_when_asked(
    name: str, word: str, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = (copy / name).read_text(encoding="utf-8")
    stale = written.replace(word, "other")
    (copy / name).write_text(stale, encoding="utf-8")
    assert stale != written

    assert chart.main(["--check", f"--chart={copy}"]) == 1
    assert f"{name} is not what `make crds` writes" in capsys.readouterr().err
    assert (copy / name).read_text(encoding="utf-8") == stale

    assert chart.main([f"--chart={copy}"]) == 0
    assert (copy / name).read_text(encoding="utf-8") == written


def test_a_file_that_nothing_makes_any_more_goes(copy: Path) -> None:
    old = copy / "files" / "base" / "old.yaml"
    old.write_text("kind: ClusterRole\n", encoding="utf-8")

    assert chart.main(["--check", f"--chart={copy}"]) == 1
    assert chart.main([f"--chart={copy}"]) == 0
    assert not old.exists()


def test_a_value_without_a_word_is_refused() -> None:
    with pytest.raises(readme.UndescribedError, match=r"nothing of extra\.silent"):
        readme.table("extra:\n  # -- Speaks.\n  spoken: 1\n  silent: 2\n")


def test_a_row_has_the_value_its_default_and_what_is_said_of_it() -> None:
    text = "# not this\n\nimage:\n  # -- Where it is,\n  # a | b.\n  tag: ''\nnext:\n  # -- All of it.\n  more: {a: [1]}\n"

    assert readme.table(text).splitlines()[2:] == [
        '| `image.tag` | `""` | Where it is, a \\| b. |',
        '| `next.more` | `{"a": [1]}` | All of it. |',
    ]


def test_the_schema_takes_the_defaults_and_every_value_of_it_has_one() -> None:
    whole = json.loads(schema.text())
    values = yaml.safe_load(VALUES)

    assert [error.message for error in jsonschema_rs.validator_for(whole).iter_errors(values)] == []
    assert {*_named(whole, whole, ())} == {*_given(values, ())}


def _named(
    whole: Mapping[str, Any], node: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """Yield each value that the schema names, but for what is in a configuration."""
    if "$ref" in node and "onfig" not in node["$ref"] and not node["$ref"].endswith("Settings"):
        node = whole["$defs"][node["$ref"].removeprefix("#/$defs/")]
    for name, item in node.get("properties", {}).items():
        if path or name != "global":
            yield (*path, name)
            yield from _named(whole, item, (*path, name))


def _given(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, item in values.items():
        yield (*path, name)
        if isinstance(item, Mapping) and not re.search(
            "config$|labels|resources|ecurityContext|Probe|strategy", name
        ):
            yield from _given(item, (*path, name))


def test_the_schema_knows_no_null_no_default_and_nothing_that_the_chart_sets() -> None:
    text = schema.text()
    parts = json.loads(text)["$defs"]

    assert '"null"' not in text
    assert '"default":' not in text.replace('"default": {', "")
    assert {"identity", "signing"}.isdisjoint(parts["Settings"]["properties"])
    assert set(parts["LeaseSettings"]["properties"]) == {"enabled"}
    assert "address" not in parts["Listen"]["properties"]
    assert parts["RegistrySettings"]["properties"]["concurrency"]["maximum"] == 64
