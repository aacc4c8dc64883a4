"""What kubectl and shells are told can stand where somebody types."""

import argparse
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from modelalias.cli import complete, completed_names, completion, main
from modelalias.cli.main import COMMANDS
from tests.support.typed import PROGRAM

KUBECONFIG = """\
current-context: b
contexts: [{name: b, context: {cluster: c}}, {name: a, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
"""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))


def _names(what: str, _: str, typed: argparse.Namespace) -> Iterable[str]:
    """Return names that say what was asked, and in which namespace."""
    return [f"{what.strip('-').lower()}-in-{typed.namespace}"]


def _completed(*words: str) -> tuple[list[str], int]:
    *lines, directive = complete.cobra(words, _names).splitlines()
    return lines, int(directive.removeprefix(":"))


def _values(*words: str) -> list[str]:
    return [line.partition("\t")[0] for line in _completed(*words)[0]]


@pytest.mark.parametrize("words", [(), ("",)])
def test_commands_come_first_each_with_what_it_does(words: tuple[str, ...]) -> None:
    lines, directive = _completed(*words)

    assert [line.partition("\t")[0] for line in lines] == list(COMMANDS)
    assert all(line.partition("\t")[2] for line in lines)
    assert directive == 4


def test_a_command_is_completed() -> None:
    assert _values("un") == ["undo", "unpin"]


def test_options_are_completed_when_one_begins() -> None:
    assert _values("status", "--wa") == ["--watch", "--wait"]
    assert "--namespace" in _values("status", "churn", "-")
    assert "--namespace" not in _values("status", "churn", "")


def test_values_of_a_choice_are_completed() -> None:
    assert _values("list", "-o", "") == ["table", "wide", "json", "yaml", "name"]
    assert _values("list", "--output=w") == ["--output=wide"]
    assert _values("completion", "") == ["bash", "zsh", "fish"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("promote", ""), ["alias-in-None"]),
        (("promote", "-n", "ml", ""), ["alias-in-ml"]),
        (("promote", "--namespace=ml", "al"), ["alias-in-ml"]),
        (("approve", "-n", "ml", ""), ["request-in-ml"]),
        (("status", "--wait", "-n", "ml", "n"), ["name-in-ml"]),
        (("ack", "-n", "ml", "one", ""), ["alias-in-ml"]),
        (("list", "requests", "-n", "ml", "--alias", ""), ["modelalias-in-ml"]),
        (("status", "-n", ""), ["namespace-in-None"]),
        (("promote", "churn", "--from-alias", ""), []),
        (("promote", "churn", "--reason", ""), []),
        (("resolve", ""), []),
        (("status", "x"), []),
    ],
    ids=str,
)
def test_names_are_asked_for_where_they_stand(words: tuple[str, ...], names: list[str]) -> None:
    assert _values(*words) == names


@pytest.mark.parametrize(
    ("words", "directive"),
    [
        (("gate", "-f", ""), 0),
        (("gate", "--filename=al"), 0),
        (("status", "--kubeconfig", "/e"), 0),
        (("adopt", "--to", ""), 0),
        (("gate", "--version", ""), 4),
        (("status", ""), 4),
    ],
    ids=str,
)
def test_only_where_a_file_stands_files_are_completed(words: tuple[str, ...], directive: int) -> None:
    assert _completed(*words)[1] == directive


def test_what_cannot_be_asked_completes_nothing(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    typed = argparse.Namespace(
        kubeconfig=str(tmp_path / "config"), context=None, namespace=None, acts_as=None, groups=[]
    )

    assert [*completed_names.names("ALIAS", "", typed)] == []
    assert [*completed_names.names("--CONTEXT", "", typed)] == ["a", "b"]
    typed.kubeconfig = str(tmp_path / "none")
    assert [*completed_names.names("NAME", "request/", typed)] == []
    assert [*completed_names.names("NAME", "pod/", typed)] == []


def test_all_that_is_asked_for_can_be_read() -> None:
    assert completed_names._READ.keys() == complete.KNOWN  # noqa: SLF001 - the other half


def test_bash_completes_what_is_typed() -> None:
    """With the lines that are printed, in a real bash."""
    line = "modelalias unpin --dry"
    script = f"""
        source <(modelalias completion bash)
        COMP_LINE="{line}" COMP_POINT={len(line)} COMP_WORDS=({line}) COMP_CWORD=2
        _python_argcomplete_kubectl_complete-modelalias modelalias --dry unpin
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environ = {**os.environ, "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"}

    done = subprocess.run(
        ["bash", "-c", script], env=environ, capture_output=True, text=True, timeout=60, check=True
    )

    assert [line.strip() for line in done.stdout.splitlines()] == ["--dry-run"], done


@pytest.mark.parametrize(
    ("shell", "registers"),
    [
        ("bash", "complete -o nospace"),
        ("zsh", "compdef _python_argcomplete"),
        ("fish", "complete --command kubectl-modelalias"),
    ],
)
def test_a_shell_is_told_whom_to_ask(shell: str, registers: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["completion", shell]) == 0

    told = capsys.readouterr().out
    assert registers in told
    assert completion.PROGRAM in told
