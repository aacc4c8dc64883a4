"""A release: what refuses it, what it changes, and that nothing has changed when it fails."""

import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from hack.images.inputs import Image, Origin, digest
from hack.release import artifacts, changelog, consistency, version
from hack.release.__main__ import ROOT, make
from hack.release.errors import ReleaseError

DAY = date(2026, 12, 1)
CHANGES = "# Changelog\n\n## Unreleased\n\n- New: a thing.\n\n## 0.1.0 - 2026-11-28\n\n- The first.\n"
FILES = {
    "CHANGELOG.md": CHANGES,
    "pyproject.toml": '[project]\nname = "modelalias"\nversion = "0.1.0"\ndependencies = ["kopf==1.0"]\n',
    "charts/modelalias/Chart.yaml": "apiVersion: v2\nversion: 0.1.0\nappVersion: 0.1.0\n",
    "manifests/base/deployment.yaml": "image: registry.invalid/modelalias/operator:0.1.0\nother: 0.1.0\n",
    "docs/install.md": 'image: {tag: "0.1.0"}\n',
}


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def _write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files that name the version, in no repository."""
    for name, text in FILES.items():
        _write(tmp_path / "tree", name, text)
    return tmp_path / "tree"


@pytest.fixture
def repository(tree: Path) -> Path:
    _git(tree, "init", "--quiet", "--initial-branch=main")
    for key, value in (
        ("user.name", "Ana"),
        ("user.email", "ana@example.com"),
        ("core.hooksPath", "/nowhere"),
    ):
        _git(tree, "config", key, value)
    _git(tree, "add", ".")
    _git(tree, "commit", "--quiet", "--message=Begin")
    return tree


def _builds_nothing(tree: Path, out: Path, seconds: str, origin: Origin) -> None:
    pytest.fail(f"built {origin.version} of {tree} at {seconds} into {out}")


def test_everything_in_this_repository_names_the_same_version() -> None:
    assert consistency.differences(ROOT) == []
    assert {place.path.parts[0] for place in version.places(ROOT)} == {
        "pyproject.toml",
        "charts",
        "manifests",
        "docs",
    }


@pytest.mark.parametrize(
    ("name", "before", "after", "told"),
    [
        ("charts/modelalias/Chart.yaml", "appVersion: 0.1.0", "appVersion: 0.0.9", "Chart.yaml:3: 0.0.9"),
        ("manifests/base/deployment.yaml", "operator:0.1.0", "operator:dev", "deployment.yaml:1: dev"),
        ("docs/install.md", "0.1.0", "0.2.0", "install.md:1: 0.2.0"),
        ("CHANGELOG.md", "## 0.1.0 - 2026-11-28", "## 0.1.1 - 2026-11-28", "newest release is 0.1.1"),
        ("CHANGELOG.md", "## 0.1.0 - 2026-11-28", "## 0.1.0", "no release: 0.1.0"),
        ("CHANGELOG.md", "## Unreleased", "## Next", "no release: Next"),
        ("CHANGELOG.md", "- The", "## 0.2.0 - 2026-11-29\n\n- The", "0.2.0 stands below 0.1.0"),
    ],
)
def test_a_place_that_names_another_version_is_told_with_its_line(
    tree: Path, name: str, before: str, after: str, told: str
) -> None:
    assert consistency.differences(tree) == []
    assert before in FILES[name]

    _write(tree, name, FILES[name].replace(before, after))

    assert told in "\n".join(consistency.differences(tree))


def _edit(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: _write(folder, name, text)


def _commit(name: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        _write(folder, name, text)
        _git(folder, "add", ".")
        _git(folder, "commit", "--quiet", "--message=Change")

    return change


def _nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "wanted", "told"),
    [
        pytest.param(_edit("docs/install.md", "x"), "0.2.0", "the work tree has changes", id="changed file"),
        pytest.param(_edit("new.txt", "x"), "0.2.0", "the work tree has changes", id="new file"),
        pytest.param(_nothing, "0.1.0", "0.1.0 is not newer than 0.1.0", id="the same version"),
        pytest.param(_nothing, "0.0.10", "0.0.10 is not newer than 0.1.0", id="an older version"),
        pytest.param(_nothing, "v0.2", "'v0.2' is no version", id="no version"),
        pytest.param(_nothing, "", "'' is no version", id="none given"),
        pytest.param(
            _commit("CHANGELOG.md", CHANGES.replace("- New: a thing.\n", "")),
            "0.2.0",
            "nothing stands under Unreleased",
            id="nothing new",
        ),
        pytest.param(
            _commit("docs/install.md", 'tag: "0.0.9"'), "0.2.0", "install.md:1: 0.0.9", id="another version"
        ),
        pytest.param(
            lambda folder: _git(folder, "tag", "v0.2.0"), "0.2.0", "tag v0.2.0 is there", id="tagged"
        ),
    ],
)
def test_a_release_is_refused_and_changes_nothing(
    repository: Path, tmp_path: Path, change: Callable[[Path], object], wanted: str, told: str
) -> None:
    change(repository)
    before = _git(repository, "rev-parse", "HEAD"), _git(repository, "status", "--porcelain")

    with pytest.raises(ReleaseError, match=told):
        make(repository, wanted, DAY, tmp_path / "out", _builds_nothing)

    assert (_git(repository, "rev-parse", "HEAD"), _git(repository, "status", "--porcelain")) == before
    assert not (tmp_path / "out").exists()


def test_the_first_release_may_have_the_version_that_stands_there(repository: Path, tmp_path: Path) -> None:
    _commit("CHANGELOG.md", CHANGES.split("## 0.1.0", maxsplit=1)[0])(repository)

    make(repository, "0.1.0", DAY, tmp_path / "out", lambda *_: None)

    assert changelog.released((repository / "CHANGELOG.md").read_text()) == ("0.1.0",)


def test_a_release_is_one_commit_from_which_all_is_built(repository: Path, tmp_path: Path) -> None:
    out, seen = tmp_path / "out", []
    _write(tmp_path, "out/old.whl", "of a release before")

    def build(tree: Path, folder: Path, seconds: str, origin: Origin) -> None:
        seen.append((version.declared(tree), _git(tree, "status", "--porcelain"), seconds, origin))
        _write(folder, "chart/a.tgz", "x")

    make(repository, "0.2.0", DAY, out, build)

    commit = _git(repository, "rev-parse", "HEAD")
    assert seen == [("0.2.0", "", _git(repository, "log", "-1", "--format=%ct"), Origin("0.2.0", commit))]
    assert _git(repository, "log", "--format=%s") == "Release 0.2.0\nBegin"
    assert _git(repository, "status", "--porcelain") == ""
    assert consistency.differences(repository) == []
    assert {place.version for place in version.places(repository)} == {"0.2.0"}
    assert (repository / "manifests/base/deployment.yaml").read_text().endswith("other: 0.1.0\n")
    assert (repository / "CHANGELOG.md").read_text() == CHANGES.replace(
        "## Unreleased\n", "## Unreleased\n\n## 0.2.0 - 2026-12-01\n"
    )
    assert (out / "NOTES.md").read_text() == "- New: a thing.\n"
    assert not (out / "old.whl").exists()
    check = ["sha256sum", "--check", artifacts.SUMS]
    checked = subprocess.run(check, cwd=out, capture_output=True, text=True, check=True)
    assert checked.stdout.splitlines() == ["NOTES.md: OK", "chart/a.tgz: OK"]
    assert len(_git(repository, "worktree", "list").splitlines()) == 1


def test_a_build_that_fails_leaves_the_branch_as_it_was(repository: Path, tmp_path: Path) -> None:
    def build(*_: object) -> None:
        raise ReleaseError("no Helm")

    with pytest.raises(ReleaseError, match="no Helm"):
        make(repository, "0.2.0", DAY, tmp_path / "out", build)

    assert _git(repository, "log", "--format=%s") == "Begin"
    assert _git(repository, "status", "--porcelain") == ""
    assert len(_git(repository, "worktree", "list").splitlines()) == 1


def test_what_is_installed_and_not_in_the_bill_of_materials_is_named() -> None:
    bill = {
        "metadata": {"component": {"name": "modelalias", "version": "0.1.0"}},
        "components": [{"name": "Jinja2", "version": "3.1.6"}, {"name": "yarl", "version": "1.0"}],
    }
    installed = [("modelalias", "0.1.0"), ("jinja2", "3.1.6"), ("yarl", "2.0"), ("kopf", "1.0")]

    missing = artifacts.unlisted(bill, [{"name": name, "version": number} for name, number in installed])

    assert missing == ["yarl 2.0", "kopf 1.0"]


def test_an_image_with_labels_of_a_release_is_another_image(repository: Path) -> None:
    for name in ("Dockerfile", ".dockerignore", "constraints.txt"):
        _write(repository, name, name)

    found = {digest(Image.OPERATOR, repository, "", it) for it in (None, Origin("1", "a"), Origin("1", "b"))}

    assert len(found) == 3
