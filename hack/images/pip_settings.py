"""The pip settings of this machine, as far as they also hold inside a build: how packages are reached."""

import ast
import re
import subprocess
import sys
from collections.abc import Mapping

CA_IN_BUILD = "/run/secrets/ca"
_PASSED_ON = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
_CA_NAMES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_LINE = re.compile(r"(?:global|install|:env:)\.(?P<name>[a-z-]+)=(?P<value>'.*'|\".*\")")


def configured() -> str:
    """Return what `pip config list` says, or nothing where this Python has no pip."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "config", "list"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def ca_bundle(settings: Mapping[str, str], environ: Mapping[str, str]) -> str | None:
    """Return the file of certificates that pip trusts here, or None for its own."""
    return next((environ[name] for name in _CA_NAMES if environ.get(name)), settings.get("cert"))


def parse(listing: str) -> Mapping[str, str]:
    """Read `pip config list`. The environment's lines are applied last, as pip applies them."""
    lines = [found for line in listing.splitlines() if (found := _LINE.fullmatch(line))]
    lines.sort(key=lambda found: found[0].startswith(":env:"))
    return {found["name"].removeprefix("default-"): str(ast.literal_eval(found["value"])) for found in lines}


def file_for_build(settings: Mapping[str, str], *, with_ca: bool) -> str:
    """Write the configuration file that is mounted while pip runs inside a build.

    Folders of this machine (find-links) are left out: they do not exist there.
    """
    passed = {name: settings[name] for name in _PASSED_ON if name in settings}
    if with_ca:
        passed["cert"] = CA_IN_BUILD
    # Several values of one setting stand on lines of their own.
    lines = [f"{name} = " + "\n    ".join(value.split()) for name, value in passed.items()]
    return "\n".join(["[global]", *lines, ""])
