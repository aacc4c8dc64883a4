"""Statuses, messages and what is loaded: what a pipeline sees of `modelalias`."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from modelalias.cli import alias_file
from modelalias.cli.main import COMMANDS, main, parser
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub

ALIAS = """\
apiVersion: modelalias.dev/v1alpha1
kind: ModelAlias
metadata: {name: churn-champion}
spec:
  model: churn
  alias: champion
  policy: {eligibility: {requireTags: {validated_by: "*"}}}
"""
TAGS: Mapping[str, Any] = {"1": "ana", "2": "ana\n::error::bad \x1b[31m", "3": None, "4": "J\u00fcrgen"}

ALIASES = [{"alias": "champion", "version": "1"}, {"alias": "staging", "version": "2"}]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MLFLOW_TRACKING_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def registry() -> Iterator[HttpStub]:
    with http_stub(_answer) as stub:
        yield stub


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "alias.yaml"
    path.write_text(ALIAS)
    return str(path)


def _answer(seen: Seen) -> Answer:
    """Answer as MLflow does about one model with three versions, the first of them champion."""
    if seen.path.endswith("/registered-models/get"):
        return Answer({"registered_model": {"name": "churn", "aliases": ALIASES}})
    if seen.path.endswith("/model-versions/get") and seen.values["version"] in TAGS:
        tag = TAGS[seen.values["version"]]
        tags = [] if tag is None else [{"key": "validated_by", "value": tag}]
        version = {"name": "churn", "version": seen.values["version"], "status": "READY", "tags": tags}
        return Answer({"model_version": version})
    return Answer({"error_code": "RESOURCE_DOES_NOT_EXIST"}, 404)


@pytest.mark.parametrize(
    ("version", "status"), [("1", 0), ("2", 0), ("3", 1)], ids=["nothing-to-do", "passed", "refused"]
)
def test_the_status_is_the_verdict(
    registry: HttpStub, file: str, version: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "-f", file, "--version", version, "--tracking-uri", registry.uri]) == status

    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.splitlines()[0] == f"model churn, alias champion, version {version}, champion 1"
    assert {seen.method for seen in registry.seen} == {"GET"}


def test_what_only_the_operator_knows_is_status_2(
    registry: HttpStub, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(file).write_text(
        ALIAS.replace('requireTags: {validated_by: "*"}', "soak: {alias: staging, for: 1h}")
    )

    assert main(["gate", "-f", file, "--version", "2", "--tracking-uri", registry.uri]) == 2

    told = capsys.readouterr()
    assert "eligibility   Inconclusive" in told.out
    assert told.err == ""


def test_json_is_for_programs(
    registry: HttpStub, file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)

    assert main(["gate", "-f", file, "--version", "3", "-o", "json"]) == 1

    told = json.loads(capsys.readouterr().out)
    assert (told["result"], told["reason"], told["version"], told["champion"]) == (
        "Refused",
        "NotEligible",
        "3",
        "1",
    )
    assert told["eligibility"][0]["result"] == "Failed"
    assert told["evidence"].startswith("sha256:")


def test_what_stands_in_the_registry_begins_no_line_and_moves_no_cursor(
    registry: HttpStub, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["gate", "-f", file, "--version", "2", "--tracking-uri", registry.uri])

    told = capsys.readouterr().out
    assert "ana?::error::bad ?[31m" in told
    assert not any(line.startswith("::") for line in told.splitlines())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--version", "9"], "model churn has no version 9"),
        (["--version", "2", "--name", "other"], "it contains no ModelAlias named other"),
        (["--version", "2", "-f", "/none.yaml"], "cannot read /none.yaml: No such file or directory"),
        (
            ["--version", "2", "--tracking-uri", "http://ana:hunter2@mlflow"],
            "the tracking URI contains credentials",
        ),
        (["--version", "2", "--tracking-uri", "http://127.0.0.1:1"], "the registry cannot be reached"),
    ],
)
def test_what_cannot_be_judged_is_one_line_and_status_2(
    registry: HttpStub, file: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "-f", file, "--tracking-uri", registry.uri, *arguments]) == 2

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("modelalias: ")
    assert said in told.err
    assert told.err.count("\n") == 1
    assert "hunter2" not in told.err


@pytest.mark.parametrize(
    ("environ", "hint"), [({}, True), ({"MLFLOW_TRACKING_TOKEN": "hunter2"}, False)], ids=["none", "wrong"]
)
def test_refused_credentials_are_status_2(
    file: str,
    environ: Mapping[str, str],
    hint: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    with http_stub(lambda _: Answer(b"hunter2 is not welcome", 401)) as stub:
        assert main(["gate", "-f", file, "--version", "2", "--tracking-uri", stub.uri]) == 2

    told = capsys.readouterr().err
    assert "does not accept the credentials (401)" in told
    assert ("set MLFLOW_TRACKING_USERNAME" in told) is hint
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["judge"],
        ["gate"],
        ["gate", "-f", "x"],
        ["gate", "-f", "x", "--version", "2", "-o", "yaml"],
        ["gate", "-f", "x", "--version", "2", "--tracking", "http://ana:hunter2@mlflow"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("usage: modelalias")
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--version"], "modelalias 0."),
        (["--help"], "  gate "),
        (["gate", "--help"], "\n  modelalias gate -f alias.yaml "),
    ],
)
def test_help_and_version_are_answers(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert not ended.value.code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_explained_the_same_without_the_others(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for known in (parser(), parser([name])):
        with pytest.raises(SystemExit) as ended:
            known.parse_args([name, "--help"])
        assert not ended.value.code
        told.append(capsys.readouterr().out)

    assert told[0].startswith(f"usage: modelalias {name} ")
    assert told[0] == told[1]


@pytest.mark.parametrize("arguments", [["judge"], ["judge", "gate"]], ids=" ".join)
def test_where_no_command_is_typed_all_are_named(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert f"(choose from {', '.join(map(repr, COMMANDS))})" in capsys.readouterr().err

    with pytest.raises(SystemExit):
        main(["--help"])
    help_text = capsys.readouterr().out
    assert [name for name in COMMANDS if re.search(rf"\n    {name}\s", help_text)] == list(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        (["--version"], ("pydantic", "asyncio", "modelalias.api")),
        (["resolve", "--help"], ("modelalias.cli.gate", "modelalias.cli.status", "modelalias.core.decide")),
        (["status", "--help"], ("modelalias.cli.gate", "modelalias.core.judging.verdict")),
    ],
    ids=" ".join,
)
def test_what_a_command_does_not_need_is_not_imported(
    arguments: Sequence[str], spared: Sequence[str]
) -> None:
    program = (
        "import atexit, sys; from modelalias.cli.main import main\n"
        "atexit.register(lambda: print('imported:', *sorted({*sys.argv[1].split()} & sys.modules.keys())))\n"
        "main(sys.argv[2:])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, " ".join(spared), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "imported:"


def test_nothing_heavy_is_loaded_before_the_registry_is_asked(tmp_path: Path) -> None:
    """The clients of a cluster never are; MLflow's is when the file and the address are good."""
    (tmp_path / "alias.yaml").write_text(ALIAS)
    program = (
        "import sys; from modelalias.cli.main import main\n"
        "status = main(['gate', '-f', 'alias.yaml', '--version', '2', '--tracking-uri', sys.argv[1]])\n"
        "print(status, *sorted({'mlflow', 'kopf', 'kubernetes', 'aiohttp'} & sys.modules.keys()))"
    )

    def loaded(uri: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, uri],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    assert loaded("no-address") == "2"
    assert loaded("http://127.0.0.1:1") == "2 mlflow"


def test_a_reader_that_leaves_early_is_no_failure(registry: HttpStub, file: str) -> None:
    """As with `modelalias gate ... | head -0`: the status stays the verdict's, and nothing is said about the
    pipe."""
    reader, writer = os.pipe()
    os.close(reader)
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "modelalias.cli",
            "gate",
            "-f",
            file,
            "--version",
            "3",
            "--tracking-uri",
            registry.uri,
        ],
        env=buffered,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writer)

    assert (done.returncode, done.stderr) == (1, "")


def test_what_a_terminal_cannot_show_is_no_failure(registry: HttpStub, file: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "modelalias.cli",
            "gate",
            "-f",
            file,
            "--version",
            "4",
            "--tracking-uri",
            registry.uri,
        ],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "validated_by=J\\xfcrgen" in done.stdout


def test_who_interrupts_it_sees_no_traceback(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(alias_file, "read", interrupt)

    assert main(["gate", "-f", file, "--version", "4"]) == 130


def test_a_bug_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(alias_file, "read", fail)

    assert main(["gate", "-f", file, "--version", "1", "--tracking-uri", "http://127.0.0.1:9"]) == 2
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_half_an_address_is_refused(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "-f", file, "--version", "1", "--tracking-uri", "http://[::1"]) == 2
    assert capsys.readouterr().err.startswith(
        "modelalias: the tracking URI is not the address of an MLflow server"
    )


def test_the_commands_of_people_load_no_operator(tmp_path: Path) -> None:
    program = (
        "import sys; from modelalias.cli.main import main\n"
        "status = main(['status', 'go', '--kubeconfig', 'config'])\n"
        "print(status, *sorted({'mlflow', 'kopf', 'kubernetes', 'modelalias.handlers'} & sys.modules.keys()))"
    )

    def loaded(kubeconfig: str) -> str:
        (tmp_path / "config").write_text(kubeconfig)
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    assert loaded("") == "2"
    clusters = "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]"
    assert (
        loaded(f"current-context: a\ncontexts: [{{name: a, context: {{cluster: a}}}}]\n{clusters}")
        == "2 kubernetes"
    )


@pytest.mark.parametrize(
    ("program", "usage"),
    [
        ("/usr/bin/modelalias", "usage: modelalias approve "),
        ("/opt/kubectl-modelalias", "usage: kubectl modelalias approve "),
    ],
    ids=["by-itself", "by-kubectl"],
)
def test_help_names_what_was_typed(
    program: str, usage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [program])

    with pytest.raises(SystemExit):
        main(["approve", "--help"])

    told = capsys.readouterr().out
    assert told.startswith(usage)
    assert f"{usage.removeprefix('usage: ')}churn-v4 --confirm-all" in told


@pytest.mark.parametrize(
    "command",
    [
        *("gate", "promote", "status", "approve", "reject", "abort", "pin", "unpin", "history", "export"),
        *("lineage", "compare", "retry", "doctor", "completion"),
    ],
)
def test_each_command_explains_its_statuses(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])

    told = capsys.readouterr().out
    assert "examples:" in told or "example:" in told
    assert "exit status:\n  0   " in told
