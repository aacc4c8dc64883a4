"""Requests through a real gateway at weights of 90 to 10: how they are split, and how soon other weights hold."""

import secrets
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from hack.cluster.errors import ClusterError
from hack.demo.overlay import ROOT
from hack.demo.story import build_images_command, load_images_command
from hack.gateway import installation, traefik
from tests.bench import figures
from tests.bench.site import BenchError
from tests.support.kube_api import KubeApi
from tests.support.split import (
    CHALLENGER,
    CHAMPION,
    CONNECTIONS,
    apply_sides,
    ask,
    hostname,
    last_of,
    route,
    until,
    weigh,
)
from tests.support.stage import Stage

WEIGHTS: Final = (90, 10)
ROUNDS: Final = 6
QUIET_SECONDS: Final = 3.0
"""Longer than Traefik waits after a change before it looks at the next one."""
IMAGES_SECONDS: Final = 1800


def measure(kubeconfig: str, requests: int, say: Callable[[str], None]) -> Mapping[str, Any]:
    """Install the gateway and two versions behind it, ask, change weights, and remove all of it but the kinds."""
    say("traffic: installing the gateway, and two versions behind it")
    try:
        installation.up(Path(kubeconfig))
        way = installation.url(Path(kubeconfig))
    except ClusterError as error:
        return {"left_out": str(error)}
    for command in (build_images_command(), load_images_command()):
        subprocess.run(command, cwd=ROOT, timeout=IMAGES_SECONDS, check=True)
    api, name = KubeApi(kubeconfig), f"bench-traffic-{secrets.token_hex(3)}"
    if not (made := api.create("/api/v1/namespaces", {"metadata": {"name": name}})).ok:
        raise BenchError(made.message)
    try:
        stage = Stage(kubeconfig, name, api.who_am_i())
        apply_sides(stage)
        return {"gateway": f"Traefik {traefik.VERSION}", **_carried(stage, way, requests, say)}
    finally:
        say("traffic: removing it")
        api.send("DELETE", f"/api/v1/namespaces/{name}")
        installation.down(Path(kubeconfig))


def _carried(stage: Stage, way: str, requests: int, say: Callable[[str], None]) -> Mapping[str, Any]:
    host = hostname(stage)
    route(stage, dict(zip((CHAMPION, CHALLENGER), WEIGHTS, strict=True)))
    until(way, host, lambda heard: heard.keys() == {"1", "2"}, "both versions answer")
    say(f"traffic: {requests} requests")
    began = time.monotonic()
    heard = ask(way, host, requests)
    seconds = time.monotonic() - began
    answered = heard["1"] + heard["2"]
    low, high = figures.wilson(heard["2"], answered)
    say(f"traffic: {2 * ROUNDS} changes of the weights")
    return {
        "requests": requests,
        "connections": CONNECTIONS,
        "weights": WEIGHTS,
        "answered": {"champion": heard["1"], "challenger": heard["2"]},
        "failed": {what: count for what, count in heard.items() if what not in {"1", "2"}},
        "challenger_share": {
            "is": round(heard["2"] / answered, 4),
            "low": round(low, 4),
            "high": round(high, 4),
        },
        "seconds": round(seconds, 1),
        "requests_per_second": round(requests / seconds),
        "last_old_answer_seconds": {
            "after_quiet": figures.spread([_changed(stage, way, to, QUIET_SECONDS) for to in _turns()]),
            "at_once_after_another": figures.spread([_changed(stage, way, to, 0.0) for to in _turns()]),
        },
    }


def _turns() -> list[str]:
    return ["1", "2"] * (ROUNDS // 2)


def _changed(stage: Stage, way: str, version: str, quiet: float) -> float:
    """Give one version all requests; return the seconds from the patch to the last answer of the other."""
    time.sleep(quiet)
    began = time.monotonic()
    weigh(stage, int(version == "1"), int(version == "2"))
    return last_of(way, hostname(stage), version) - began


def line(told: Mapping[str, Any]) -> str:
    """Return the split and how soon it follows, for people."""
    if "left_out" in told:
        return f"\ntraffic: left out, {told['left_out']}\n"
    share, answered, follows = told["challenger_share"], told["answered"], told["last_old_answer_seconds"]
    keys = ("min", "median", "max")
    rows = [(what.replace("_", " "), *(spread[key] for key in keys)) for what, spread in follows.items()]
    head = ("weights patched -> last old answer, s", *keys)
    return (
        f"\ntraffic: {told['requests']} requests at {told['weights'][0]}/{told['weights'][1]} through {told['gateway']}: "
        f"{answered['champion']} + {answered['challenger']} answered, {sum(told['failed'].values())} failed, "
        f"challenger {share['is']:.2%} (95 % interval {share['low']:.2%} to {share['high']:.2%}), "
        f"{told['seconds']} s\n\n{figures.table(head, rows)}\n"
    )
