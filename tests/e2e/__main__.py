"""`make demo`: the story, told while it happens. `ONCE=1` leaves at the end; otherwise MLflow stays reachable
until Ctrl-C."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.story import ALIAS, NAMESPACE, ROOT, Story, StoryError

KUBECONFIG = ROOT / ".cluster" / "kubeconfig"
_BEGAN = time.monotonic()


def say(text: str) -> None:
    """Print a line with the seconds since the start."""
    print(f"[{time.monotonic() - _BEGAN:6.1f} s] {text}", flush=True)


def act(number: int, title: str) -> None:
    """Print the title of an act."""
    print(flush=True)
    say(f"--- act {number}: {title}")


def tell(story: Story, status: Mapping[str, object]) -> None:
    """Print how a request or the alias stands, what the registry holds and what the pods answer."""
    if "explanation" in status:
        say(f"request: {status['phase']}: {status['explanation']}")
    say(f"registry: {story.aliases()}")
    for pod, answer in story.answers().items():
        say(
            f"pod {pod} /version: model {answer['model']}, version {answer['version']}, run {answer['run'][:8]}"
        )


def play(story: Story) -> None:
    """Play the four acts."""
    act(1, "cold start: version 1 is promoted, and the pods that waited for it serve it")
    story.apply_example("churn-champion.yaml")
    tell(story, story.request("v1"))
    act(2, "version 2 beats the champion, the alias moves and the pods roll")
    tell(story, story.request("v2"))
    act(3, "a worse version 3 is refused, with the numbers")
    say(f"trained version 3: val_auc {story.train('worse').auc:.4f}")
    tell(story, story.request("v3"))
    act(4, "rollback: the owner sets spec.version to 1, the pods are back")
    tell(story, story.pin("1"))
    print(flush=True)
    print(story.show(), flush=True)


def look_around(kubeconfig: Path) -> str:
    """Return the lines to go on with."""
    return f"""Look around:
  export KUBECONFIG=$PWD/{os.path.relpath(kubeconfig, ROOT)} PATH=$PWD/.cluster/bin:$PATH
  kubectl -n {NAMESPACE} get malias,mpr
  kubectl -n {NAMESPACE} describe modelalias {ALIAS}
  kubectl -n {NAMESPACE} get events --sort-by=.lastTimestamp
  kubectl -n {NAMESPACE} port-forward service/mlflow 5000:5000   # MLflow: http://localhost:5000
  kubectl -n modelalias-system logs deployment/modelalias-operator
  make cluster-down                                              # end all of it"""


def main() -> int:
    """Play the story; a step that fails is one message and status 1."""
    story = Story(KUBECONFIG, say)
    if not shutil.which("kubectl"):
        print("demo: kubectl is needed and not installed", file=sys.stderr)
        return 1
    try:
        story.load_images()
        story.install()
        for quality in ("good", "better"):
            trained = story.train(quality)
            say(f"trained version {trained.version}: val_auc {trained.auc:.4f}")
        play(story)
    except StoryError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    say("done")
    print(look_around(KUBECONFIG), flush=True)
    if os.environ.get("ONCE"):
        return 0
    print("MLflow: http://localhost:5000 until Ctrl-C; the cluster stays.", flush=True)
    forward = [
        "kubectl",
        "--kubeconfig",
        str(KUBECONFIG),
        "-n",
        NAMESPACE,
        "port-forward",
        "service/mlflow",
        "5000:5000",
    ]
    try:
        subprocess.run(forward, stdout=subprocess.DEVNULL, check=False)
    except KeyboardInterrupt:
        print("The cluster goes on: make demo shows it again, make cluster-down ends it.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
