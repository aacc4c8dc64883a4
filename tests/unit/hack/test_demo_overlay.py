"""What the demonstration applies: the versions of act 0 for MLflow, and the operator rolled for a new image."""

import json
from pathlib import Path

import pytest
import yaml

from hack.demo import overlay


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "operator.tar"
    path.write_bytes(b"image")
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store.tar.gz"
    path.write_bytes(b"registry")
    return path


def test_the_store_is_a_file_beside_the_kustomization(tmp_path: Path, store: Path, archive: Path) -> None:
    folder = overlay.write(tmp_path / "overlay", store, archive)

    written = json.loads((folder / "kustomization.yaml").read_text())
    assert (folder / "store.tar.gz").read_bytes() == b"registry"
    assert written["configMapGenerator"][0]["files"] == ["store.tar.gz"]
    assert (folder / written["resources"][0]).resolve() == overlay.OVERLAY


def test_another_image_is_another_annotation(tmp_path: Path, store: Path, archive: Path) -> None:
    first = (overlay.write(tmp_path / "overlay", store, archive) / "kustomization.yaml").read_text()
    archive.write_bytes(b"another image")

    second = (overlay.write(tmp_path / "overlay", store, archive) / "kustomization.yaml").read_text()

    assert first != second


def test_a_store_that_no_config_map_takes_is_refused(tmp_path: Path, store: Path, archive: Path) -> None:
    store.write_bytes(b"x" * 1_100_000)

    with pytest.raises(ValueError, match="too many for a ConfigMap"):
        overlay.write(tmp_path / "overlay", store, archive)


def test_a_prometheus_is_added_to_the_configuration_that_is_shown(
    tmp_path: Path, store: Path, archive: Path
) -> None:
    folder = overlay.write(tmp_path / "overlay", store, archive, "http://10.0.0.1:9090")

    shipped = yaml.safe_load((overlay.OPERATOR / "config.yaml").read_text())
    (generated,) = json.loads((folder / "kustomization.yaml").read_text())["configMapGenerator"][1:]
    assert (generated["name"], generated["files"]) == ("modelalias-config", ["config.yaml"])
    assert yaml.safe_load((folder / "config.yaml").read_text()) == {
        **shipped,
        "prometheus": {**shipped["prometheus"], "default": {"uri": "http://10.0.0.1:9090"}},
    }
