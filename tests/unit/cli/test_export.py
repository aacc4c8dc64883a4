"""The ledger as lines of JSON: whole, in a stable form, and never something cut off that looks whole."""

import json
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelalias.cli import main
from tests.support.cli_cluster import EVIDENCE, NOW, body, ended
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub

API = "/apis/modelalias.dev/v1alpha1"
RECORD = '{"operation":"Promote","request":"go","from":"1"}'
MOVE: Mapping[str, Any] = {
    "from": "1",
    "to": "2",
    "at": NOW,
    "operation": "Promote",
    "outcome": "Succeeded",
    "request": "go",
    "evidence": EVIDENCE,
}


def _alias(name: str = "churn-champion", namespace: str = "ml", **spec: Any) -> dict[str, Any]:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "churn"}
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            "creationTimestamp": NOW,
            "labels": {"a": "b"},
            "annotations": annotations,
            "managedFields": [{"manager": "x"}],
        },
        "spec": {"model": "churn", "alias": "champion", "fieldOfLater": 1, **spec},
        "status": {"current": {"version": "2"}, "history": [{"to": "1", "at": NOW}, MOVE]},
    }


def _request(name: str = "go", of: str = "churn-champion", namespace: str = "ml") -> dict[str, Any]:
    request = body({"aliasRef": {"name": of}}, **ended("Succeeded", "so it was"))
    return {**request, "metadata": {**request["metadata"], "name": name, "namespace": namespace}}


class Site:
    """An API server and an MLflow server in one: their addresses differ."""

    def __init__(self) -> None:
        self.aliases = [_alias(), _alias("churn-staging", alias="staging")]
        self.requests = [_request(), _request("other", of="churn-staging"), _request("orphan", of="gone")]
        self.records: dict[str, Answer] = {}
        self.breaks = False

    def __call__(self, seen: Seen) -> Answer:
        if seen.path.endswith("/registered-models/get"):
            return Answer({"registered_model": {"name": "churn"}})
        if "/mlflow/" in seen.path:
            return self._version(seen.values["version"])
        kind = seen.path.rpartition("/")[2]
        if kind == "promotionrequests" and self.breaks:
            return Answer({"kind": "Status", "reason": "Forbidden", "message": "no", "code": 403}, 403)
        items = self.aliases if kind == "modelaliases" else self.requests
        namespace = "ml" if "/namespaces/" in seen.path else ""
        shown = [item for item in items if namespace in {"", item["metadata"]["namespace"]}]
        number = int(seen.values.get("continue", "0"))
        more = {"continue": str(number + 1)} if number + 1 < len(shown) else {}
        return Answer({"metadata": more, "items": shown[number : number + 1]})

    def _version(self, number: str) -> Answer:
        if number in self.records:
            return self.records[number]
        return Answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "gone"}, 404)

    def record(self, number: str, text: str = RECORD) -> None:
        tags = [{"key": "modelalias.champion", "value": text}]
        version = {"name": "churn", "version": number, "status": "READY", "tags": tags}
        self.records[number] = Answer({"model_version": version})


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def stub(site: Site) -> Iterator[HttpStub]:
    with http_stub(site) as found:
        yield found


@pytest.fixture
def typed(stub: HttpStub, tmp_path: Path) -> Callable[..., int]:
    path = tmp_path / "config"
    path.write_text(
        f"""\
current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a, namespace: ml}}}}]
clusters: [{{name: a, cluster: {{server: "{stub.uri}"}}}}]
users: [{{name: a, user: {{token: hunter2}}}}]
"""
    )
    return lambda *arguments: main.main(["export", *arguments, "--kubeconfig", str(path)])


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_alias_is_written_with_its_moves_and_its_requests(
    typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("churn-champion") == 0

    head, alias, first, second, request, end = _lines(capsys.readouterr().out)
    assert {**head, "at": ""} == {
        "type": "Export",
        "format": 1,
        "at": "",
        "namespace": "ml",
        "modelAlias": "churn-champion",
        "withRecords": False,
    }
    assert alias == {
        "type": "ModelAlias",
        "namespace": "ml",
        "name": "churn-champion",
        "uid": "uid-churn-champion",
        "created": NOW,
        "labels": {"a": "b"},
        "annotations": {"team": "churn"},
        "spec": {"model": "churn", "alias": "champion", "fieldOfLater": 1},
        "status": _alias()["status"],
    }
    assert [item["move"]["to"] for item in (first, second)] == ["1", "2"]
    assert second == {
        "type": "Move",
        "namespace": "ml",
        "modelAlias": "churn-champion",
        "model": "churn",
        "alias": "champion",
        "move": MOVE,
    }
    assert (request["type"], request["name"], request["modelAlias"]) == ("Request", "go", "churn-champion")
    assert request["status"]["phase"] == "Succeeded"
    assert end == {"type": "End", "lines": 5}


def test_all_of_a_namespace_has_requests_without_a_resource_too_and_leaves_other_namespaces_alone(
    site: Site, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    site.aliases.append(_alias("hers", "risk"))

    assert typed("--all") == 0

    lines = _lines(capsys.readouterr().out)
    assert [item["name"] for item in lines if item["type"] == "ModelAlias"] == [
        "churn-champion",
        "churn-staging",
    ]
    assert [item["name"] for item in lines if item["type"] == "Request"] == ["go", "other", "orphan"]


def test_all_namespaces_are_read_with_one_list_of_each_kind(
    site: Site, stub: HttpStub, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    site.aliases.append(_alias("hers", "risk"))

    assert typed("-A") == 0

    names = {item.get("name") for item in _lines(capsys.readouterr().out)}
    assert "hers" in names
    assert {seen.path for seen in stub.seen} == {f"{API}/modelaliases", f"{API}/promotionrequests"}


def test_a_file_is_there_only_once_it_is_whole_and_only_for_its_owner(
    site: Site, typed: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "ledger" / "ml.jsonl"
    place.parent.mkdir()
    site.breaks = True
    assert typed("--all", "--output", str(place)) == 2
    assert list(place.parent.iterdir()) == []

    site.breaks = False
    assert typed("--all", "--output", str(place)) == 0

    told = capsys.readouterr()
    assert told.out == ""
    lines = _lines(place.read_text())
    assert lines[-1] == {"type": "End", "lines": len(lines) - 1}
    assert told.err.splitlines()[-1] == f"{len(lines)} lines written to {place}"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert list(place.parent.iterdir()) == [place]


def test_what_is_cut_off_on_standard_output_has_no_end(
    site: Site, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    site.breaks = True

    assert typed("--all") == 2
    assert "End" not in {item["type"] for item in _lines(capsys.readouterr().out)}


def test_records_are_read_from_mlflow_as_they_stand_there(
    site: Site, stub: HttpStub, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    site.record("2", text := '{ "operation" : "Promote" }')

    assert typed("churn-champion", "--records-from", stub.uri) == 0

    lines = _lines(capsys.readouterr().out)
    assert lines[0]["withRecords"] is True
    assert [item for item in lines if item["type"] == "Record"] == [
        {
            "type": "Record",
            "namespace": "ml",
            "modelAlias": "churn-champion",
            "model": "churn",
            "alias": "champion",
            "version": "2",
            "tag": "modelalias.champion",
            "record": text,
        }
    ]


def test_a_record_that_cannot_be_read_is_told_and_the_rest_is_written(
    site: Site, stub: HttpStub, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    site.record("2")
    site.records["1"] = Answer({"error_code": "PERMISSION_DENIED", "message": "no"}, 403)

    assert typed("churn-champion", "--records-from", stub.uri) == 1

    told = capsys.readouterr()
    lines = _lines(told.out)
    assert [item["what"] for item in lines if item["type"] == "Missing"] == ["record of version 1 of churn"]
    assert [item["version"] for item in lines if item["type"] == "Record"] == ["2"]
    assert lines[-1]["type"] == "End"
    assert told.err.startswith("not exported: record of version 1 of churn: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "export what? give the name of a ModelAlias, or --all, or -A"),
        (["churn-champion", "--all"], "export what?"),
        (["-A", "-n", "ml"], "-n and -A exclude each other"),
        (["none"], "there is no ModelAlias none in namespace ml"),
        (
            ["--all", "--output", "/nowhere/at/all"],
            "/nowhere/at/all cannot be written: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_written_is_one_line_and_status_2(
    typed: Callable[..., int], arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(*arguments) == 2

    told = capsys.readouterr()
    assert told.out == ""
    assert words in told.err
    assert told.err.count("\n") == 1


def test_one_server_cannot_stand_for_several_registries(
    site: Site, stub: HttpStub, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    site.aliases.append(_alias("fraud", registry="risk"))

    assert typed("--all", "--records-from", stub.uri) == 2
    assert "of several registries: default, risk" in capsys.readouterr().err


def test_progress_of_many_is_told_on_standard_error(
    typed: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("modelalias.cli.export._PROGRESS", 2)

    assert typed("--all") == 0
    assert capsys.readouterr().err.splitlines() == ["2 ModelAliases so far", "2 requests so far"]
