"""Credentials from a credential plugin: a program that the kubeconfig names, as managed clusters use it.

The client library runs such programs too, but hides what they print, such as the address of a login page, and
continues without credentials if they fail.
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
"""Long enough for a person to log in."""

_KIND: Final = "ExecCredential"
_EXTENSION: Final = "client.authentication.k8s.io/exec"


async def run(
    plugin: Mapping[str, Any], cluster: Mapping[str, Any], seconds: float = SECONDS
) -> Mapping[str, str]:
    """Run the program and return its credentials in the form of a kubeconfig's user."""
    command = str(plugin.get("command") or "")
    name = Path(command).name
    exec_info = info(plugin, cluster, _interactive(plugin, name))
    return credentials(
        await _output(plugin, command, exec_info, seconds), str(plugin.get("apiVersion")), name
    )


def info(plugin: Mapping[str, Any], cluster: Mapping[str, Any], interactive: bool) -> Mapping[str, Any]:
    """Return the program's input (KUBERNETES_EXEC_INFO).

    Whether it can ask somebody at a terminal, and the cluster if the plugin wants to know it.
    """
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = _about(cluster)
    return {"apiVersion": plugin.get("apiVersion"), "kind": _KIND, "spec": spec}


def credentials(output: bytes, version: str, name: str) -> Mapping[str, str]:
    """Read what the program printed; a message never repeats it."""
    try:
        body = json.loads(output)
    except ValueError as error:
        raise InvalidRequest(f"the credential plugin {name} did not print JSON") from error
    status = body.get("status") if isinstance(body, dict) else None
    if not isinstance(status, dict) or body.get("kind") != _KIND:
        raise InvalidRequest(f"the credential plugin {name} did not print an {_KIND}")
    if body.get("apiVersion") != version:
        raise InvalidRequest(
            f"the credential plugin {name} printed an {_KIND} of another version than {version}"
        )
    user: dict[str, str] = {}
    if status.get("token"):
        user["token"] = str(status["token"])
    if status.get("clientCertificateData") and status.get("clientKeyData"):
        user["client-certificate-data"] = b64encode(str(status["clientCertificateData"]).encode()).decode()
        user["client-key-data"] = b64encode(str(status["clientKeyData"]).encode()).decode()
    if not user:
        raise InvalidRequest(f"the credential plugin {name} printed neither a token nor a certificate")
    return user


def _interactive(plugin: Mapping[str, Any], name: str) -> bool:
    """Return whether the program may ask the person at the terminal."""
    mode = plugin.get("interactiveMode") or "IfAvailable"
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if mode == "Always" and not terminal:
        raise InvalidRequest(f"the credential plugin {name} needs a terminal")
    return terminal and mode != "Never"


async def _output(
    plugin: Mapping[str, Any], command: str, exec_info: Mapping[str, Any], seconds: float
) -> bytes:
    name = Path(command).name
    variables = {str(item.get("name")): str(item.get("value")) for item in _objects(plugin.get("env"))}
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *(str(item) for item in plugin.get("args") or ()),
            env={**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(exec_info)},
            stdin=None if exec_info["spec"]["interactive"] else asyncio.subprocess.DEVNULL,
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
    """Describe the cluster in the form of the ExecCredential API."""
    path = cluster.get("certificate-authority")
    keys = (
        "server",
        "tls-server-name",
        "insecure-skip-tls-verify",
        "certificate-authority-data",
        "proxy-url",
    )
    about = {key: cluster[key] for key in keys if key in cluster}
    if path and "certificate-authority-data" not in about:
        try:
            about["certificate-authority-data"] = b64encode(Path(path).read_bytes()).decode()
        except OSError as error:
            raise InvalidRequest(
                f"cannot read the certificate-authority of the kubeconfig: {error.strerror}"
            ) from error
    extensions = [item for item in _objects(cluster.get("extensions")) if item.get("name") == _EXTENSION]
    return {**about, **({"config": extensions[0].get("extension")} if extensions else {})}


def _objects(items: object) -> Iterator[Mapping[str, Any]]:
    """Return the items that are mappings."""
    yield from (item for item in (items if isinstance(items, list) else ()) if isinstance(item, dict))
