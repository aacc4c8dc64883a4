"""Building the cluster's programs once, into a cache outside the work tree.

A finished build is a folder named for its recipe's fingerprint and appears in one step: a build that was
killed leaves nothing that a later one would take for finished.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from hack.cluster import toolchain
from hack.cluster.errors import ClusterError
from hack.cluster.layout import cache_folder, exclusive, say
from hack.cluster.processes import last_lines
from hack.cluster.recipes import Recipe
from hack.progress import Step, times

PROGRESS_SECONDS: Final = 15.0
# Nobody debugs these programs, and the linker drops the debug information anyway (-s -w): do not make it
# first.
_LEAN: Final = ("-gcflags=all=-dwarf=false", "-trimpath", "-buildvcs=false")


def built(recipe: Recipe, then: Sequence[str] = ()) -> Path:
    """Return the folder of the recipe's programs, built now if they are not cached.

    `then` names what the caller does afterwards, for the person who waits.

    Raises:
        ClusterError: no Go could be had, or the build failed; its log is named.
    """
    cache = cache_folder(os.environ)
    target = cache / f"{recipe.name}-{recipe.fingerprint()}"
    if not target.exists():
        with exclusive(cache / "lock", "another build is running, waiting for it"):
            if not target.exists():
                _build(recipe, target, then)
    return target


def _build(recipe: Recipe, target: Path, then: Sequence[str]) -> None:
    """Build into a folder of another name, then rename it. The caller holds the cache's lock."""
    for abandoned in target.parent.glob(".building-*"):
        shutil.rmtree(abandoned)
    go = toolchain.find_go(recipe.go_version, target.parent)
    environ = _environment(os.environ)
    fresh = target.with_name(f".building-{target.name}")
    fresh.mkdir()
    flags = (*_LEAN, "-ldflags", " ".join(("-s", "-w", *recipe.settings)))
    command = [str(go), "build", *flags, "-o", f"{fresh}{os.sep}", *recipe.packages]
    log = target.parent / f"{recipe.name}.log"
    began = time.monotonic()
    if recipe.packages and _run_with_progress(command, recipe, environ, log, then) != 0:
        raise ClusterError(f"building {recipe.name} failed, the whole log is {log}:\n{last_lines(log)}")
    recipe.finish(go, environ, fresh)
    fresh.rename(target)
    times(os.environ).remember(_step(recipe), time.monotonic() - began)
    say(f"built {recipe.name} in {time.monotonic() - began:.0f} s")


def _step(recipe: Recipe) -> Step:
    return Step(f"compiling {recipe.means}", recipe.seconds)


def _run_with_progress(
    command: list[str], recipe: Recipe, environ: Mapping[str, str], log: Path, then: Sequence[str]
) -> int:
    """Run the compiler and tell every few seconds that it still runs; return its exit code."""
    began, known, step = time.monotonic(), times(os.environ), _step(recipe)
    say(known.started(step, then))
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, cwd=recipe.folder, env=environ, stdout=output, stderr=output, process_group=0
        ) as compiler,
    ):
        try:
            while True:
                try:
                    return compiler.wait(PROGRESS_SECONDS)
                except subprocess.TimeoutExpired:
                    say(known.so_far(step, time.monotonic() - began, then))
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(compiler.pid, signal.SIGKILL)  # with the compilers that it started
            raise


def _environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Settle what would make the same sources build differently.

    Proxies and caches stay as the user has them.
    """
    settled = {
        "CGO_ENABLED": "0",  # static programs, and no C compiler needed
        "GOFLAGS": "-mod=readonly",  # go.mod and go.sum are complete
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    return {**inherited, **settled}
