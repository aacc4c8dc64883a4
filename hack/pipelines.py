"""Checks of what other people's pipelines run: the actions, and the examples for GitHub and GitLab.

`python -m hack.pipelines`, which `make lint` runs. Everything is checked offline.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import yaml

from hack.cluster import recipes
from hack.cluster.build import built
from hack.cluster.errors import ClusterError

ROOT: Final = Path(__file__).resolve().parents[1]
_PROGRAMS: Final = Path(sys.executable).parent
_GITLAB: Final = ROOT / "examples" / "gitlab-ci" / ".gitlab-ci.yml"


def main() -> int:
    """Run every check, show what each has to say, and return 1 if one found something."""
    try:
        actionlint = built(recipes.ACTIONLINT) / "actionlint"
    except ClusterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    actions = _files(".github/actions/*/action.yml")
    workflows = _files("examples/github-actions/workflows/*.yaml")
    shellcheck = str(_PROGRAMS / "shellcheck")
    checks = [
        [str(actionlint), "-shellcheck", shellcheck, "-pyflakes=", *workflows],
        [
            str(_PROGRAMS / "zizmor"),
            *("--offline", "--quiet", "--persona=pedantic", "--config=.github/zizmor.yml"),
            *(*actions, *workflows),
        ],
        [shellcheck, *_files(".github/actions/*/*.sh")],
        _against("vendor.github-actions", actions),
        _against("vendor.github-workflows", workflows),
        _against("vendor.gitlab-ci", [str(_GITLAB)], "--data-transform=gitlab-ci"),
    ]
    failed = [check[0] for check in checks if _run(check) != 0]
    failed += [
        job for job, script in gitlab_scripts() if _run([shellcheck, "--shell=bash", "-"], script) != 0
    ]
    for name in failed:
        sys.stderr.write(f"pipelines: {Path(name).name} found something\n")
    return 1 if failed else 0


def gitlab_scripts() -> Iterator[tuple[str, str]]:
    """Return the jobs of the example for GitLab with their scripts."""
    for name, job in yaml.safe_load(_GITLAB.read_text(encoding="utf-8")).items():
        if isinstance(job, dict) and "script" in job:
            yield name, "\n".join(job["script"])


def _against(schema: str, files: Sequence[str], *options: str) -> list[str]:
    return [
        str(_PROGRAMS / "check-jsonschema"),
        f"--builtin-schema={schema}",
        *options,
        "--quiet",
        *files,
    ]


def _files(pattern: str) -> list[str]:
    found = sorted(str(path) for path in ROOT.glob(pattern))
    if not found:
        raise AssertionError(f"nothing is {pattern}")
    return found


def _run(command: Sequence[str], stdin: str | None = None) -> int:
    return subprocess.run(command, cwd=ROOT, input=stdin, text=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
