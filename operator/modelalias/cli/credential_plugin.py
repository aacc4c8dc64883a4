"""Credentials from a program that the kubeconfig names, as managed clusters hand them out.

The client library runs such programs too, but keeps from the terminal what they say, such as the address of a
login page, and goes on without credentials when they fail.
"""

import asyncio
import json
import os
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from modelalias.core.errors import InvalidRequest, Unavailable

SECONDS: Final = 300.0
"""A person may have to log in meanwhile."""

_KIND: Final = "ExecCredential"
_EXTENSION: Final = "client.authentication.k8s.io/exec"


async def run(
    plugin: Mapping[str, Any], cluster: Mapping[str, Any], seconds: float = SECONDS
) -> Mapping[str, str]:
    """Run the program and return its credentials as the user of a kubeconfig has them."""
    command = str(plugin.get("command") or "")
    name = Path(command).name
    told = await _output(plugin, command, asked(plugin, cluster, _interactive(plugin, name)), seconds)
    return credentials(told, str(plugin.get("apiVersion")), name)


def asked(plugin: Mapping[str, Any], cluster: Mapping[str, Any], interactive: bool) -> Mapping[str, Any]:
    """Return what the program is told.

    Whether somebody can answer it, and about the cluster if it wants that.
    """
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = _about(cluster)
    return {"apiVersion": plugin.get("apiVersion"), "kind": _KIND, "spec": spec}


def credentials(told: bytes, version: str, name: str) -> Mapping[str, str]:
    """Read what the program printed; never repeat it in a message."""
    try:
        body = json.loads(told)
    except ValueError as error:
        raise InvalidRequest(f"the credential plugin {name} printed no JSON") from error
    status = body.get("status") if isinstance(body, dict) else None
    if not isinstance(status, dict) or body.get("kind") != _KIND:
        raise InvalidRequest(f"the credential plugin {name} printed no {_KIND}")
    if body.get("apiVersion") != version:
        raise InvalidRequest(f"the credential plugin {name} answers in another version than {version}")
    found: dict[str, str] = {}
    if status.get("token"):
        found["token"] = str(status["token"])
    if status.get("clientCertificateData") and status.get("clientKeyData"):
        found["client-certificate-data"] = b64encode(str(status["clientCertificateData"]).encode()).decode()
        found["client-key-data"] = b64encode(str(status["clientKeyData"]).encode()).decode()
    if not found:
        raise InvalidRequest(f"the credential plugin {name} printed neither a token nor a certificate")
    return found


def _interactive(plugin: Mapping[str, Any], name: str) -> bool:
    """Say whether the program may ask the person at the terminal."""
    mode = plugin.get("interactiveMode") or "IfAvailable"
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if mode == "Always" and not terminal:
        raise InvalidRequest(f"the credential plugin {name} needs a terminal")
    return terminal and mode != "Never"


async def _output(plugin: Mapping[str, Any], command: str, told: Mapping[str, Any], seconds: float) -> bytes:
    name = Path(command).name
    given = {str(item.get("name")): str(item.get("value")) for item in _objects(plugin.get("env"))}
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *(str(item) for item in plugin.get("args") or ()),
            env={**os.environ, **given, "KUBERNETES_EXEC_INFO": json.dumps(told)},
            stdin=None if told["spec"]["interactive"] else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        hint = " ".join(str(plugin.get("installHint") or "").split())
        raise InvalidRequest(
            f"the credential plugin {name} cannot be started{f': {hint}' if hint else ''}"
        ) from error
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise Unavailable(f"the credential plugin {name} did not end within {seconds:g} s") from error
    if process.returncode:
        raise InvalidRequest(f"the credential plugin {name} ended with status {process.returncode}")
    return output


def _about(cluster: Mapping[str, Any]) -> Mapping[str, Any]:
    """Describe the cluster as the protocol wants it."""
    path = cluster.get("certificate-authority")
    keys = (
        "server",
        "tls-server-name",
        "insecure-skip-tls-verify",
        "certificate-authority-data",
        "proxy-url",
    )
    found = {key: cluster[key] for key in keys if key in cluster}
    if path and "certificate-authority-data" not in found:
        try:
            found["certificate-authority-data"] = b64encode(Path(path).read_bytes()).decode()
        except OSError as error:
            raise InvalidRequest(
                f"cannot read the certificate-authority of the kubeconfig: {error.strerror}"
            ) from error
    mine = [item for item in _objects(cluster.get("extensions")) if item.get("name") == _EXTENSION]
    return {**found, **({"config": mine[0].get("extension")} if mine else {})}


def _objects(items: object) -> Iterator[Mapping[str, Any]]:
    """Pass over what has no place in such a list."""
    yield from (item for item in (items if isinstance(items, list) else ()) if isinstance(item, dict))
