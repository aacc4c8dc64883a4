"""A runner of GitHub Actions, as far as the actions of this repository need one.

Steps are run as GitHub runs them: expressions are put into `env` and never into scripts, bash reads the script from a
file, outputs and the summary come back in files, and lines of the log are commands unless they were stopped.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
REPOSITORY: Final = "example/churn"
_EXPRESSION: Final = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_TERM: Final = re.compile(r"(\S+) (==|!=) '([^']*)'")
_LINE: Final = re.compile(r"^([\w-]+)=(.*)$", re.MULTILINE)
_OUTPUT: Final = re.compile(r"([\w-]+)<<(\S+)\n(.*?)\n?\2\n", re.DOTALL)


@dataclass
class Ran:
    """What a run of an action left behind."""

    failed: bool = False
    status: int = 0
    """The exit status of the step that failed."""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    log: str = ""
    kept: list[str] = field(default_factory=list)
    """The files that were given to upload-artifact."""
    ran: list[str] = field(default_factory=list)
    """The names of the steps that were run."""

    @property
    def commands(self) -> list[str]:
        """The lines of the log that the runner takes for commands."""
        found, stopped = [], ""
        for line in self.log.splitlines():
            if stopped:
                stopped = "" if line == f"::{stopped}::" else stopped
            elif line.startswith("::stop-commands::"):
                stopped = line.removeprefix("::stop-commands::")
            elif line.lstrip().startswith("::") or "##[" in line:
                found.append(line)
        return found


class Runner:
    """Runs the actions of this repository with a token and an identity, and first of all programs those of a folder."""

    def __init__(
        self, home: Path, api: str, event: Path, programs: Path | None = None, **environ: str
    ) -> None:
        self._home = home
        self.token = "ghs_the-token-of-the-job"  # noqa: S105 - of a server of the test
        self._environ = {
            "PATH": os.pathsep.join(
                str(item) for item in (programs, Path(sys.executable).parent, os.environ["PATH"]) if item
            ),
            "HOME": str(home),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": api,
            "GITHUB_SERVER_URL": "https://github.example.com",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "77",
            "GITHUB_EVENT_PATH": str(event),
            "RUNNER_TEMP": str(home),
            **environ,
        }

    def run(self, action: str, **inputs: str) -> Ran:
        """Run an action with these inputs (`run_id` for `run-id`)."""
        folder = ROOT / ".github" / "actions" / action
        described = yaml.safe_load((folder / "action.yml").read_text())
        given = {key.replace("_", "-"): value for key, value in inputs.items()}
        assert given.keys() <= described["inputs"].keys()
        known = {
            f"inputs.{name}": given.get(name, str(item.get("default", "")))
            for name, item in described["inputs"].items()
        }
        known["inputs.token"] = given.get("token", self.token)
        ran = Ran()
        for step in described["runs"]["steps"]:
            if _is_due(step, known, ran):
                ran.ran.append(step["name"])
                self._step(step, known, folder, ran)
        ran.outputs = {
            name: _filled(str(item["value"]), known) for name, item in described["outputs"].items()
        }
        return ran

    def script(self, script: str, **environ: str) -> Ran:
        """Run a script of a workflow."""
        ran = Ran()
        self._step({"name": "script", "id": "script", "run": script, "env": environ}, {}, self._home, ran)
        return ran

    def _step(self, step: Mapping[str, Any], known: dict[str, str], folder: Path, ran: Ran) -> None:
        if "uses" in step:
            ran.kept += _filled(step["with"]["path"], known).split()
            return
        files = {
            name: self._home / f"file-{name}"
            for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH")
        }
        for file in files.values():
            file.write_text("")
        script = self._home / "script.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=ROOT,
            env={
                **self._environ,
                **{name: str(file) for name, file in files.items()},
                "GITHUB_ACTION_PATH": str(folder),
                **{name: _filled(str(value), known) for name, value in step.get("env", {}).items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        ran.log += done.stdout
        ran.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        assert files["GITHUB_PATH"].read_text() == "", "the command line was there and was installed again"
        written = files["GITHUB_OUTPUT"].read_text()
        found = {name: value for name, _, value in _OUTPUT.findall(written)}
        found |= dict(_LINE.findall(_OUTPUT.sub("", written)))
        ran.outputs |= found
        known |= {f"steps.{step.get('id')}.outputs.{name}": value for name, value in found.items()}
        if done.returncode != 0:
            ran.failed, ran.status = True, done.returncode


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda found: known.get(found.group(1), ""), text)


def _is_due(step: Mapping[str, Any], known: Mapping[str, str], ran: Ran) -> bool:
    """Return whether a step is run: a step without a status function only while none has failed."""
    condition = step.get("if", "${{ success() }}")
    (expression,) = _EXPRESSION.findall(condition)
    terms = expression.split(" && ")
    if "!cancelled()" in terms:
        terms.remove("!cancelled()")
    elif ran.failed:
        return False
    for term in terms:
        if term == "success()":
            continue
        compared = _TERM.fullmatch(term)
        assert compared, term
        name, operator, value = compared.groups()
        if (known.get(name, "") == value) is not (operator == "=="):
            return False
    return True
