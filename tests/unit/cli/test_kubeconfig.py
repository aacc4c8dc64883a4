"""Kubeconfig files as kubectl reads them: which cluster, as whom, in which namespace."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelalias.cli import kubeconfig
from modelalias.cli.kubeconfig import Access, Flags
from modelalias.core.errors import InvalidRequest


def config(name: str, user: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Return a kubeconfig with one context, one cluster and one user of the same name."""
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, **fields}}],
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}"}}],
        "users": [{"name": name, "user": {"token": f"token of {name}"} if user is None else user}],
    }


def written(path: Path, body: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(body))
    return str(path)


def read(home: Path, *, environ: Mapping[str, str] | None = None, **flags: Any) -> Access:
    return kubeconfig.read(Flags(**flags), environ or {}, home)


def server(access: Access) -> str:
    assert access.cluster is not None
    return str(access.cluster["server"])


def test_a_flag_goes_before_the_variable_and_that_before_the_usual_place(tmp_path: Path) -> None:
    written(tmp_path / ".kube" / "config", config("usual"))
    one, two = written(tmp_path / "one", config("one")), written(tmp_path / "two", config("two"))

    assert server(read(tmp_path)) == "https://usual"
    assert server(read(tmp_path, environ={"KUBECONFIG": ""})) == "https://usual"
    assert server(read(tmp_path, environ={"KUBECONFIG": one})) == "https://one"
    assert server(read(tmp_path, environ={"KUBECONFIG": one}, kubeconfig=two)) == "https://two"


def test_of_several_files_the_first_that_says_something_is_believed(tmp_path: Path) -> None:
    second = config("b")
    second["clusters"].append({"name": "a", "cluster": {"server": "https://not-this"}})
    files = [str(tmp_path / "none"), written(tmp_path / "a", config("a")), written(tmp_path / "b", second)]
    environ = {"KUBECONFIG": os.pathsep.join(files)}

    assert server(read(tmp_path, environ=environ)) == "https://a"
    assert server(read(tmp_path, environ=environ, context="b")) == "https://b"


@pytest.mark.parametrize(
    ("context", "flag", "expected"),
    [({}, None, "default"), ({"namespace": "ml"}, None, "ml"), ({"namespace": "ml"}, "risk", "risk")],
    ids=["default", "of-the-context", "of-the-flag"],
)
def test_the_namespace_is_the_flags_or_the_contexts(
    tmp_path: Path, context: Mapping[str, Any], flag: str | None, expected: str
) -> None:
    path = written(tmp_path / "config", config("a", **context))

    assert read(tmp_path, kubeconfig=path, namespace=flag).namespace == expected


def test_paths_are_those_beside_the_file(tmp_path: Path) -> None:
    user = {
        "client-key": "keys/mine",
        "tokenFile": "/run/token",
        "exec": {"command": "./login", "apiVersion": "v1"},
    }
    path = written(tmp_path / "sub" / "config", config("a", user))

    found = read(tmp_path, kubeconfig=path).user

    assert found is not None
    assert (found["client-key"], found["tokenFile"]) == (
        str(tmp_path / "sub" / "keys" / "mine"),
        "/run/token",
    )
    assert found["exec"]["command"] == str(tmp_path / "sub" / "login")


def test_a_plugin_without_a_path_is_looked_for_where_programs_are(tmp_path: Path) -> None:
    path = written(tmp_path / "config", config("a", {"exec": {"command": "aws", "apiVersion": "v1"}}))

    found = read(tmp_path, kubeconfig=path).user

    assert found is not None
    assert found["exec"]["command"] == "aws"


def test_whom_a_user_impersonates_stands_in_the_file_or_on_the_line(tmp_path: Path) -> None:
    path = written(tmp_path / "config", config("a", {"token": "x", "as": "ana", "as-groups": ["staff"]}))

    of_file, of_line = (
        read(tmp_path, kubeconfig=path),
        read(tmp_path, kubeconfig=path, user="bo", groups=("ml-leads",)),
    )

    assert (of_file.acts_as, of_file.groups) == ("ana", ("staff",))
    assert (of_line.acts_as, of_line.groups) == ("bo", ("ml-leads",))


def test_in_a_pod_there_is_the_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "namespace"
    own.write_text("risk\n")
    monkeypatch.setattr(kubeconfig, "POD_NAMESPACE", own)
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}

    assert read(tmp_path, environ=environ) == Access("risk")
    assert read(tmp_path, environ=environ, namespace="ml") == Access("ml")


@pytest.mark.parametrize(
    ("body", "flags", "words"),
    [
        pytest.param(config("a"), {"context": "b"}, "the kubeconfig has no context b", id="no-context"),
        pytest.param(
            {**config("a"), "current-context": ""}, {}, "has no current context", id="no-current-context"
        ),
        pytest.param(
            {**config("a"), "clusters": []}, {}, "has no cluster for the context a", id="no-cluster"
        ),
        pytest.param({**config("a"), "clusters": None}, {}, "has no cluster for the context a", id="null"),
        pytest.param(
            {**config("a"), "clusters": [{"name": "a", "cluster": "b"}]},
            {},
            "has no cluster",
            id="no-mapping",
        ),
        pytest.param(
            {**config("a"), "clusters": [{"name": "a", "cluster": {"server": 1}}]},
            {},
            "no cluster",
            id="no-address",
        ),
        pytest.param([], {}, "has no current context", id="empty"),
        pytest.param(["a"], {}, "is not a YAML mapping", id="a-list"),
        pytest.param(config("a"), {"groups": ("x",)}, "--as-group needs --as", id="groups-of-nobody"),
    ],
)
def test_what_cannot_be_used_is_said(
    tmp_path: Path, body: object, flags: Mapping[str, Any], words: str
) -> None:
    path = written(tmp_path / "config", body)

    with pytest.raises(InvalidRequest, match=words):
        read(tmp_path, kubeconfig=path, **flags)


def test_no_kubeconfig_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="set KUBECONFIG or use --kubeconfig FILE"):
        read(tmp_path)
    with pytest.raises(InvalidRequest, match="none of the files in KUBECONFIG exists"):
        read(tmp_path, environ={"KUBECONFIG": str(tmp_path / "none")})
    with pytest.raises(InvalidRequest, match="cannot read the kubeconfig none: No such file"):
        read(tmp_path, kubeconfig=str(tmp_path / "none"))


def test_a_file_that_is_no_yaml_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("users: [{token: hunter2")

    with pytest.raises(InvalidRequest) as refused:
        read(tmp_path, kubeconfig=str(path))

    assert str(refused.value) == "the kubeconfig config is not YAML"
