"""Approving is looking first: at a terminal one is asked, and a script names the evidence that was looked at."""

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelalias.cli import main
from tests.support.cli_cluster import EVIDENCE, OTHER_EVIDENCE, approval, body, ended
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub

OWNER = {"metadata": {"name": "churn-champion"}, "spec": {"model": "churn", "alias": "champion"}}
CHECKLIST = {"required": 1, "valid": 0, "checklist": ["bias report read"]}
ENOUGH = 120.0


class Site:
    """An API server that holds one request."""

    def __init__(self) -> None:
        self.request = body()
        self.written: list[Mapping[str, Any]] = []
        self.user = "bo"
        self.owner: Mapping[str, Any] = OWNER

    def __call__(self, seen: Seen) -> Answer:
        if seen.path.endswith("/selfsubjectreviews"):
            return Answer({"status": {"userInfo": {"username": self.user, "groups": ["ml-leads"]}}}, 201)
        if seen.path.endswith("/modelaliases/churn-champion"):
            return Answer(self.owner)
        if seen.method == "PATCH":
            self.written.append(seen.values)
        return Answer(self.request)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def stub(site: Site) -> Iterator[HttpStub]:
    with http_stub(site) as found:
        yield found


@pytest.fixture
def kubeconfig(stub: HttpStub, tmp_path: Path) -> str:
    path = tmp_path / "config"
    path.write_text(
        f"""\
current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a, namespace: ml}}}}]
clusters: [{{name: a, cluster: {{server: "{stub.uri}"}}}}]
users: [{{name: a, user: {{token: hunter2}}}}]
"""
    )
    return str(path)


class Terminal:
    """A person at a real terminal, who reads a question before answering it."""

    def __init__(self, kubeconfig: str, *arguments: str) -> None:
        self._main, side = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "modelalias.cli", *arguments, "--kubeconfig", kubeconfig],
            stdin=side,
            stdout=subprocess.PIPE,
            stderr=side,
        )
        os.close(side)
        self.shown = ""

    def answer(self, question: str, text: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        deadline = time.monotonic() + ENOUGH
        while question not in self.shown:
            assert time.monotonic() < deadline, self.shown
            self._read()
        meanwhile()
        os.write(self._main, f"{text}\n".encode())

    def end(self) -> tuple[int, str]:
        """Return the exit status and the standard output."""
        while self._read():
            pass
        out, _ = self._process.communicate(timeout=ENOUGH)
        os.close(self._main)
        return self._process.returncode, out.decode()

    def _read(self) -> bool:
        try:
            part = os.read(self._main, 4096)
        except OSError:  # nobody writes to the terminal any more
            return False
        self.shown += part.decode()
        return bool(part)


def test_a_script_cannot_approve_what_nobody_looked_at(
    site: Site, kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["approve", "go", "--kubeconfig", kubeconfig]) == 2

    told = capsys.readouterr()
    assert told.out.startswith("request go: Promote of churn-champion, version 4, champion 3\n")
    assert told.err == (
        "modelalias: not approved: without a terminal nobody can be asked, so give the evidence of the verdict "
        "that somebody looked at with --evidence (modelalias status go shows both)\n"
    )
    assert site.written == []


def test_a_script_cannot_print_an_approval_either(
    site: Site, kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["approve", "go", "--dry-run", "--confirm-all", "--kubeconfig", kubeconfig]) == 2
    assert "spec/approvals" not in capsys.readouterr().out
    assert site.written == []


def test_a_script_approves_the_evidence_that_it_names(site: Site, kubeconfig: str) -> None:
    assert main.main(["approve", "go", "--evidence", EVIDENCE, "--kubeconfig", kubeconfig]) == 0
    assert len(site.written) == 1


def test_where_policies_hold_the_aliases_own_rules_do_not_say_who_may_approve(
    site: Site, kubeconfig: str
) -> None:
    own = {**OWNER["spec"], "policy": {"approval": {"groups": ["others"]}}}
    site.owner = {**OWNER, "spec": own}
    assert main.main(["approve", "go", "--evidence", EVIDENCE, "--kubeconfig", kubeconfig]) == 2

    site.owner = {**OWNER, "spec": own, "status": {"policy": {"sources": ["ClusterPromotionPolicy/base"]}}}
    assert main.main(["approve", "go", "--evidence", EVIDENCE, "--kubeconfig", kubeconfig]) == 0
    assert len(site.written) == 1


def test_a_script_that_names_other_evidence_is_refused(site: Site, kubeconfig: str) -> None:
    assert main.main(["approve", "go", "--evidence", OTHER_EVIDENCE, "--kubeconfig", kubeconfig]) == 2
    assert site.written == []


def test_a_rejection_needs_no_terminal_because_a_slip_moves_nothing(site: Site, kubeconfig: str) -> None:
    assert main.main(["reject", "go", "-m", "not now", "--kubeconfig", kubeconfig]) == 0
    assert len(site.written) == 1


def test_what_is_approved_already_asks_nobody(site: Site, kubeconfig: str) -> None:
    site.request = body({"approvals": [approval("bo")]})

    assert main.main(["approve", "go", "--kubeconfig", kubeconfig]) == 0
    assert site.written == []


@pytest.mark.parametrize(
    ("request_body", "user", "words"),
    [
        (body(**ended()), "bo", "request go has ended: Rejected, version 4 refused"),
        (body(), "ana", "you cannot approve your own request"),
        (body(resolved=None), "bo", "request go has not been judged yet"),
    ],
    ids=["ended", "own-request", "not-judged"],
)
def test_what_would_be_refused_is_refused_before_anybody_is_asked(
    site: Site,
    kubeconfig: str,
    request_body: dict[str, Any],
    user: str,
    words: str,
) -> None:
    site.request, site.user = request_body, user
    terminal = Terminal(kubeconfig, "approve", "go")

    assert terminal.end() == (2, "")
    assert words in terminal.shown
    assert "[y/N]" not in terminal.shown


def test_at_a_terminal_the_verdict_is_shown_and_asked_about(site: Site, kubeconfig: str) -> None:
    site.request = body({"reason": "retrained"}, approvals=CHECKLIST)
    terminal = Terminal(kubeconfig, "approve", "go")
    terminal.answer("do you confirm: bias report read? [y/N] ", "y")
    terminal.answer("approve version 4, champion 3, of churn-champion as bo? [y/N] ", "yes")

    assert terminal.end() == (0, "approved by bo\n")
    for part in ("requested by ana: retrained", ">= 0.81 (champion 0.8 + 0.01)", EVIDENCE):
        assert part in terminal.shown
    assert EVIDENCE in json.dumps(site.written)
    assert "bias report read" in json.dumps(site.written)


@pytest.mark.parametrize("answer", ["", "n", "maybe"])
def test_everything_but_yes_is_no(site: Site, kubeconfig: str, answer: str) -> None:
    terminal = Terminal(kubeconfig, "approve", "go")
    terminal.answer("[y/N] ", answer)

    assert terminal.end() == (2, "")
    assert "modelalias: not approved" in terminal.shown
    assert site.written == []


def test_a_sentence_that_is_not_confirmed_ends_it(site: Site, kubeconfig: str) -> None:
    site.request = body(approvals=CHECKLIST)
    terminal = Terminal(kubeconfig, "approve", "go")
    terminal.answer("[y/N] ", "n")

    assert terminal.end() == (2, "")
    assert "not approved: not confirmed: bias report read" in terminal.shown
    assert site.written == []


def test_a_verdict_that_changed_while_somebody_read_the_old_one_is_not_approved(
    site: Site, kubeconfig: str
) -> None:
    def judge_again() -> None:
        site.request = body(
            resolved={"version": "4", "champion": "5", "from": "version 4", "evidence": OTHER_EVIDENCE}
        )

    terminal = Terminal(kubeconfig, "approve", "go")
    terminal.answer("[y/N] ", "y", judge_again)

    assert terminal.end() == (2, "")
    assert f"the evidence of request go has changed to {OTHER_EVIDENCE}" in terminal.shown
    assert site.written == []
