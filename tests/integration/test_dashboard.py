"""`modelalias dashboard` on the real API server: a process, the address that it prints, and the pages behind it."""

import http.client
import json
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.support.kube_api import Person
from tests.support.stage import Stage
from tests.support.terminal import ANA, Terminal

SECONDS: Final = 60
EVE: Final = Person("eve")
GATE: Final = {
    "name": "auc",
    "metric": "val_auc",
    "direction": "HigherIsBetter",
    "champion": {"minImprovement": 0.01},
}
CURRENT: Final = {"version": "3", "since": "2026-01-01T00:00:00Z", "actor": "ana"}


@dataclass
class Browser:
    """What keeps a cookie, as a browser does."""

    address: str
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.address, timeout=SECONDS)
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request("GET", path, headers={"Cookie": cookie, **(headers or {})})
            answer = connection.getresponse()
            for _, name, value in re.findall(
                r"((\S+?)=([^;]+))", answer.headers.get("Set-Cookie", "").split(";")[0]
            ):
                self.cookies[name] = value
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@contextmanager
def dashboard(terminal: Terminal, *options: str, who: Person = ANA) -> Iterator[tuple[str, str]]:
    """Start the command; give the address and the path with the token; end it as Ctrl-C does."""
    process = terminal.process("dashboard", "--port", "0", *options, who=who)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.fullmatch(r"the dashboard is at http://(127\.0\.0\.1:\d+)(/\?token=\S+)\n", line)
        assert found, line + process.stderr.read()
        yield found[1], found[2]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
        assert (process.returncode, out, err) == (0, "", "")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@contextmanager
def browser(terminal: Terminal, *options: str, who: Person = ANA) -> Iterator[Browser]:
    """Open the address that the command prints."""
    with dashboard(terminal, *options, who=who) as (address, opening):
        found = Browser(address)
        assert found.get(opening)[0] == 200
        yield found


@pytest.fixture
def team(stage: Stage) -> Stage:
    """Ana may edit in the namespace, and nothing elsewhere; eve may do nothing."""
    stage.bind({ANA: "edit"})
    return stage


def stand(stage: Stage, name: str, **status: object) -> None:
    """Apply a ModelAlias, with a status as the operator would write it."""
    stage.apply(
        "ModelAlias", name, {"model": f"churn-{stage.namespace}", "alias": name, "policy": {"gates": [GATE]}}
    )
    body = json.dumps({"status": {"phase": "Ready", "current": CURRENT, **status}})
    stage.kubectl("patch", "modelalias", name, "--subresource=status", "--type=merge", "-p", body)


def test_the_address_opens_the_board_with_ones_own_rights(team: Stage) -> None:
    stand(team, "champion")
    stand(team, "broken", phase="Failed")

    with dashboard(Terminal(team)) as (address, opening):
        ana, other = Browser(address), Browser(address)
        before = ana.get("/")[0]
        opened, again = ana.get(opening)[0], other.get(opening)[0]
        status, page = ana.get("/")
        foreign = ana.get("/", {"Host": "evil.example"})[0]

    assert (before, opened, again, foreign) == (401, 200, 401, 400)
    assert status == 200
    assert f"Only namespace {team.namespace} is shown" in page
    assert "signed in as</span> ana" in page
    needs, others = page.split('id="all"')
    assert "broken" in needs.split('id="needs"')[1]
    assert "champion" in others
    assert "read only" not in page


def test_filters_ask_the_api_server(team: Stage) -> None:
    stand(team, "champion")
    stand(team, "broken", phase="Failed", hold={"reason": "RolledBack", "since": CURRENT["since"]})
    namespace = f"namespace={team.namespace}"

    with browser(Terminal(team), "--read-only") as ana:
        pages = {
            query: ana.get(f"/?{namespace}&{query}")[1]
            for query in (
                "phase=Failed",
                "phase=Ready",
                "show=needs",
                "q=CHAMP",
                f"q=churn-{team.namespace}",
                "q=nobody",
            )
        }

    rows = {query: re.findall(r'id="row-[^_"]+_([^"]+)"', page) for query, page in pages.items()}
    assert rows == {
        "phase=Failed": ["broken"],
        "phase=Ready": ["champion"],
        "show=needs": ["broken"],
        "q=CHAMP": ["champion"],
        f"q=churn-{team.namespace}": ["broken", "champion"],
        "q=nobody": [],
    }
    assert all("read only" in page for page in pages.values())


def test_other_pages_of_what_there_is_and_is_not(team: Stage) -> None:
    stand(team, "champion")
    where = team.namespace

    with browser(Terminal(team)) as ana:
        paths = ("/a/{}/champion", "/a/{}/gone", "/r/{}/gone", "/m/default/churn-{}", "/a/kube-system/x")
        found = [ana.get(path.format(where))[0] for path in paths]
        model = ana.get(f"/m/default/churn-{where}")[1]

    assert found == [200, 404, 404, 200, 403]
    assert "Current" in model


def test_who_may_see_nothing_is_told_so(stage: Stage) -> None:
    with browser(Terminal(stage), who=EVE) as eve:
        status, page = eve.get("/")

    assert status == 403
    assert "Not allowed" in page
    assert "may not list" in page


def test_nobody_else_can_reach_it(team: Stage) -> None:
    with dashboard(Terminal(team)) as (address, _):
        port = address.split(":")[1]
        sockets = subprocess.run(
            ["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True, check=True
        ).stdout

    assert [line.split()[3] for line in sockets.splitlines()] == [address]
