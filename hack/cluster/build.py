"""Building the cluster's programs once, into a cache outside the work tree.

A finished build is a folder named for its recipe's fingerprint and appears in one step: a build that was
killed leaves nothing that a later one would take for finished.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hack.cluster import toolchain
from hack.cluster.errors import ClusterError
from hack.cluster.layout import cache_folder, exclusive, say
from hack.cluster.processes import last_lines
from hack.cluster.recipes import Recipe

PROGRESS_SECONDS: Final = 15.0


def built(recipe: Recipe) -> Path:
    """Return the folder of the recipe's programs, built now if they are not cached.

    Raises:
        ClusterError: no Go could be had, or the build failed; its log is named.
    """
    cache = cache_folder(os.environ)
    target = cache / f"{recipe.name}-{recipe.fingerprint()}"
    if not target.exists():
        with exclusive(cache / "lock", "another build is running, waiting for it"):
            if not target.exists():
                _build(recipe, target)
    return target


def _build(recipe: Recipe, target: Path) -> None:
    """Build into a folder of another name, then rename it. The caller holds the cache's lock."""
    for abandoned in target.parent.glob(".building-*"):
        shutil.rmtree(abandoned)
    go = toolchain.find_go(recipe.go_version, target.parent)
    environ = _environment(os.environ)
    fresh = target.with_name(f".building-{target.name}")
    fresh.mkdir()
    flags = ("-trimpath", "-buildvcs=false", "-ldflags", " ".join(("-s", "-w", *recipe.settings)))
    command = [str(go), "build", *flags, "-o", f"{fresh}{os.sep}", *recipe.packages]
    log = target.parent / f"{recipe.name}.log"
    say(f"building {recipe.name}, once (minutes on two cores when nothing is cached, seconds otherwise)")
    began = time.monotonic()
    if _run_with_progress(command, recipe, environ, log) != 0:
        raise ClusterError(f"building {recipe.name} failed, the whole log is {log}:\n{last_lines(log)}")
    recipe.finish(go, environ, fresh)
    fresh.rename(target)
    say(f"built {recipe.name} in {time.monotonic() - began:.0f} s")


def _run_with_progress(command: list[str], recipe: Recipe, environ: Mapping[str, str], log: Path) -> int:
    """Run the compiler and tell every few seconds that it still runs; return its exit code."""
    began = time.monotonic()
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=recipe.folder, env=environ, stdout=output, stderr=output) as compiler,
    ):
        try:
            while True:
                try:
                    return compiler.wait(PROGRESS_SECONDS)
                except subprocess.TimeoutExpired:
                    say(f"building {recipe.name}: {time.monotonic() - began:.0f} s")
        except BaseException:
            compiler.kill()
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
