"""The command line: `python3 -m hack.cluster up|down|load|status|build`."""

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hack.cluster import loaded, recipes, record
from hack.cluster.build import built
from hack.cluster.errors import ClusterError
from hack.cluster.host import mounts_below
from hack.cluster.layout import REPOSITORY, Layout, exclusive, say
from hack.cluster.provider import Kind, Provider
from hack.cluster.removal import remove
from hack.cluster.selection import detect, provider

# Logs outlive the cluster; archives of images and the demonstration's versions are put there by others, who
# may
# want them again.
KEPT: Final = frozenset({"lock", "log", "images", "demo"})


def up(layout: Layout, wanted: Kind | None) -> None:
    """Bring the cluster up, or keep the one that runs.

    Raises:
        ClusterError: another provider's cluster runs, or this one could not be brought up.
    """
    began = time.monotonic()
    current = recorded_provider(layout)
    if current and current.running():
        if wanted in {None, current.kind}:
            say(f"already up ({current.kind}), kubeconfig {layout.kubeconfig}")
            return
        raise ClusterError(f"a cluster of the provider `{current.kind}` is up, take it down first")
    down(layout)
    chosen = provider(wanted or detect(), layout)
    chosen.build()
    say(f"bringing up {chosen.kind}")
    layout.make("log")
    try:
        chosen.up()
    except BaseException:
        chosen.down()
        clear(layout)
        raise
    link_kubectl(layout, chosen.kind)
    say(f"up in {time.monotonic() - began:.1f} s ({chosen.kind}), kubeconfig {layout.kubeconfig}")


def down(layout: Layout) -> None:
    """Take down whatever cluster the state folder tells of, running or not."""
    current = recorded_provider(layout)
    if current is None and any(mounts_below(layout.root)):
        current = provider(Kind.NODE, layout)  # the record was lost, but only a real node mounts anything
    if current:
        current.down()
    clear(layout)


def clear(layout: Layout) -> None:
    """Empty the state folder, except for what is kept."""
    for path in layout.root.iterdir():
        if path.name not in KEPT:
            remove(path)


def link_kubectl(layout: Layout, kind: Kind) -> None:
    """Put a kubectl at `bin/kubectl`.

    The built one, or with kind, for which none is built, the machine's own.
    """
    program = shutil.which("kubectl") if kind is Kind.KIND else built(recipes.KUBE) / "kube"
    if program is None:
        say("no kubectl is on PATH: install one to look into the cluster by hand")
        return
    layout.make("bin")
    (layout.root / "bin" / "kubectl").symlink_to(program)


def recorded_provider(layout: Layout) -> Provider | None:
    """Make the provider that brought the recorded cluster up."""
    written = record.read(layout)
    return provider(Kind(written.provider), layout) if written else None


def load(layout: Layout, archives: Sequence[Path]) -> None:
    """Load image archives into the running cluster."""
    current = recorded_provider(layout)
    if current is None or not current.running():
        raise ClusterError("no cluster is up: bring one up first")
    for archive in archives:
        if not archive.is_file():
            raise ClusterError(f"no such archive: {archive}")
        if loaded.is_current(layout, archive):
            say(f"{archive.name} is loaded already")
            continue
        began = time.monotonic()
        current.load(archive.resolve())
        loaded.remember(layout, archive)
        if current.real_pods:
            say(f"loaded {archive} in {time.monotonic() - began:.1f} s")


def status(layout: Layout, output: str) -> str:
    """Describe the cluster in one word and a remark, or as JSON."""
    current = recorded_provider(layout)
    running = current is not None and current.running()
    if output == "json":
        described = {
            "provider": current.kind if current else None,
            "real_pods": current.real_pods if current else False,
            "running": running,
            "kubeconfig": str(layout.kubeconfig),
        }
        return json.dumps(described)
    if current is None:
        return "none"
    return str(current.kind) if running else f"{current.kind} (not running)"


def main(words: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(words)
    layout = Layout(options.state.resolve())
    try:
        if options.command == "status":
            sys.stdout.write(status(layout, options.output) + "\n")
        elif options.command == "build":
            if options.extras:
                for name in options.extras:
                    say(f"{name} is in {built(recipes.EXTRAS[name])}")
            else:
                provider(options.provider or detect(), layout).build()
        elif options.command == "load":
            load(layout, options.archives)
        elif options.command == "up" or layout.root.exists():
            layout.make()
            with exclusive(layout.root / "lock", "another command works on this cluster, waiting for it"):
                if options.command == "up":
                    up(layout, options.provider)
                else:
                    down(layout)
    except ClusterError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m hack.cluster", description="A local Kubernetes; see docs/cluster.md."
    )
    parser.add_argument(
        "--state", type=Path, default=REPOSITORY / ".cluster", help="the state folder (%(default)s)"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("up", "bring a cluster up"), ("build", "only build the programs")):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "--provider", type=Kind, choices=list(Kind), help="instead of the best for this machine"
        )
        if name == "build":
            command.add_argument(
                "extras",
                nargs="*",
                choices=recipes.EXTRAS,
                help="what only some tests need, and nothing else",
            )
    commands.add_parser("down", help="take the cluster down")
    loading = commands.add_parser("load", help="put images into the cluster")
    loading.add_argument("archives", type=Path, nargs="+", metavar="ARCHIVE", help="an OCI or Docker archive")
    showing = commands.add_parser("status", help="tell what is up")
    showing.add_argument("-o", "--output", choices=("text", "json"), default="text")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that an `up` that is told to end cleans up
    sys.exit(main(sys.argv[1:]))
