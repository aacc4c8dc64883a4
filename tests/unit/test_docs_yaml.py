"""What users copy out of docs/start.md and docs/migration.md is valid, and names things that exist."""

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import BaseModel

from modelalias.api.alias import ModelAlias
from modelalias.api.promotion_policy import ClusterPromotionPolicy, PromotionPolicy
from modelalias.api.request import PromotionRequest
from modelalias.cli import kubernetes_yaml
from modelalias.cli.main import parser

DOCS: Final = Path(__file__).parents[2] / "docs"
MIGRATION: Final = (DOCS / "migration.md").read_text(encoding="utf-8")
START: Final = (DOCS / "start.md").read_text(encoding="utf-8")
KINDS: Final[Mapping[str, type[BaseModel]]] = {
    kind.__name__: kind for kind in (ModelAlias, PromotionRequest, PromotionPolicy, ClusterPromotionPolicy)
}


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", MIGRATION, re.DOTALL | re.MULTILINE)


def _objects() -> Iterator[Mapping[str, Any]]:
    for block in _blocks("yaml"):
        yield from kubernetes_yaml.load_all(block)


@pytest.mark.parametrize("body", [*_objects()], ids=lambda body: body["metadata"]["name"])
def test_each_manifest_is_valid(body: Mapping[str, Any]) -> None:
    KINDS[body["kind"]].model_validate(body)


@pytest.mark.parametrize("block", _blocks("python"), ids=("champion", "stages"))
def test_each_script_is_python_and_each_number_in_it_has_a_row(block: str) -> None:
    ast.parse(block)
    numbers = [int(number) for number in re.findall(r"# (\d+)$", block, re.MULTILINE)]
    table = MIGRATION.partition(block)[2].partition("\n## ")[0]

    assert numbers == [*range(1, len(numbers) + 1)]
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == numbers


@pytest.mark.parametrize("command", sorted({*re.findall(r"`modelalias\s+([^`]+)`", MIGRATION)}))
def test_each_command_is_understood(command: str) -> None:
    """Three dots stand for the value of an option, or for more words."""
    words = shlex.split(
        command.replace("--reason ...", "--reason WHY").replace("promote ...", "promote NAME")
    )

    options = parser().parse_args(words)

    assert callable(options.run)


def test_what_the_first_page_applies_is_valid() -> None:
    bodies = [
        body
        for block in re.findall(r"<<EOF\n(.*?)^EOF$", START, re.DOTALL | re.MULTILINE)
        for body in kubernetes_yaml.load_all(block)
    ]

    assert [KINDS[body["kind"]].model_validate(body) is not None for body in bodies] == [True, True, True]


@pytest.mark.parametrize("command", re.findall(r"^modelalias (.*)$", START, re.MULTILINE))
def test_each_command_of_the_first_page_is_understood(command: str) -> None:
    options = parser().parse_args(shlex.split(command, comments=True))

    assert callable(options.run)
