"""`python3 -m hack.gateway up|down|url [--kubeconfig FILE]`.

Exit status: 0 done, 1 not, and the last lines say why. `up` can be said again at any time.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hack.cluster.errors import ClusterError
from hack.cluster.layout import REPOSITORY, say
from hack.gateway import installation


def main(words: Sequence[str]) -> int:
    """Run one command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python3 -m hack.gateway", description="A gateway in the local cluster; see docs/cluster.md."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("up", "install it and wait until it serves HTTPRoutes"),
        ("down", "take it away"),
        ("url", "print where this machine reaches it"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--kubeconfig", type=Path, default=REPOSITORY / ".cluster" / "kubeconfig")
    options = parser.parse_args(words)
    kubeconfig = options.kubeconfig.resolve()
    try:
        if options.command == "up":
            installation.up(kubeconfig)
            say(f"the gateway is {installation.NAME} in the namespace {installation.NAMESPACE}")
        elif options.command == "down":
            installation.down(kubeconfig)
        else:
            print(installation.url(kubeconfig))
    except ClusterError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
