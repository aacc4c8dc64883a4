"""Debian's Prometheus as a process of this machine, which scrapes what a test tells it to."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from hack import debian
from hack.cluster.layout import say
from hack.progress import cache_folder
from tests.support.foreign_servers import HERE, free_ports, running

USER: Final = "ana"
PASSWORD: Final = "test"  # noqa: S105 - of a server that lives as long as a test
HASHED: Final = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"
"""The password as Prometheus' own documentation has it."""

_CONFIG: Final = {
    "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
    "scrape_configs": [{"job_name": "pods", "file_sd_configs": [{"files": ["targets.json"]}]}],
}

Sample = tuple[float, float]
"""Time and value."""


@dataclass(frozen=True)
class PrometheusServer:
    """A server that answers."""

    uri: str
    directory: Path

    def scrape(self, targets: Sequence[str], labels: Mapping[str, str] | None = None) -> None:
        """Scrape `/metrics` of these, each `host:port`, from now on and every second, and nothing else."""
        self.scrape_each({target: labels or {} for target in targets})

    def scrape_each(self, targets: Mapping[str, Mapping[str, str]]) -> None:
        """Do the same with labels for each of them."""
        groups = [{"targets": [target], "labels": {**labels}} for target, labels in targets.items()]
        fresh = self.directory / ".targets.json"
        fresh.write_text(json.dumps(groups))
        fresh.rename(self.directory / "targets.json")

    def samples(self, selector: str, last: str = "1h") -> Sequence[Sample]:
        """Return what it has scraped of some series in so much time, in the order of time."""
        found = self.ask(f"{selector}[{last}]")
        return sorted((float(at), float(value)) for series in found for at, value in series["values"])

    def ask(self, expression: str) -> Sequence[Mapping[str, Any]]:
        """Return the series that an expression yields now; fail with what Prometheus says against it."""
        query = urlencode({"query": expression})
        try:
            with urlopen(f"{self.uri}/api/v1/query?{query}", timeout=10) as answer:  # noqa: S310 - our own server
                result: Sequence[Mapping[str, Any]] = json.load(answer)["data"]["result"]
        except HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from error
        return result


@contextmanager
def running_prometheus(
    directory: Path,
    targets: Sequence[str] = (),
    *,
    host: str = HERE,
    port: int | None = None,
    authenticates: bool = False,
) -> Iterator[PrometheusServer]:
    """Run a Prometheus on data under the directory until the block ends; begin once it is ready.

    `host` other than loopback lets pods reach it.
    The same directory and port again is the same Prometheus, with what it has seen. One that authenticates takes
    USER with PASSWORD and nobody else, so that it is ready for the test and not for `/-/ready`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    chosen = port or free_ports(1)[0]
    server = PrometheusServer(f"http://{host}:{chosen}", directory)
    server.scrape(targets)
    (directory / "prometheus.yml").write_text(json.dumps(_CONFIG))
    users = {"basic_auth_users": {USER: HASHED}} if authenticates else {}
    (directory / "web.yml").write_text(json.dumps(users))
    command = [
        program("prometheus"),
        f"--config.file={directory / 'prometheus.yml'}",
        f"--web.config.file={directory / 'web.yml'}",
        f"--web.listen-address={host}:{chosen}",
        f"--storage.tsdb.path={directory / 'data'}",
        "--log.level=warn",
    ]
    ready = 401 if authenticates else 200
    with running(command, chosen, "/-/ready", directory, ready=ready, host=host):
        yield server


def program(name: str) -> str:
    """Return Debian's prometheus or promtool: the machine's, else from its package, fetched once into the cache.

    Skip the test on a machine that has neither them nor Debian's packages.
    """
    if found := shutil.which(name):
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip(f"{name} is not installed, and only root on Debian can fetch it")
    folder = debian.unpacked("prometheus", cache_folder(os.environ) / "debian" / "prometheus", say)
    return str(folder / "usr" / "bin" / name)
