"""`make compatibility`: the contract suite of the registry on each release of MLflow and each database behind it.

Without arguments all of `mlflow_releases.SERVERS`, and the table goes into docs/compatibility.md; with some, such as
`3.5.1:sqlite`, those alone, and the table is printed. What each run said stands in build/compatibility.
"""

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from hack.mlflow_releases import NEWEST, SERVERS, InstallError, Server, python_of

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "compatibility.md"
REPORTS: Final = ROOT / "build" / "compatibility"
BEGIN: Final = "<!-- written by `make compatibility` -->\n"
END: Final = "<!-- the end of what is written -->\n"
HEAD: Final = "| MLflow | database | failed | left out, because there is none |\n|---|---|---|---|\n"
SUITE: Final = "tests/contract/test_registry*.py"
ACCOUNTS: Final = "tests/compatibility/test_mlflow_*.py"
"""Asked of the newest release alone: older ones grant permissions in another way."""
NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL 15", "mariadb": "MariaDB 10.11"}
"""The databases of Debian 12."""


class Outcome(NamedTuple):
    """What the suite said of one server."""

    server: Server
    passed: int
    failed: int
    left_out: Sequence[str]
    """Why tests were left out, each reason once."""

    def __str__(self) -> str:
        """Write a row of the table, which stays as it is when a test is added that passes."""
        server, why = self.server, "; ".join(self.left_out) or "nothing"
        return f"| {server.release} | {NAMES[server.database]} | {self.failed} | {why} |\n"


def main(words: Sequence[str]) -> int:
    """Run what is asked for, and return 1 if a test failed."""
    parser = argparse.ArgumentParser(prog="python -m hack.compatibility", description=__doc__)
    parser.add_argument(
        "servers", nargs="*", metavar="RELEASE:DATABASE", help="default: all that the page names"
    )
    given = [Server(*word.split(":", 1)) for word in parser.parse_args(words).servers]
    try:
        outcomes = [_run(server) for server in given or SERVERS]
    except InstallError as error:
        _say(str(error))
        return 1
    table = HEAD + "".join(map(str, outcomes))
    sys.stdout.write(table)
    if not given:
        write(table)
    return int(any(outcome.failed for outcome in outcomes))


def write(table: str) -> None:
    """Put the table in the place of the last one on the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + "\n" + table + "\n" + END + rest.partition(END)[2], encoding="utf-8")


def stated() -> Sequence[str]:
    """Return the rows that stand on the page."""
    table = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    return table.strip().splitlines()[HEAD.count("\n") :]


def outcome_of(server: Server, report: str) -> Outcome:
    """Read what pytest wrote as JUnit's XML."""
    cases = list(ET.fromstring(report).iter("testcase"))  # noqa: S314 - as above
    skipped = [item for case in cases for item in case.iter("skipped")]
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    reasons = (
        item.get("message", "").partition(" has no ")[2] or item.get("message", "") for item in skipped
    )
    return Outcome(server, len(cases) - failed - len(skipped), failed, _counted(reasons))


def _counted(reasons: Iterable[str]) -> Sequence[str]:
    all_of_them = list(reasons)
    return tuple(f"{all_of_them.count(reason)} for {reason}" for reason in sorted(set(all_of_them)))


def _run(server: Server) -> Outcome:
    began = time.monotonic()
    _say(f"MLflow {server.release} on {NAMES[server.database]}")
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"{server.release}-{server.database}.xml"
    patterns = (SUITE, ACCOUNTS) if server == Server(NEWEST, "sqlite") else (SUITE,)
    suite = [str(file.relative_to(ROOT)) for pattern in patterns for file in sorted(ROOT.glob(pattern))]
    environ = {
        **os.environ,
        "MODELALIAS_TEST_MLFLOW_PYTHON": str(python_of(server.release)),
        "MODELALIAS_TEST_MLFLOW_DATABASE": server.database,
    }
    command = [sys.executable, "-m", "pytest", "-q", "-k", "mlflow", f"--junitxml={report}", *suite]
    with report.with_suffix(".log").open("w") as log:
        subprocess.run(command, cwd=ROOT, env=environ, stdout=log, stderr=subprocess.STDOUT, check=False)
    outcome = outcome_of(server, report.read_text(encoding="utf-8"))
    _say(f"{outcome.passed} passed, {outcome.failed} failed in {time.monotonic() - began:.0f} s")
    return outcome


def _say(text: str) -> None:
    sys.stderr.write(f"compatibility: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
