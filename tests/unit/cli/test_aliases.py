"""`modelalias aliases` and `modelalias adopt` as they are typed, with and without a cluster."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelalias.cli import main
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub


class Site:
    """An MLflow server with two models, and a cluster that has one ModelAlias."""

    def __init__(self) -> None:
        self.aliases = {"churn": {"champion": "7", "prev-champion": "6"}, "prod.ml.fraud": {"champion": "3"}}
        self.stages: dict[str, dict[str, str]] = {}
        self.managed = [_managed("churn-champion", "churn", "champion", "ml")]
        self.refuses = False
        self.accepts = True

    def __call__(self, seen: Seen) -> Answer:
        if not self.accepts:
            return Answer({"error_code": "UNAUTHENTICATED"}, 401)
        if seen.path.endswith("/registered-models/search"):
            return Answer({"registered_models": [self._model(name) for name in sorted(self.aliases)]})
        if seen.path.endswith("/registered-models/get"):
            return Answer({"registered_model": self._model(seen.values["name"])})
        if seen.path.endswith("/modelaliases"):
            namespace = (
                seen.path.split("/namespaces/")[1].split("/")[0] if "/namespaces/" in seen.path else ""
            )
            if self.refuses and not namespace:
                return Answer({"kind": "Status", "reason": "Forbidden", "message": "no", "code": 403}, 403)
            items = [item for item in self.managed if namespace in {"", item["metadata"]["namespace"]}]
            return Answer({"metadata": {}, "items": items})
        return Answer(
            {"metadata": {}, "items": [_deployment()] if seen.path.endswith("/deployments") else []}
        )

    def _model(self, name: str) -> dict[str, Any]:
        listed = [{"alias": alias, "version": version} for alias, version in self.aliases[name].items()]
        stages = [
            {"name": name, "version": version, "current_stage": stage}
            for stage, version in self.stages.get(name, {}).items()
        ]
        return {"name": name, "aliases": listed, "latest_versions": stages}


def _managed(name: str, model: str, alias: str, namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"model": model, "alias": alias, **spec},
        "status": {"phase": "Ready"},
    }


def _deployment() -> dict[str, Any]:
    env = [{"name": "MODEL_URI", "value": "models:/prod.ml.fraud@champion"}]
    containers = [{"name": "api", "env": env, "args": ["--shadow=models:/churn/Production"]}]
    return {"metadata": {"name": "api"}, "spec": {"template": {"spec": {"containers": containers}}}}


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def stub(site: Site) -> Iterator[HttpStub]:
    with http_stub(site) as found:
        yield found


@pytest.fixture
def typed(stub: HttpStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Type a command with MLflow's address, and with a cluster as the current context."""
    path = tmp_path / "config"
    path.write_text(
        f"""\
current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a, namespace: ml}}}}]
clusters: [{{name: a, cluster: {{server: "{stub.uri}"}}}}]
users: [{{name: a, user: {{token: hunter2}}}}]
"""
    )
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", stub.uri)
    monkeypatch.setenv("KUBECONFIG", str(path))
    return lambda *arguments: main.main([*arguments])


def _asked_the_cluster(stub: HttpStub) -> bool:
    return any("/mlflow/" not in seen.path for seen in stub.seen)


class TestAliases:
    def test_all_of_a_registry_come_from_one_search_made_twice_and_no_cluster_is_asked(
        self, typed: Callable[..., int], stub: HttpStub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert typed("aliases") == 0

        assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
            ["MODEL", "ALIAS", "VERSION"],
            ["churn", "champion", "7"],
            ["churn", "prev-champion", "6"],
            ["prod.ml.fraud", "champion", "3"],
        ]
        assert len(stub.seen) == 2

    def test_those_of_a_model_are_asked_for_by_its_name(
        self, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert typed("aliases", "prod.ml.fraud", "-o", "json") == 0

        told = json.loads(capsys.readouterr().out)
        assert told == [{"model": "prod.ml.fraud", "alias": "champion", "version": "3"}]

    def test_who_manages_an_alias_is_shown_on_request(
        self, typed: Callable[..., int], site: Site, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site.managed += [
            _managed("theirs", "churn", "champion", "risk"),
            _managed("elsewhere", "churn", "prev-champion", "ml", registry="second"),
        ]

        assert typed("aliases", "churn", "--managed", "-A", "-o", "json") == 0

        told = json.loads(capsys.readouterr().out)
        assert [item["managedBy"] for item in told] == [
            [
                {"namespace": "ml", "name": "churn-champion", "phase": "Ready"},
                {"namespace": "risk", "name": "theirs", "phase": "Ready"},
            ],
            [],
        ]

    def test_who_writes_an_alias_as_its_former_one_manages_it_and_case_tells_no_models_apart(
        self, typed: Callable[..., int], site: Site, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site.managed = [_managed("ours", "Churn", "champion", "ml", previousAlias="prev-champion")]

        assert typed("aliases", "churn", "--managed", "-A", "-o", "json") == 0

        told = json.loads(capsys.readouterr().out)
        assert [[one["name"] for one in item["managedBy"]] for item in told] == [["ours"], ["ours"]]

    def test_who_gave_no_credentials_is_told_which_variables_hold_them(
        self, typed: Callable[..., int], site: Site, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site.accepts = False

        assert typed("aliases") == 2

        assert "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in capsys.readouterr().err

    def test_all_namespaces_mean_nothing_without_a_look_at_the_cluster(
        self, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert typed("aliases", "-A") == 2

        assert capsys.readouterr().err == "modelalias: -A needs --managed\n"

    def test_a_registry_without_aliases_says_so(
        self, typed: Callable[..., int], site: Site, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site.aliases = {"churn": {}}

        assert typed("aliases") == 0

        assert capsys.readouterr().out == "there are no aliases\n"


class TestAdopt:
    def test_the_manifests_of_what_is_not_managed_yet_are_one_text_for_kubectl(
        self, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert typed("adopt") == 0

        told = capsys.readouterr()
        (body,) = yaml.safe_load_all(told.out)
        assert (body["metadata"], body["spec"]["model"]) == (
            {"name": "prod-ml-fraud-champion"},
            "prod.ml.fraud",
        )
        assert "churn@prev-champion" in told.err

    def test_all_of_them_are_written_without_a_look_at_the_cluster(
        self,
        typed: Callable[..., int],
        stub: HttpStub,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))

        assert typed("adopt", "--all", "-n", "risk") == 0

        told = capsys.readouterr()
        assert "is not known" not in told.err
        names = [body["metadata"] for body in yaml.safe_load_all(told.out)]
        assert names == [
            {"name": "churn-champion", "namespace": "risk"},
            {"name": "prod-ml-fraud-champion", "namespace": "risk"},
        ]
        assert not _asked_the_cluster(stub)

    def test_without_a_cluster_everything_is_written_and_that_is_told(
        self,
        typed: Callable[..., int],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))

        assert typed("adopt") == 0

        told = capsys.readouterr()
        assert len([*yaml.safe_load_all(told.out)]) == 2
        assert "what is managed already is not known" in told.err

    def test_a_cluster_that_was_named_and_cannot_be_asked_is_a_failure(
        self, typed: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert typed("adopt", "--kubeconfig", str(tmp_path / "none")) == 2

        assert capsys.readouterr().out == ""

    def test_the_workloads_that_load_an_alias_are_put_into_serving(
        self, typed: Callable[..., int], site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site.stages = {"churn": {"Production": "4"}}

        assert typed("adopt", "--find-workloads", "--to", str(tmp_path / "out")) == 0

        body = yaml.safe_load((tmp_path / "out" / "prod-ml-fraud-champion.yaml").read_text())
        assert body["spec"]["serving"] == [{"name": "api"}]
        assert body["metadata"]["namespace"] == "ml"
        told = capsys.readouterr()
        assert told.out == ""
        assert (
            "Deployment api loads models:/churn/Production: let it load models:/churn@production" in told.err
        )

    def test_what_stands_in_the_folder_is_never_written_over(
        self, typed: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        place = tmp_path / "prod-ml-fraud-champion.yaml"
        assert typed("adopt", "--to", str(tmp_path)) == 0
        assert typed("adopt", "--to", str(tmp_path)) == 0
        assert "left as it is" not in capsys.readouterr().err
        place.write_text("mine")

        assert typed("adopt", "--to", str(tmp_path)) == 0

        assert place.read_text() == "mine"
        assert f"left as it is: {place}" in capsys.readouterr().err

    def test_a_folder_that_cannot_be_written_is_a_failure(
        self, typed: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").write_text("")

        assert typed("adopt", "--to", str(tmp_path / "file")) == 2

        assert "cannot be written" in capsys.readouterr().err

    def test_a_name_that_no_registry_can_have_is_a_failure(
        self, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert typed("adopt", "--all", "--registry", "a/b") == 2

        told = capsys.readouterr()
        assert told.out == ""
        assert "modelalias: churn@champion: registry: " in told.err

    def test_stages_stand_apart_from_what_can_be_applied_at_once(
        self, typed: Callable[..., int], site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site.stages = {"churn": {"Production": "4", "Archived": "1"}}

        assert typed("adopt", "--model", "churn") == 0
        printed = capsys.readouterr()
        assert typed("adopt", "--model", "churn", "--to", str(tmp_path / "out")) == 0

        assert printed.out == ""
        assert "models that use stages: 1 (churn); --to DIR" in printed.err
        assert sorted(
            str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")
        ) == [
            "stages/churn-production.yaml",
            "stages/set_aliases.py",
        ]

    def test_the_namespace_alone_is_looked_at_where_all_may_not_be_listed(
        self, typed: Callable[..., int], site: Site, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site.refuses = True

        assert typed("adopt", "--alias", "champion") == 0

        told = capsys.readouterr()
        assert [body["metadata"]["name"] for body in yaml.safe_load_all(told.out)] == [
            "prod-ml-fraud-champion"
        ]
        assert "only those of ml are known" in told.err
