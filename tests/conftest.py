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

from hack import browser
from tests.support.kube_api import KubeApi
from tests.support.mlflow_server import Server
from tests.support.shared_mlflow import shared_mlflow
from tests.support.whole_run import Owner, WholeRun

ROOT: Final = Path(__file__).resolve().parent.parent
KUBECONFIG: Final = ROOT / ".cluster" / "kubeconfig"
CLUSTER_SECONDS: Final = 900.0
RUN: Final = "modelalias_run"
SIMULATED: Final = "the cluster has simulated nodes, no container runs on them"
LEFT_OUT: Final = (SIMULATED, browser.NONE)

# A loaded machine is slow, which says nothing about the code.
settings.register_profile(
    "machine", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("machine")

_owner: Final = pytest.StashKey[Owner]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin the run; a worker of pytest-xdist takes part in the run of the process that started it."""
    if not hasattr(config, "workerinput"):
        config.stash[_owner] = Owner()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker which run it takes part in."""
    node.workerinput[RUN] = str(node.config.stash[_owner].run.folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the run, once all workers have ended."""
    if (owner := config.stash.get(_owner, None)) is not None:
        owner.end()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what the cluster's nodes are not made for, before anything is prepared for it."""
    real = item.get_closest_marker("needs_real_pods") is not None
    pretended = item.get_closest_marker("needs_simulated_pods") is not None
    if not real and not pretended:
        return
    has_real = bool(_cluster_that_runs(_run_of(item.config)).get("real_pods"))
    if real and not has_real:
        pytest.skip(SIMULATED)
    if pretended and has_real:
        pytest.skip(
            "its images do not run here: it wants simulated nodes (hack.cluster up --provider simulated)"
        )


def _run_of(config: pytest.Config) -> WholeRun:
    if (owner := config.stash.get(_owner, None)) is not None:
        return owner.run
    workerinput: Mapping[str, str] = config.workerinput  # type: ignore[attr-defined]  # added by xdist
    return WholeRun(Path(workerinput[RUN]))


@pytest.fixture(scope="session")
def whole_run(pytestconfig: pytest.Config) -> WholeRun:
    """What the workers of this run have in common."""
    return _run_of(pytestconfig)


@pytest.fixture(scope="session")
def mlflow_server(whole_run: WholeRun) -> Server:
    """One MLflow server for the whole run, all workers together: tests use models of their own."""
    return shared_mlflow(whole_run)


@pytest.fixture(scope="session")
def cluster(whole_run: WholeRun) -> Mapping[str, Any]:
    """The state of the cluster, which is brought up when none runs and stays up afterwards."""
    return _cluster_that_runs(whole_run)


def _cluster_that_runs(run: WholeRun) -> Mapping[str, Any]:
    state: Mapping[str, Any] = json.loads(run.once("cluster", _brought_up))
    return state


def _brought_up() -> str:
    state = _cluster_state()
    if not state.get("running"):
        _cluster("up")
        state = _cluster_state()
    if not state.get("running"):
        pytest.fail(f"the cluster was brought up but does not run: {state}", pytrace=False)
    if not KUBECONFIG.is_file():
        pytest.fail(f"the cluster runs but {KUBECONFIG.relative_to(ROOT)} is missing", pytrace=False)
    return json.dumps(state)


@pytest.fixture(scope="session")
def kubeconfig(cluster: Mapping[str, Any]) -> str:  # noqa: ARG001 - the cluster must run
    return str(KUBECONFIG)


@pytest.fixture(scope="session")
def namespaces(kubeconfig: str) -> KubeApi:
    """Who makes namespaces."""
    return KubeApi(kubeconfig)


@pytest.fixture
def namespace_name() -> str:
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture
def namespace(namespaces: KubeApi, namespace_name: str) -> Iterator[str]:
    """A fresh namespace; its deletion is asked for and not awaited."""
    made = namespaces.create("/api/v1/namespaces", {"metadata": {"name": namespace_name}})
    assert made.ok, made.message
    yield namespace_name
    gone = namespaces.send("DELETE", f"/api/v1/namespaces/{namespace_name}")
    assert gone.code in {200, 202, 404, 409}, gone.message  # 409: a test deleted it, and it is going


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that were left out, so that a green run does not promise more than it looked at."""
    skipped = terminalreporter.getreports("skipped")
    left_out = sorted(
        f"{report.nodeid}: {why}" for report in skipped for why in LEFT_OUT if why in str(report.longrepr)
    )
    if not left_out:
        return
    terminalreporter.section("left out on this machine")
    for line in left_out:
        terminalreporter.line(line)


def _cluster_state() -> Mapping[str, Any]:
    text = _cluster("status", "-o", "json")
    try:
        state = json.loads(text)
    except ValueError:
        pytest.fail(f"the cluster's status is not JSON: {text[:500]!r}", pytrace=False)
    return state if isinstance(state, dict) else {}


def _cluster(*arguments: str) -> str:
    return _run([sys.executable, "-m", "hack.cluster", *arguments], CLUSTER_SECONDS)


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
