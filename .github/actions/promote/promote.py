"""File a promotion, wait for its end, and tell the job how it ended; or judge a version by a file, without a cluster.

What the job is told in files: the result as JSON, and what people read as Markdown. Inputs come from the environment and
become arguments of a program, so no shell reads them.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import runner
from runner import WrongInputError

PROGRAM: Final = "modelalias"
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_OPTIONS: Final = (
    "version",
    "run-id",
    "from-alias",
    "expected-current",
    "name",
    "expires-after",
)
_LONGEST_REASON: Final = 1024
"""Characters that a request has room for: the message of a commit may be longer."""
_FAIL_ON: Final = ("refused", "error")


class Result(StrEnum):
    """How a promotion ended for the job."""

    SUCCEEDED = "succeeded"
    """Promoted, or there was nothing to do; with a file: the gates let it pass."""
    REFUSED = "refused"
    """A rule, a gate or a person refused it."""
    WAITING = "waiting"
    """People are asked to approve it, and the time is over."""
    FAILED = "failed"
    """It was undone, aborted, superseded, or could not be carried out."""
    ERROR = "error"
    """It was not filed or judged, its state cannot be read, or it has not ended for another reason."""


@dataclass(frozen=True)
class Filed:
    """What is known of the request; nothing of one that was not filed."""

    exit_status: int
    state: Mapping[str, Any]
    message: str

    @property
    def result(self) -> Result:
        """Return how it ended."""
        if self.exit_status == 0:
            return Result.SUCCEEDED
        phase = self.state.get("phase")
        if self.exit_status == 1:
            refused = phase == "Rejected" or self.state.get("result") == "Refused"
            return Result.REFUSED if refused else Result.FAILED
        return Result.WAITING if phase == "AwaitingApproval" else Result.ERROR

    def known(self, key: str) -> str:
        """Return a field of its state."""
        return str(self.state.get(key) or "")

    @property
    def explanation(self) -> str:
        """Return in one sentence how it stands."""
        return self.known("explanation") or self.message or "it was not filed"


def main() -> int:
    """Return the exit status of the step: that of the command, unless `fail-on` lets the result pass."""
    folder = Path(tempfile.mkdtemp(prefix="modelalias-", dir=os.environ["RUNNER_TEMP"]))
    fail_on = _FAIL_ON[0]
    try:
        fail_on = _fail_on()
        filed, told = _judge(folder) if runner.given("filename") else _promote(folder)
    except WrongInputError as error:
        filed, told = Filed(2, {}, str(error)), ""
    markdown = told or _markdown(filed)
    (folder / "summary.md").write_text(markdown, encoding="utf-8")
    runner.summary(markdown)
    runner.output(
        result=filed.result,
        phase=filed.known("phase"),
        version=filed.known("version"),
        request=filed.known("request"),
        result_json=str(folder / "result.json") if filed.state else "",
        summary=str(folder / "summary.md"),
    )
    return _ended(filed, fail_on)


def _ended(filed: Filed, fail_on: str) -> int:
    """Show on the page of the run how it ended, and return the exit status."""
    passes = filed.result is Result.SUCCEEDED or (
        fail_on == "error" and filed.result in {Result.REFUSED, Result.WAITING}
    )
    level = "notice" if filed.result is Result.SUCCEEDED else "warning" if passes else "error"
    what = "Verdict" if runner.given("filename") else "Promotion"
    runner.annotate(level, f"{what}: {filed.result}", filed.explanation)
    return 0 if passes else filed.exit_status


def _fail_on() -> str:
    value = runner.given("fail-on") or _FAIL_ON[0]
    if value not in _FAIL_ON:
        raise WrongInputError(f"fail-on is {' or '.join(_FAIL_ON)}, not {value!r}")
    return value


def _arguments() -> Iterator[str]:
    """Return the arguments for the command.

    A value is one argument with its option, so that none is taken for another option.
    """
    yield _name("alias", runner.given("alias"))
    yield from (f"--{option}={runner.given(option)}" for option in _OPTIONS if runner.given(option))
    reason = runner.given("reason")
    if reason:
        yield f"--reason={reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1] + '…'}"
    for option in ("skip-gates", "verdict-only"):
        if runner.switch(option):
            yield f"--{option}"
    yield f"--timeout={runner.given('timeout') or '10m'}"


def _place(folder: Path) -> Iterator[str]:
    """Return the arguments that say which cluster and namespace is meant."""
    namespace = runner.given("namespace")
    if namespace:
        yield f"--namespace={_name('namespace', namespace)}"
    server = runner.given("server")
    if server:
        yield f"--kubeconfig={_kubeconfig(server, folder / 'kubeconfig')}"


def _kubeconfig(server: str, path: Path) -> Path:
    """Write a kubeconfig whose user is the job itself: its token is asked of GitHub whenever one is needed."""
    if not server.startswith("https://"):
        raise WrongInputError("server is an address that begins with https://")
    authority = runner.given("certificate-authority")
    trusted = (
        {"certificate-authority-data": base64.b64encode(authority.encode()).decode()} if authority else {}
    )
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [str(Path(__file__).with_name("id_token.py")), runner.given("audience") or server],
        "interactiveMode": "Never",
    }
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "job",
        "contexts": [{"name": "job", "context": {"cluster": "job", "user": "job"}}],
        "clusters": [{"name": "job", "cluster": {"server": server, **trusted}}],
        "users": [{"name": "job", "user": {"exec": plugin}}],
    }
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


def _name(what: str, value: str) -> str:
    if not _NAME.fullmatch(value):
        raise WrongInputError(f"{what} is the name of a Kubernetes object, not {value!r}")
    return value


def _promote(folder: Path) -> tuple[Filed, str]:
    """File a request and wait; return also what people read of it, if that can be had."""
    arguments, place = list(_arguments()), list(_place(folder))
    filed = _run([PROGRAM, "promote", *arguments, *place, "--wait", "--output=json"], folder / "result.json")
    name = filed.known("request")
    if not name:
        return filed, ""
    show = (PROGRAM, "status", f"request/{name}", *place, "--output=markdown")
    done = subprocess.run(show, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return filed, done.stdout


def _judge(folder: Path) -> tuple[Filed, str]:
    """Judge a version by the file; return also what people read of the same verdict, if there is one."""
    alias = _name("alias", runner.given("alias"))
    file, version = (runner.given(name) for name in ("filename", "version"))
    command = [PROGRAM, "gate", f"--filename={file}", f"--name={alias}", f"--version={version}"]
    summary = folder / "summary.md"
    filed = _run([*command, "--output=json", f"--markdown={summary}"], folder / "result.json")
    return filed, summary.read_text(encoding="utf-8") if filed.state and summary.exists() else ""


def _run(command: Sequence[str], result: Path) -> Filed:
    """Run the command; its progress goes to the log while it waits."""
    message = ""
    with runner.without_commands(), result.open("wb") as standard_output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=standard_output, stderr=subprocess.PIPE, text=True
        )
        with process:
            for line in process.stderr or ():
                runner.tell(line.rstrip("\n"))
                message = line.strip()
    try:
        state = json.loads(result.read_bytes())
    except ValueError:
        result.unlink()
        return Filed(2, {}, message)
    return Filed(process.returncode, state, message)


def _markdown(filed: Filed) -> str:
    """Return what people read where the command shows nothing."""
    quoted = " ".join(filed.explanation.split()).replace("`", "'")
    name = filed.known("request")
    undone = "Not judged" if runner.given("filename") else "Not filed"
    return f"### {f'Request {name}' if name else undone}\n\n```text\n{quoted}\n```\n"


if __name__ == "__main__":
    sys.exit(main())
