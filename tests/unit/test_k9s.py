"""What is shipped for k9s: commands, keys and columns that there are."""

import re
import shlex
from collections.abc import Mapping
from typing import Any, Final

import pytest

from modelalias.api.crds import KINDS
from modelalias.cli.main import parser
from tests.support.quick_yaml import documents
from tests.support.shipped_monitoring import ROOT

K9S: Final = ROOT / "contrib" / "k9s"
SCOPES: Final = {kind.plural for kind in KINDS}
NEEDED: Final = {"shortCut", "description", "scopes", "command"}
MAY_HAVE: Final = NEEDED | {"confirm", "dangerous", "background", "args"}
TAKEN: Final = set(":/?dey")
"""Keys that k9s has in every view of objects."""


def _read(name: str) -> Any:
    (body,) = documents((K9S / name).read_text(encoding="utf-8"))
    return body


PLUGINS: Final[Mapping[str, Mapping[str, Any]]] = _read("plugins.yaml")["plugins"]


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_of_k9s_runs_a_command_that_there_is(name: str) -> None:
    plugin = PLUGINS[name]
    command = re.match(r"kubectl (modelalias [^|;]*)", plugin["args"][1])

    assert NEEDED <= set(plugin) <= MAY_HAVE
    assert set(plugin["scopes"]) <= SCOPES
    assert (plugin["command"], plugin["args"][0]) == ("bash", "-c")
    assert command is not None
    words = shlex.split(command[1])[1:]
    assert callable(parser().parse_args(words).run)
    assert words[1:] == ["$NAME", "--context", "$CONTEXT", "-n", "$NAMESPACE"]


def test_keys_of_k9s_are_free_and_given_once() -> None:
    keys = [(scope, plugin["shortCut"]) for plugin in PLUGINS.values() for scope in plugin["scopes"]]

    assert len(keys) == len(set(keys))
    assert not {key for _, key in keys} & TAKEN


@pytest.mark.parametrize("resource", _read("views.yaml")["views"])
def test_a_view_of_k9s_shows_columns_that_there_are(resource: str) -> None:
    view = _read("views.yaml")["views"][resource]
    (kind,) = (kind for kind in KINDS if resource == f"modelalias.dev/v1alpha1/{kind.plural}")
    there = {"NAMESPACE", "NAME", *(column.name.upper() for column in kind.columns)}

    assert set(view) <= {"columns", "sortColumn"}
    assert set(view["columns"]) <= there
    assert view.get("sortColumn", "NAME:asc").split(":")[0] in view["columns"]
