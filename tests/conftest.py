"""What every kind of test may ask for: a real MLflow server, a Kubernetes cluster, a namespace of its own."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings

from tests.support.mlflow_server import Server, running_mlflow

ROOT: Final = Path(__file__).resolve().parent.parent
KUBECONFIG: Final = ROOT / ".cluster" / "kubeconfig"
CLUSTER_SECONDS: Final = 900.0
KUBECTL_SECONDS: Final = 60.0
SIMULATED: Final = "the cluster has simulated nodes, no container runs on them"

# A loaded machine is slow, which says nothing about the code.
settings.register_profile(
    "machine", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("machine")

_left_out: Final = pytest.StashKey[dict[str, str]]()


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One MLflow server for the whole session: tests use models of their own."""
    with running_mlflow(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@pytest.fixture(scope="session")
def cluster() -> Mapping[str, Any]:
    """The state of the cluster, which is brought up when none runs and stays up afterwards."""
    state = _cluster_state()
    if not state.get("running"):
        _cluster("up")
        state = _cluster_state()
    if not state.get("running"):
        pytest.fail(f"the cluster was brought up but does not run: {state}", pytrace=False)
    if not KUBECONFIG.is_file():
        pytest.fail(f"the cluster runs but {KUBECONFIG.relative_to(ROOT)} is missing", pytrace=False)
    return state


@pytest.fixture(scope="session")
def kubeconfig(cluster: Mapping[str, Any]) -> str:  # noqa: ARG001 - the cluster must run
    return str(KUBECONFIG)


@pytest.fixture(scope="session")
def real_pods(cluster: Mapping[str, Any]) -> bool:
    return bool(cluster.get("real_pods"))


@pytest.fixture
def namespace_name() -> str:
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture
def namespace(kubeconfig: str, namespace_name: str) -> Iterator[str]:
    """A fresh namespace; its deletion is asked for and not awaited."""
    _kubectl(kubeconfig, "create", "namespace", namespace_name)
    yield namespace_name
    _kubectl(kubeconfig, "delete", "namespace", namespace_name, "--wait=false", "--ignore-not-found")


@pytest.fixture(autouse=True)
def _skip_without_real_pods(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("needs_real_pods") is None or request.getfixturevalue("real_pods"):
        return
    request.config.stash.setdefault(_left_out, {})[request.node.nodeid] = SIMULATED
    pytest.skip(SIMULATED)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the tests that were left out, so that a green run does not promise more than it looked at."""
    left_out = config.stash.get(_left_out, {})
    if not left_out:
        return
    terminalreporter.section("left out on this machine")
    for test, reason in sorted(left_out.items()):
        terminalreporter.line(f"{test}: {reason}")


def _cluster_state() -> Mapping[str, Any]:
    text = _cluster("status", "-o", "json")
    try:
        state = json.loads(text)
    except ValueError:
        pytest.fail(f"the cluster's status is not JSON: {text[:500]!r}", pytrace=False)
    return state if isinstance(state, dict) else {}


def _cluster(*arguments: str) -> str:
    return _run([sys.executable, "-m", "hack.cluster", *arguments], CLUSTER_SECONDS)


def _kubectl(kubeconfig: str, *arguments: str) -> str:
    return _run(["kubectl", "--kubeconfig", kubeconfig, *arguments], KUBECTL_SECONDS)


def _run(command: list[str], seconds: float) -> str:
    """Run a program and return what it says; fail the test with its last words otherwise."""
    what = " ".join(command[1:4])
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    except FileNotFoundError:
        pytest.fail(f"{command[0]} is not installed", pytrace=False)
    except subprocess.TimeoutExpired:
        pytest.fail(f"{what}: not done after {seconds:.0f} s", pytrace=False)
    if done.returncode != 0:
        pytest.fail(
            f"{what}: code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}", pytrace=False
        )
    return done.stdout
