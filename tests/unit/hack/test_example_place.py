"""What the shell of an example gets, and which registered models are its own."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from hack.example import place
from hack.example.__main__ import main
from hack.example.readme import read


@pytest.fixture
def registry() -> Iterator[tuple[str, list[str]]]:
    """A server that lists models and remembers which were deleted."""
    deleted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            models = [{"name": name} for name in ("churn", "churn-eu", "churned", "matches")]
            self._answer({"registered_models": models})

        def do_DELETE(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            deleted.append(json.loads(body)["name"])
            self._answer({})

        def _answer(self, content: object) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", deleted
        server.shutdown()


def test_only_models_of_the_example_are_deleted(registry: tuple[str, list[str]]) -> None:
    uri, deleted = registry

    place.clear_models(uri, "churn")

    assert deleted == ["churn", "churn-eu"]


@pytest.mark.parametrize("name", place.names())
def test_every_example_can_be_read_and_proves_something(name: str) -> None:
    blocks = read((place.EXAMPLES / name / "README.md").read_text(encoding="utf-8"))

    assert [block.claim for block in blocks if block.claim]


@pytest.mark.parametrize("name", place.names())
def test_every_example_is_listed(name: str) -> None:
    assert f"[{name}]({name}/README.md)" in (place.EXAMPLES / "README.md").read_text(encoding="utf-8")


def test_shell_of_an_example_has_its_namespace_and_our_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = {"name": "local", "context": {"cluster": "local", "user": "admin"}}
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "local", "contexts": [context]}
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    monkeypatch.setattr(place, "KUBECONFIG", tmp_path / "kubeconfig")
    monkeypatch.setattr(place, "STATE", tmp_path)

    variables = place.environment("churn", 5001)

    assert "namespace: example-churn" in Path(variables["KUBECONFIG"]).read_text()
    assert variables["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5001"
    assert variables["PATH"].startswith(str(place.ROOT / ".venv" / "bin"))


@pytest.mark.parametrize("arguments", [[], ["run"], ["run", "nobody"], ["walk", "churn"]])
def test_unknown_words_are_answered_with_the_examples_there_are(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "make example NAME=churn|" in capsys.readouterr().err
