"""Somebody who asks the demonstration's Service all the time, through a promotion, a failed one and a rollback."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from hack.demo import act_zero
from hack.demo.overlay import ROOT, SYSTEM
from hack.demo.story import Story, clear_command
from tests.support import asked, asking

SECONDS: Final = 300.0


def measure(kubeconfig: str, folder: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
    """Install the demonstration, ask while its alias moves, and remove it."""
    if not _has_real_pods():
        return {"left_out": "it needs real pods, and the cluster has simulated nodes"}
    story = Story(Path(kubeconfig), say)
    say("asking: training three versions, installing the demonstration")
    act_zero.play(folder, lambda _: None)
    story.load_images()
    try:
        story.install(folder / act_zero.STORE)
        story.serve("1")
        moves = asked.play(story, say)
    finally:
        say("asking: removing it")
        subprocess.run(
            clear_command(Path(kubeconfig)), timeout=SECONDS, check=True, stdout=subprocess.DEVNULL
        )
        words = ("--namespace", SYSTEM, "delete", "deployment", "modelalias-operator", "--ignore-not-found")
        story.kubectl(*words, namespaced=False)
    return {
        "replicas": 2,
        "askers": "two, one request after another: a new connection for each, and one that is kept",
        "pause_seconds": asking.PAUSE,
        "moves": [move.as_json() for move in moves],
    }


def _has_real_pods() -> bool:
    command = [sys.executable, "-m", "hack.cluster", "status", "-o", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return bool(json.loads(done.stdout)["real_pods"])
