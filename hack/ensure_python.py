"""Check that this Python can make the environment, and install what Debian leaves out of it.

Runs with whatever `python3` is there, so it is written for old ones too.
"""

import os
import shutil
import subprocess
import sys


def main() -> "str | int":
    """Return what is missing in words, or 0: the status that the process ends with."""
    if sys.version_info < (3, 11):  # noqa: UP036 - as above
        return (
            "modelalias needs Python 3.11 or newer and this is %s: try make PYTHON=python3.12"
            % sys.version.split()[0]
        )
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian packs it apart from Python
    except ImportError:
        return _install()
    return 0


def _install() -> "str | int":
    package = "python%d.%d-venv" % sys.version_info[:2]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return "this Python cannot make environments: install the package %s" % package
    print("== environment: installing %s" % package)  # noqa: T201 - as above
    for words in (["update"], ["install", "-y", "--no-install-recommends", package]):
        status = subprocess.call(["apt-get", "-qq", *words])
        if status:
            return "apt-get %s ended with status %d" % (words[0], status)
    return 0


if __name__ == "__main__":
    sys.exit(main())
