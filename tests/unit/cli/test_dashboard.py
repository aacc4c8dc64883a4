"""`modelalias dashboard`: what keeps it from starting, and what it hands to the pages."""

import importlib.util
import socket
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from modelalias.cli import dashboard, main
from modelalias.web import local
from modelalias.web.identity import Person
from modelalias.web.registries import Registries


@pytest.fixture(autouse=True)
def _kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config"
    path.write_text(
        "current-context: prod\n"
        "contexts: [{name: prod, context: {cluster: a, user: a, namespace: ml}}]\n"
        "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users: [{name: a, user: {}}]\n"
    )
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Person, Registries, str, int]]:
    """What would have been served."""
    found: list[tuple[Person, Registries, str, int]] = []

    def serve(person: Person, registries: Registries, operator: str, port: int, tell: Any) -> None:
        tell("http://127.0.0.1:1/?token=x")
        found.append((person, registries, operator, port))

    monkeypatch.setattr(local, "serve", serve)
    return found


def test_a_port_that_is_taken_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        assert main.main(["dashboard", "--port", str(port)]) == 2

    said = capsys.readouterr().err
    assert (
        said == f"modelalias: cannot listen on port {port} of 127.0.0.1: Address already in use; try --port\n"
    )


def test_without_the_extra_it_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec

    def find(name: str) -> ModuleSpec | None:
        return None if name == "uvicorn" else real(name)

    monkeypatch.setattr(dashboard, "find_spec", find)

    assert main.main(["dashboard"]) == 2
    assert (
        capsys.readouterr().err == "modelalias: the pages are an extra: pip install 'modelalias[dashboard]'\n"
    )


@pytest.mark.parametrize("port", ["-1", "65536", "http", "²"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["dashboard", f"--port={port}"])

    assert f"{port} is no port" in capsys.readouterr().err


def test_the_person_and_their_flags_are_handed_on(
    served: list[tuple[Person, Registries, str, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main.main(
            [
                "dashboard",
                "--read-only",
                "--context",
                "prod",
                "--as",
                "ana b",
                "--as-group",
                "g",
                "--operator-namespace",
                "mlops",
            ]
        )
        == 0
    )

    ((person, registries, operator, port),) = served
    assert (person.may_write, person.place, port) == (False, "prod", 8300)
    assert (person.access.acts_as, person.access.groups) == ("ana b", ("g",))
    assert operator == "mlops"
    assert person.flags == "--context prod --as 'ana b' --as-group g"
    assert registries.named("default").opened is None
    assert capsys.readouterr().err == "the dashboard is at http://127.0.0.1:1/?token=x\n"


@pytest.mark.parametrize(
    ("options", "link"),
    [
        (["--tracking-uri", "http://mlflow:5000/"], "http://mlflow:5000/#/models/m"),
        (["--tracking-uri", "http://mlflow:5000", "--mlflow-ui", "https://ui"], "https://ui/#/models/m"),
        (["--mlflow-ui", "https://ui/base/"], "https://ui/base/#/models/m"),
        ([], ""),
    ],
)
def test_links_lead_where_the_options_say(
    options: list[str], link: str, served: list[tuple[Person, Registries, str, int]]
) -> None:
    assert main.main(["dashboard", "--registry", "eu", *options]) == 0

    registries = served[0][1]
    assert registries.named("eu").links.model("m") == link
    assert (registries.named("eu").opened is not None) is ("--tracking-uri" in options)
    assert registries.named("default").links.model("m") == ""


@pytest.mark.parametrize(
    "options", [["--tracking-uri", "http://user:secret@mlflow"], ["--mlflow-ui", "javascript:alert(1)"]]
)
def test_an_address_that_may_not_be_is_refused(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["dashboard", *options]) == 2
    assert "secret" not in capsys.readouterr().err
