"""The files of others that the pages and their tests carry are exactly those that are recorded."""

import json
import shutil
from pathlib import Path

import pytest

from hack import assets
from hack.assets import AssetError


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, to be spoilt."""
    folder = tmp_path / "vendor"
    shutil.copytree(assets.VENDOR, folder)
    monkeypatch.setattr(assets, "VENDOR", folder)
    return folder


@pytest.mark.parametrize("folder", [assets.VENDOR, assets.AXE], ids=["pages", "tests"])
def test_the_committed_files_are_those_that_are_recorded(folder: Path) -> None:
    assets.check(folder)


@pytest.mark.parametrize("folder", [assets.VENDOR, assets.AXE], ids=["pages", "tests"])
def test_each_package_has_its_licence(folder: Path) -> None:
    for name, package in assets.recorded(folder).items():
        assert any(file.endswith(".LICENSE") for file in package["files"]), name


def test_a_file_that_was_changed_is_told(vendor: Path) -> None:
    with (vendor / "htmx.min.js").open("a") as file:
        file.write(" ")

    with pytest.raises(AssetError, match=r"htmx\.min\.js has sha512-"):
        assets.check(vendor)


def test_a_file_that_is_not_recorded_or_missing_is_told(vendor: Path) -> None:
    (vendor / "more.js").write_text("")
    (vendor / "uPlot.min.css").unlink()

    with pytest.raises(AssetError, match=r"more\.js is not recorded; uPlot\.min\.css is missing"):
        assets.check(vendor)


def test_a_package_of_another_integrity_is_not_taken(
    vendor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\necho other > x.tgz\necho \'[{"filename": "x.tgz"}]\'\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    before = (vendor / "htmx.min.js").read_bytes()

    assert assets.main() == 1
    assert (vendor / "htmx.min.js").read_bytes() == before
    assert json.loads((vendor / "vendor.json").read_text()).keys() == {"htmx.org", "uplot"}
