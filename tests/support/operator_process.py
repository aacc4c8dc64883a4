"""The operator as users run it: a process of its own, with a configuration file."""

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

from tests.support import forks, operator_account, operator_program
from tests.support.mlflow_server import free_port

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
SHOWN_LINES: Final = 10
# the API server's word through Kopf, and that of our own client
_REFUSED: Final = re.compile("forbidden: User |grant it in the operator's ClusterRole", re.IGNORECASE)


class OperatorProcess:
    """One operator process; it can be killed and started again with the same configuration."""

    def __init__(self, kubeconfig: str, config: Mapping[str, Any], directory: Path) -> None:
        self.log = directory / "operator.log"
        self._port = free_port("127.0.0.1")
        self.metrics_port = free_port("127.0.0.1")
        self._file = directory / "operator.json"  # JSON is YAML
        self._file.write_text(
            json.dumps({"livenessPort": self._port, "metrics": {"port": self.metrics_port}, **config})
        )
        self._environ = {**os.environ, "KUBECONFIG": kubeconfig, "MODELALIAS_CONFIG": str(self._file)}
        self._process: ForkServerProcess | None = None
        self._was_killed = False

    @property
    def pid(self) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def start(self, *, anew: bool = False) -> None:
        """Start and wait until the probe answers or it is killed, which a fault in its first write may do
        sooner; `anew` in a Python that has imported nothing yet."""
        self._begin(operator_program.COMMAND if anew else ())

    def _begin(self, command: tuple[str, ...]) -> None:
        self._was_killed = False
        self._process = forks.forks().Process(
            target=operator_program.serve, args=(self._environ, self.log, command), daemon=True
        )
        self._process.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers() and not self._was_killed:
            assert self._process.is_alive() or self._was_killed, f"the operator ended:\n{self.tail()}"
            assert time.monotonic() < deadline, f"the operator's probe does not answer:\n{self.tail()}"
            time.sleep(0.1)  # poll

    def assert_runs(self) -> None:
        """Fail with the end of its log if the process that was started last has ended."""
        assert self._process is not None
        assert self._process.is_alive(), f"the operator ended:\n{self.tail()}"

    def kill(self) -> None:
        """End it as a crash does, with no chance to clean up."""
        assert self._process is not None
        self._was_killed = True
        self._process.kill()
        self._process.join(STOP_SECONDS)

    def stop(self) -> int:
        """Ask it to end, as the kubelet does, and return its status."""
        assert self._process is not None
        if self._process.is_alive():
            self._process.terminate()
        self._process.join(STOP_SECONDS)
        if (status := self._process.exitcode) is not None:
            return status
        self.kill()
        raise AssertionError(f"the operator did not end within {STOP_SECONDS:g} s:\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def scrape(self) -> str:
        """Return its metrics."""
        with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def refused(self) -> list[str]:
        """Return the first lines of its log that tell of a permission it does not have."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if _REFUSED.search(line)][:SHOWN_LINES]

    def _answers(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


@contextmanager
def running_operator(
    kubeconfig: str, config: Mapping[str, Any], directory: Path
) -> Iterator[OperatorProcess]:
    """Run an operator under the account that is shipped until the block ends; nothing may have been refused
    to it."""
    signed_in = operator_account.signed_in(kubeconfig, config["lease"]["namespace"], directory)
    process = OperatorProcess(signed_in, config, directory)
    try:
        with running(process):
            yield process
    finally:  # also when the test failed: this may be why
        refused = process.refused()
        assert not refused, "operator-roles.yaml does not grant what the operator asked for:\n" + "\n".join(
            refused
        )


@contextmanager
def running(process: OperatorProcess) -> Iterator[None]:
    """Run an operator until the block ends."""
    process.start()
    try:
        yield
    finally:
        process.stop()


def config_for(namespace: str, mlflow_uri: str, **registry: Any) -> Mapping[str, Any]:
    """Return a configuration for one namespace, with a Lease of its own, so that tests do not meet."""
    return {
        "registries": {"default": {"uri": mlflow_uri, "snapshotInterval": "2s", **registry}},
        "namespaces": [namespace],
        "lease": {"namespace": namespace},
    }
