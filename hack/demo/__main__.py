"""`make demo`: the story, told while it happens.

`ONCE=1` leaves at the end; otherwise MLflow stays reachable until Ctrl-C. Only the system's Python is needed:
the environment is the first thing that is made.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from hack.cluster.errors import ClusterError
from hack.cluster.provider import Kind
from hack.cluster.selection import detect
from hack.demo import story as stories
from hack.demo.background import BackgroundError, Command, Line, wait_for
from hack.demo.overlay import NAMESPACE, ROOT
from hack.demo.speech import act, begin, elapsed, say
from hack.demo.story import ALIAS, Story, StoryError
from hack.progress import Step, times

STATE: Final = ROOT / ".cluster"
KUBECONFIG: Final = STATE / "kubeconfig"
_LOGS: Final = STATE / "log"
_CLUSTER: Final = (sys.executable, "-m", "hack.cluster")
_GRACE_SECONDS: Final = 10.0

ENVIRONMENT: Final = Step("the environment: Python packages into .venv", 50)
ACT_ZERO: Final = Step("act 0: MLflow, three versions, three verdicts", 30)
REST: Final = "what is left to do for the cluster and the images (minutes the first time, seconds later)"
INSTALLING: Final = Step("installing the operator and MLflow", 20)
ACTS: Final = Step("acts 1 to 4", 40)


class DemoError(RuntimeError):
    """A step of the demonstration failed; the message is all that a person sees."""


def main() -> int:
    """Tell the story; a step that fails is one message and status 1."""
    begin()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    was_up = bool(_cluster_status()["running"])
    lines = (_cluster_line(), _images_line())
    try:
        _tell(lines)
    except (StoryError, BackgroundError, DemoError, ClusterError) as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    except KeyboardInterrupt:
        say("interrupted: ending what was started")
        _stop(lines)
        if not was_up:
            subprocess.run([*_CLUSTER, "down"], cwd=ROOT, check=False)
        return 130
    finally:
        _stop(lines)
    say(f"done in {elapsed():.0f} s")
    sys.stdout.write(look_around())
    sys.stdout.flush()
    if not os.environ.get("ONCE"):
        _keep_mlflow_reachable()
    return 0


def _tell(lines: Sequence[Line]) -> None:
    real_pods = _has_real_pods()
    if real_pods:
        say(
            "behind the story: building a cluster and two images, at low priority; their words are in "
            ".cluster/log"
        )
        for line in lines:
            line.start()
    with _step(ENVIRONMENT, ACT_ZERO.name):
        _run(["make", "--no-print-directory", "venv"])
    act(0, "without a cluster: what `modelalias gate` says of three versions")
    with _step(ACT_ZERO, REST if real_pods else "the end"):
        _run([".venv/bin/python", "-m", "hack.demo.act_zero", str(STATE / "demo")])
    if not real_pods:
        raise DemoError(
            "acts 1 to 4 run pods, and this machine has only simulated nodes: they need Docker, or "
            "root on Debian"
        )
    say(REST)
    wait_for(lines)
    _run(stories.load_images_command())
    if not shutil.which("kubectl"):
        raise DemoError("kubectl is needed and not installed")
    story = Story(KUBECONFIG, say)
    with _step(INSTALLING, ACTS.name):
        story.install(STATE / "demo" / "store.tar.gz")
    with _step(ACTS):
        play(story)


def play(story: Story) -> None:
    """Play the four acts on the cluster."""
    act(1, "cold start: version 1 is promoted, and the pods that waited for it serve it")
    story.apply_alias()
    tell(story, story.request("v1"))
    act(2, "version 2 beats the champion, the alias moves and the pods roll")
    tell(story, story.request("v2"))
    act(3, "the worse version 3 is refused, with the numbers")
    tell(story, story.request("v3"))
    act(4, "rollback: the owner sets spec.version to 1, the pods are back")
    tell(story, story.pin("1"))
    sys.stdout.write(f"\n{story.show()}\n")
    sys.stdout.flush()


def tell(story: Story, status: Mapping[str, object]) -> None:
    """Tell how a request or the alias stands, what the registry holds and what the pods answer."""
    if "explanation" in status:
        say(f"request: {status['phase']}: {status['explanation']}")
    say(f"registry: {story.aliases()}")
    for pod, answer in story.answers().items():
        say(
            f"pod {pod} /version: model {answer['model']}, version {answer['version']}, run "
            f"{answer['run'][:8]}"
        )


def look_around() -> str:
    """Return the lines to go on with."""
    return f"""Look around:
  export KUBECONFIG=$PWD/{KUBECONFIG.relative_to(ROOT)} PATH=$PWD/.cluster/bin:$PATH
  kubectl -n {NAMESPACE} get malias,mpr
  kubectl -n {NAMESPACE} describe modelalias {ALIAS}
  kubectl -n {NAMESPACE} get events --sort-by=.lastTimestamp
  kubectl -n {NAMESPACE} port-forward service/mlflow 5000:5000   # MLflow: http://localhost:5000
  kubectl -n modelalias-system logs deployment/modelalias-operator
  make cluster-down                                              # end all of it
"""


def _cluster_line() -> Line:
    """Build, bring up, clear an earlier story away.

    Only the build is polite: what `up` starts would stay slow for as long as it runs.
    """
    commands = (
        Command((*_CLUSTER, "build"), polite=True),
        Command((*_CLUSTER, "up")),
        Command(stories.clear_command(KUBECONFIG)),
    )
    return Line("cluster", commands, ROOT, _LOGS / "demo-cluster.log")


def _images_line() -> Line:
    return Line(
        "images", [Command(stories.build_images_command(), polite=True)], ROOT, _LOGS / "demo-images.log"
    )


def _cluster_status() -> Mapping[str, object]:
    done = subprocess.run(
        [*_CLUSTER, "status", "-o", "json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise DemoError(done.stderr)
    status: Mapping[str, object] = json.loads(done.stdout)
    return status


def _has_real_pods() -> bool:
    """Tell whether the cluster that runs, or the one that would be brought up, runs containers."""
    status = _cluster_status()
    return bool(status["real_pods"]) if status["running"] else detect() is not Kind.SIMULATED


@contextmanager
def _step(step: Step, *then: str) -> Iterator[None]:
    """Announce a step with how long it takes and what comes next, and remember how long it took."""
    known, began = times(os.environ), time.monotonic()
    say(known.started(step, then))
    yield
    known.remember(step, time.monotonic() - began)


def _run(words: Sequence[str]) -> None:
    """Run a command before a person's eyes; when we end, it ends first."""
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL) as child:
        try:
            status = child.wait()
        except BaseException:
            _end(child)
            raise
    if status != 0:
        raise DemoError(f"`{' '.join(words)}` ended with status {status}")


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Wait for a command that Ctrl-C has reached as well; ask it to end when it has heard nothing."""
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            child.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_SECONDS)
            return


def _stop(lines: Sequence[Line]) -> None:
    for line in lines:
        line.stop()


def _keep_mlflow_reachable() -> None:
    sys.stdout.write("MLflow: http://localhost:5000 until Ctrl-C; the cluster stays.\n")
    sys.stdout.flush()
    forward = ["kubectl", "--kubeconfig", str(KUBECONFIG), "-n", NAMESPACE, "port-forward"]
    try:
        subprocess.run([*forward, "service/mlflow", "5000:5000"], stdout=subprocess.DEVNULL, check=False)
    except KeyboardInterrupt:
        say("the cluster goes on: make demo shows it again, make cluster-down ends it")


if __name__ == "__main__":
    sys.exit(main())
