"""The choice of a cluster provider, and kind driven by its own few commands (against a stand-in for the
program)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hack.cluster import record
from hack.cluster.__main__ import main
from hack.cluster.containers import shim_socket
from hack.cluster.errors import ClusterError
from hack.cluster.layout import Layout, cache_folder
from hack.cluster.pause_image import NAME, write
from hack.cluster.processes import MARK, Process, boot_id, kill, marked, start_time
from hack.cluster.provider import Kind
from hack.cluster.provider_kind import NODE_IMAGE, KindProvider
from hack.cluster.recipes import KIND, KUBE, KWOK, NODE, Recipe, parse_version
from hack.cluster.record import Record
from hack.cluster.removal import remove
from hack.cluster.selection import detect, on_debian, provider

Program = Callable[[str, str], None]

# A kind that writes down how it was called and keeps its clusters in a file.
KIND_PROGRAM = """
printf '%s\\n' "$*" >> "$0.calls"
case "$1 $2" in
  "create cluster") echo modelalias > "$0.clusters"; while [ $# -gt 0 ]; do
      [ "$1" = --kubeconfig ] && echo '{}' > "$2"; shift; done ;;
  "delete cluster") rm -f "$0.clusters" ;;
  "get clusters") cat "$0.clusters" 2>/dev/null || true ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first on PATH, for stand-ins of programs."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder


@pytest.fixture
def program(programs: Path) -> Program:
    """Puts a shell script on PATH."""

    def put(name: str, script: str) -> None:
        path = programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return put


@pytest.fixture
def layout() -> Iterator[Layout]:
    """A state folder with a short path, as sockets need: that of tmp_path grows with the tests' names and
    workers."""
    with TemporaryDirectory() as folder:
        found = Layout(Path(folder) / "c")
        found.make()
        yield found


def calls(programs: Path) -> Sequence[str]:
    return (programs / "kind.calls").read_text().splitlines()


def test_kind_is_chosen_where_a_docker_daemon_answers(program: Program) -> None:
    program("docker", '[ "$1" = info ]')

    assert detect() is Kind.KIND


@pytest.mark.parametrize(
    ("user", "expected"),
    [pytest.param(0, Kind.NODE, id="root"), pytest.param(1000, Kind.SIMULATED, id="anyone")],
)
@pytest.mark.parametrize(
    "docker",
    [
        pytest.param("exit 1", id="no-daemon"),
        pytest.param("exec sleep 60", id="daemon-hangs"),
        pytest.param(None, id="none"),
    ],
)
def test_without_docker_the_user_decides(
    programs: Path,
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    docker: str | None,
    user: int,
    expected: Kind,
) -> None:
    program("docker", docker or "exit 127")
    if docker is None:
        monkeypatch.setenv("PATH", str(programs / "nothing"))
    monkeypatch.setattr("hack.cluster.provider_kind.DOCKER_SECONDS", 0.2)
    monkeypatch.setattr("hack.cluster.selection.OS_RELEASE", debian(programs))
    monkeypatch.setattr(os, "geteuid", lambda: user)

    assert detect() is expected


def debian(folder: Path) -> Path:
    path = folder / "os-release"
    path.write_text('NAME="Debian GNU/Linux"\nID=debian\n')
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('ID=ubuntu\nID_LIKE="debian"\n', True, id="made-from-debian"),
        pytest.param('ID="fedora"\n', False, id="another"),
        pytest.param("", False, id="empty"),
    ],
)
def test_debian_is_known_by_its_release_file(tmp_path: Path, text: str, *, expected: bool) -> None:
    (tmp_path / "os-release").write_text(text)

    assert on_debian(tmp_path / "os-release") is expected


def test_kind_gets_one_command_for_each_step(
    programs: Path, program: Program, layout: Layout, tmp_path: Path
) -> None:
    program("kind", KIND_PROGRAM)
    archive = tmp_path / "image.tar"
    archive.touch()
    state = ("--state", str(layout.root))

    codes = [
        main([*state, "up", "--provider", "kind"]),
        main([*state, "load", str(archive)]),
        main([*state, "down"]),
    ]

    assert codes == [0, 0, 0]
    assert [call for call in calls(programs) if call != "get clusters"] == [
        (
            f"create cluster --name modelalias --kubeconfig {layout.root}/kubeconfig --image {NODE_IMAGE} "
            "--wait 120s"
        ),
        f"load image-archive {archive} --name modelalias",
        f"delete cluster --name modelalias --kubeconfig {layout.root}/kubeconfig",
    ]


def test_an_archive_is_loaded_again_only_when_it_changed(
    programs: Path, program: Program, layout: Layout, tmp_path: Path
) -> None:
    program("kind", KIND_PROGRAM)
    archive = tmp_path / "image.tar"
    archive.touch()
    state = ("--state", str(layout.root))
    main([*state, "up", "--provider", "kind"])

    for content in ("", "", "changed"):
        archive.write_text(content) if content else None
        main([*state, "load", str(archive)])
    main([*state, "down"])
    main([*state, "up", "--provider", "kind"])
    main([*state, "load", str(archive)])

    assert sum(call.startswith("load ") for call in calls(programs)) == 3


def test_a_second_up_keeps_the_cluster(programs: Path, program: Program, layout: Layout) -> None:
    program("kind", KIND_PROGRAM)

    codes = [main(["--state", str(layout.root), "up", "--provider", "kind"]) for _ in range(2)]

    assert codes == [0, 0]
    assert sum(call.startswith("create") for call in calls(programs)) == 1


def test_another_provider_is_refused_while_one_runs(
    program: Program, layout: Layout, capfd: pytest.CaptureFixture[str]
) -> None:
    program("kind", KIND_PROGRAM)
    main(["--state", str(layout.root), "up", "--provider", "kind"])

    code = main(["--state", str(layout.root), "up", "--provider", "simulated"])

    assert code == 1
    assert "take it down first" in capfd.readouterr().err


def test_a_failed_up_is_taken_down_again(
    programs: Path, program: Program, layout: Layout, capfd: pytest.CaptureFixture[str]
) -> None:
    program("kind", 'printf "%s\\n" "$1" >> "$0.calls"; [ "$1" != create ]')

    code = main(["--state", str(layout.root), "up", "--provider", "kind"])

    assert code == 1
    assert calls(programs) == ["create", "delete"]
    assert not layout.record.exists()
    assert "`kind create cluster" in capfd.readouterr().err


def test_status_tells_whether_pods_are_real(
    program: Program, layout: Layout, capfd: pytest.CaptureFixture[str]
) -> None:
    program("kind", KIND_PROGRAM)
    state = ("--state", str(layout.root))

    main([*state, "status", "-o", "json"])
    before = json.loads(capfd.readouterr().out)
    main([*state, "up", "--provider", "kind"])
    capfd.readouterr()
    main([*state, "status", "-o", "json"])
    after = json.loads(capfd.readouterr().out)

    assert before == {**before, "provider": None, "real_pods": False, "running": False}
    assert after == {**after, "provider": "kind", "real_pods": True, "running": True}


def test_an_image_needs_a_running_cluster(layout: Layout, capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["--state", str(layout.root), "load", "image.tar"])

    assert code == 1
    assert "bring one up first" in capfd.readouterr().err


def test_down_without_a_cluster_is_fine(layout: Layout) -> None:
    assert main(["--state", str(layout.root), "down"]) == 0
    assert main(["--state", str(layout.root / "never"), "down"]) == 0
    assert not (layout.root / "never").exists()


@pytest.mark.parametrize("kind", list(Kind))
def test_each_name_makes_its_provider(layout: Layout, kind: Kind) -> None:
    found = provider(kind, layout)

    assert found.kind is kind
    assert found.real_pods is (kind is not Kind.SIMULATED)


def test_kind_names_the_command_that_failed(program: Program, layout: Layout) -> None:
    program("kind", "exit 3")

    with pytest.raises(
        ClusterError, match="`kind load image-archive /x --name modelalias` failed with exit code 3"
    ):
        KindProvider(layout).load(Path("/x"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("address", "unix:///run/containerd/s/1\n", id="containerd-1"),
        pytest.param("bootstrap.json", '{"address": "unix:///run/containerd/s/1"}', id="containerd-2"),
    ],
)
def test_the_socket_of_a_shim_is_found(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)

    assert shim_socket(tmp_path) == Path("/run/containerd/s/1")


def test_a_bundle_without_an_address_has_no_socket(tmp_path: Path) -> None:
    assert shim_socket(tmp_path) is None


def test_a_recycled_pid_is_not_taken_for_the_process() -> None:
    began = start_time(os.getpid())
    assert began is not None

    assert Process("this", os.getpid(), began).alive()
    assert not Process("another", os.getpid(), began - 1).alive()


def test_only_processes_with_the_mark_of_the_state_folder_end(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    ours, other = (
        subprocess.Popen(command, env={MARK: str(tmp_path / name)}, stdout=subprocess.PIPE)
        for name in ("a", "b")
    )
    with ours, other:
        for child in (ours, other):
            assert child.stdout is not None
            child.stdout.readline()

        kill(marked(tmp_path / "a"))

        assert ours.wait(timeout=10) != 0
        assert other.poll() is None
        other.kill()


def test_a_record_from_before_a_restart_is_not_running(layout: Layout) -> None:
    began = start_time(os.getpid())
    assert began is not None
    process = Process("this", os.getpid(), began)
    record.write(layout, Record(Kind.NODE, "another boot", (process,), {"vm/panic_on_oom": "0"}))

    stale = record.read(layout)

    assert stale == Record(Kind.NODE, "another boot", (process,), {"vm/panic_on_oom": "0"})
    assert not stale.running()
    assert Record(Kind.NODE, boot_id(), (process,)).running()


def test_a_record_that_was_cut_short_counts_as_none(layout: Layout) -> None:
    layout.record.write_text('{"provider": "no')

    assert record.read(layout) is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({"MODELALIAS_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, "/c/cluster", id="own-variable"),
        pytest.param({"XDG_CACHE_HOME": "/x"}, "/x/modelalias/cluster", id="user-cache"),
        pytest.param({}, f"{Path.home()}/.cache/modelalias/cluster", id="default"),
    ],
)
def test_the_cache_is_where_its_variable_says(environ: dict[str, str], expected: str) -> None:
    assert cache_folder(environ) == Path(expected)


@pytest.mark.parametrize("recipe", [KUBE, NODE, KWOK, KIND], ids=lambda recipe: recipe.name)
def test_every_recipe_has_its_sources_and_checksums(recipe: Recipe) -> None:
    assert (recipe.folder / "go.sum").is_file()
    assert recipe.go_version >= (1, 26)
    assert recipe.fingerprint() == recipe.fingerprint()


def test_a_changed_recipe_is_built_anew() -> None:
    assert NODE.fingerprint() != replace(NODE, settings=("-X main.version=2",)).fingerprint()


def test_kubernetes_and_the_name_server_share_compiled_packages() -> None:
    assert NODE.folder == KUBE.folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [("go1.26.8", (1, 26, 8)), ("1.26.0", (1, 26, 0)), ("go1.27rc1", (1, 27)), ("devel", ())],
)
def test_go_versions_are_read(text: str, expected: tuple[int, ...]) -> None:
    assert parse_version(text) == expected


def test_the_pause_image_is_the_same_every_time(tmp_path: Path) -> None:
    (tmp_path / "pause").write_bytes(b"program")

    for name in ("one.tar", "two.tar"):
        write(tmp_path / "pause", tmp_path / name)

    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert NAME.encode() in (tmp_path / "one.tar").read_bytes()


def test_a_folder_is_deleted_but_not_what_its_links_lead_to(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    folder = tmp_path / "folder"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "file").touch()
    (folder / "to-folder").symlink_to(kept)
    (folder / "to-nothing").symlink_to(tmp_path / "nothing")

    remove(folder)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]
    assert (kept / "file").exists()
