"""`python3 -m hack.images build [operator] [serving] [--out DIR] [--base IMAGE]`.

Exit status: 0 the archives are there, 1 they could not be built and the last lines say why.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from hack.images.build import build
from hack.images.errors import ImageError
from hack.images.inputs import Image

_ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python3 -m hack.images", description="Build the images into archives."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("build", help="build what changed")
    command.add_argument("images", nargs="*", metavar="IMAGE", help="operator, serving (default: both)")
    command.add_argument(
        "--out", type=Path, default=_ROOT / ".cluster" / "images", help="folder of the archives"
    )
    command.add_argument("--base", help="a base image with python3 instead of the usual one")
    options = parser.parse_args(arguments)
    try:
        images = [Image(name) for name in options.images] or list(Image)
    except ValueError as error:
        parser.error(str(error))
    try:
        build(images, options.out.resolve(), _ROOT, os.environ, options.base)
    except ImageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a build that is told to end cleans up
    sys.exit(main(sys.argv[1:]))
