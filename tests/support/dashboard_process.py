"""The dashboard as it is deployed: a process of its own with a configuration file, and who looks at it."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

import yaml

SECONDS: Final = 30.0
HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Looked:
    """What the dashboard answered."""

    status: int
    text: str


class Stream:
    """A browser that listens; what it has heard grows."""

    def __init__(self, port: int, path: str, headers: Mapping[str, str]) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=SECONDS)
        self._connection.request("GET", path, headers=dict(headers))
        self._answer = self._connection.getresponse()
        self.heard = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while line := self._answer.readline():
                self.heard += line.decode()
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            return  # closed by the test

    def hears(self, text: str, *, after: int = 0) -> None:
        """Wait for a text."""
        _until(
            lambda: text in self.heard[after:], lambda: f"{text!r} was not heard, but:\n{self.heard[after:]}"
        )

    def __enter__(self) -> Self:
        self.hears('class="live">Live')
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._answer.close()


@dataclass(frozen=True)
class Dashboard:
    """One that runs."""

    port: int

    def get(self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Looked:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=SECONDS)
        try:
            connection.request(method, path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Looked(answer.status, answer.read().decode())
        finally:
            connection.close()

    def until(self, path: str, headers: Mapping[str, str], status: int) -> Looked:
        """Ask until the API server knows of a new role."""
        seen: list[Looked] = []

        def is_so() -> bool:
            seen.append(self.get(path, headers))
            return seen[-1].status == status

        _until(is_so, lambda: f"{path} is not answered by {status}, but by {seen[-1]}")
        return seen[-1]

    def stream(self, path: str, headers: Mapping[str, str] | None = None) -> Stream:
        return Stream(self.port, f"/events{path}", headers or {})


@contextmanager
def dashboard(folder: Path, kubeconfig: str, auth: Mapping[str, Any], namespace: str) -> Iterator[Dashboard]:
    """Run one until the block ends."""
    file = folder / "dashboard.yaml"
    body = {"auth": auth, "hosts": [HOST], "listen": {"port": 0}, "namespace": namespace}
    file.write_text(json.dumps(body))
    process = subprocess.Popen(
        [Path(sys.executable).with_name("modelalias"), "dashboard", "--config", str(file)],
        env={**os.environ, "KUBECONFIG": kubeconfig},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert "listens at" in line, line + process.stderr.read()
        yield Dashboard(int(line.partition(f"{HOST}:")[2].partition(",")[0]))
    finally:
        process.terminate()
        process.wait(SECONDS)
        process.stderr.close()


def kubeconfig_of(folder: Path, whole: str, *, token: str | None = None, port: int | None = None) -> str:
    """Write a kubeconfig with another user, or by another port of this machine."""
    body = yaml.safe_load(Path(whole).read_text(encoding="utf-8"))
    if token is not None:
        body["users"] = [{"name": item["name"], "user": {"token": token}} for item in body["users"]]
    if port is not None:
        for item in body["clusters"]:
            name = urlsplit(item["cluster"]["server"]).hostname
            item["cluster"] |= {"server": f"https://{HOST}:{port}", "tls-server-name": name}
    file = folder / f"kubeconfig-{token is None}-{port}"
    file.write_text(json.dumps(body))
    return str(file)


def _until(holds: Callable[[], bool], failure: Callable[[], str]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, failure()
        time.sleep(0.05)  # poll
