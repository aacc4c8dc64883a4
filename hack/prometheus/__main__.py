"""`python3 -m hack.prometheus up|down|url --namespace NAME [--kubeconfig FILE]`.

Exit status: 0 done, 1 not, and the last lines say why. `up` can be said again at any time.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hack.cluster.errors import ClusterError
from hack.cluster.layout import REPOSITORY, say
from hack.prometheus import installation


def main(words: Sequence[str]) -> int:
    """Run one command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python3 -m hack.prometheus", description="Prometheus for a namespace; see docs/cluster.md."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("up", "install it and wait until it answers"),
        ("down", "take it away, with all that it has seen"),
        ("url", "print where this machine reaches it"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--kubeconfig", type=Path, default=REPOSITORY / ".cluster" / "kubeconfig")
        command.add_argument("--namespace", required=True, help="an existing one, whose pods it scrapes")
    options = parser.parse_args(words)
    kubeconfig, namespace = options.kubeconfig.resolve(), options.namespace
    try:
        if options.command == "up":
            installation.up(kubeconfig, namespace)
            say(f"it answers pods at http://{installation.NAME}.{namespace}.svc:{installation.PORT}")
        elif options.command == "down":
            installation.down(kubeconfig, namespace)
        else:
            print(installation.url(kubeconfig, namespace))
    except ClusterError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
