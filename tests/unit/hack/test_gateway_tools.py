"""The gateway and Prometheus of the local cluster: what they are made of, and what is said where they cannot run."""

import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hack.cluster import program_image
from hack.cluster.recipes import GATEWAY_KINDS
from hack.gateway import installation, traefik
from hack.gateway.__main__ import main
from hack.prometheus.__main__ import main as prometheus
from tests.support.quick_yaml import documents

GROUP = "gateway.networking.k8s.io"


def _manifests() -> Mapping[str, Any]:
    bodies = documents(installation.MANIFEST.read_text(encoding="utf-8"))
    return {body["kind"]: body for body in bodies}


def test_the_pod_runs_the_image_that_is_made() -> None:
    deployment = json.dumps(_manifests()["Deployment"])

    assert f'"image": "{traefik.IMAGE}"' in deployment


def test_the_gateway_may_list_the_kinds_that_are_installed_and_writes_only_statuses() -> None:
    rules = _manifests()["ClusterRole"]["rules"]

    of_api = [rule for rule in rules if rule["apiGroups"] == [GROUP]]
    written = [rule for rule in rules if not {*rule["verbs"]} <= {"list", "watch"}]

    assert {*of_api[0]["resources"]} == {*GATEWAY_KINDS}
    assert written == [of_api[1]]
    assert all(name.endswith("/status") for name in written[0]["resources"])
    assert written[0]["verbs"] == ["update"]


def test_an_image_has_its_program_and_its_libraries(tmp_path: Path) -> None:
    program, library = tmp_path / "server", tmp_path / "lib" / "libc.so.6"
    library.parent.mkdir()
    for path in (program, library):
        path.write_text(path.name)

    program_image.write("localhost/server:1", program, tmp_path / "image.tar", [library])

    with tarfile.open(tmp_path / "image.tar") as archive:
        file = archive.extractfile("index.json")
        assert file is not None
        (described,) = json.load(file)["manifests"]
        manifest = _blob(archive, described)
        config = _blob(archive, manifest["config"])
        with tarfile.open(fileobj=archive.extractfile(_path(manifest["layers"][0]))) as tree:
            names = {*tree.getnames()}
    assert described["annotations"]["io.containerd.image.name"] == "localhost/server:1"
    assert config["config"]["Entrypoint"] == ["/server"]
    assert names == {"server", str(library).lstrip("/")}


def _blob(archive: tarfile.TarFile, described: Any) -> Any:
    file = archive.extractfile(_path(described))
    assert file is not None
    return json.load(file)


def _path(described: Any) -> str:
    return f"blobs/{described['digest'].replace(':', '/')}"


@pytest.mark.parametrize("tool", [main, lambda words: prometheus([*words, "--namespace", "fraud"])])
def test_where_no_cluster_is_up_that_is_said(
    tool: Callable[[Sequence[str]], int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status = tool(["up", "--kubeconfig", str(tmp_path / "kubeconfig")])

    assert status == 1
    assert "no cluster of hack.cluster is up" in capfd.readouterr().err
