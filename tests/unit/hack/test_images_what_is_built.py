"""An image is built again when something in it changed, and only then; pip's settings reach the build, paths
do not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hack.images import pip_settings, stamp
from hack.images.inputs import Image, digest
from hack.progress import cache_folder

PYPROJECT = """
[project]
name = "modelalias"
dependencies = ["kopf"]
[project.optional-dependencies]
training = ["mlflow"]
[tool.ruff]
line-length = 100
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("Dockerfile", ".dockerignore", "constraints.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    for folder in ("operator/modelalias", "training"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").write_text("")
    return tmp_path


def edit(name: str, text: str) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text(text)

    return change


BOTH = set(Image)


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        pytest.param(edit("Dockerfile", "FROM other"), BOTH, id="Dockerfile"),
        pytest.param(edit("constraints.txt", "kopf==2"), BOTH, id="pins"),
        pytest.param(edit("operator/modelalias/x.py", ""), {Image.OPERATOR}, id="operator source"),
        pytest.param(edit("training/x.py", ""), {Image.SERVING}, id="training source"),
        pytest.param(
            edit("pyproject.toml", PYPROJECT.replace("kopf", "kopf>1")), {Image.OPERATOR}, id="dependencies"
        ),
        pytest.param(
            edit("pyproject.toml", PYPROJECT.replace("mlflow", "mlflow>1")), BOTH, id="training dependencies"
        ),
        pytest.param(edit("pyproject.toml", PYPROJECT.replace("100", "127")), set(), id="linter settings"),
        pytest.param(edit("training/__pycache__/x.pyc", "x"), set(), id="bytecode"),
        pytest.param(edit("operator/modelalias.egg-info/PKG-INFO", "x"), set(), id="egg-info"),
        pytest.param(edit("README.md", "x"), set(), id="readme"),
    ],
)
def test_change_makes_the_images_stale_that_hold_it(
    tree: Path, change: Callable[[Path], None], stale: set[Image]
) -> None:
    before = {image: digest(image, tree, "") for image in Image}

    change(tree)

    assert {image for image in Image if digest(image, tree, "") != before[image]} == stale


def test_another_base_is_another_image(tree: Path) -> None:
    assert digest(Image.OPERATOR, tree, "") != digest(Image.OPERATOR, tree, "python:3.13")


def test_archive_counts_only_whole_and_with_its_inputs(tmp_path: Path) -> None:
    built = tmp_path / "operator.tar.partial"
    built.write_bytes(b"archive")
    assert not stamp.is_current(tmp_path, Image.OPERATOR, "abc")

    stamp.put(tmp_path, Image.OPERATOR, built, "abc")

    assert stamp.archive(tmp_path, Image.OPERATOR).read_bytes() == b"archive"
    assert stamp.is_current(tmp_path, Image.OPERATOR, "abc")
    assert not stamp.is_current(tmp_path, Image.OPERATOR, "def")
    stamp.archive(tmp_path, Image.OPERATOR).unlink()
    assert not stamp.is_current(tmp_path, Image.OPERATOR, "abc")


def test_pip_settings_reach_the_build_without_folders_of_this_machine() -> None:
    listing = (
        ":env:.default-timeout='180'\n:env:.find-links='/some/folder'\nglobal.cert='/some/ca.crt'\n"
        "global.index-url='one'\n:env:.index-url='two'\ninstall.trusted-host='a\\nb'\nsomething else\n"
    )

    settings = pip_settings.parse(listing)

    assert pip_settings.file_for_build(settings, with_ca=True).splitlines() == [
        "[global]",
        "index-url = two",
        "trusted-host = a",
        "    b",
        "timeout = 180",
        "cert = /run/secrets/ca",
    ]
    assert pip_settings.ca_bundle(settings, {}) == "/some/ca.crt"
    assert pip_settings.ca_bundle(settings, {"SSL_CERT_FILE": "/other.crt"}) == "/other.crt"


@pytest.mark.parametrize(
    ("environ", "folder"),
    [({"MODELALIAS_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"), ({"XDG_CACHE_HOME": "/b"}, "/b/modelalias")],
)
def test_cache_is_where_the_environment_says(environ: dict[str, str], folder: str) -> None:
    assert cache_folder(environ) == Path(folder)
