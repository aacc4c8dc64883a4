"""Programs that hand out credentials: what they are told, what is taken from them, and how their failures are
said."""

import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelalias.cli import credential_plugin
from modelalias.core.errors import InvalidRequest, Unavailable

V1 = "client.authentication.k8s.io/v1"
CLUSTER: Mapping[str, Any] = {
    "server": "https://cluster",
    "insecure-skip-tls-verify": True,
    "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "us"}}],
}
ECHO = (
    "import json, os\n"
    "told = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
    "token = json.dumps([told['spec'], os.environ['WHO']])\n"
    "print(json.dumps({'kind': 'ExecCredential', 'apiVersion': told['apiVersion'], 'status': {'token': "
    "token}}))\n"
)


def plugin(program: str, **fields: Any) -> Mapping[str, Any]:
    return {"apiVersion": V1, "command": sys.executable, "args": ["-c", program], **fields}


def told(**status: Any) -> bytes:
    return json.dumps({"kind": "ExecCredential", "apiVersion": V1, "status": status}).encode()


async def test_a_program_hears_of_the_cluster_only_when_it_wants_to() -> None:
    given = {"env": [{"name": "WHO", "value": "ana"}, "no variable"], "interactiveMode": "Never"}

    without = await credential_plugin.run(plugin(ECHO, **given), CLUSTER)
    informed = await credential_plugin.run(plugin(ECHO, **given, provideClusterInfo=True), CLUSTER)

    assert json.loads(without["token"]) == [{"interactive": False}, "ana"]
    about = {"server": "https://cluster", "insecure-skip-tls-verify": True, "config": {"audience": "us"}}
    assert json.loads(informed["token"]) == [{"interactive": False, "cluster": about}, "ana"]


def test_certificates_are_taken_as_a_kubeconfig_holds_them() -> None:
    found = credential_plugin.credentials(told(clientCertificateData="CERT", clientKeyData="KEY"), V1, "aws")

    assert {key: base64.b64decode(value).decode() for key, value in found.items()} == {
        "client-certificate-data": "CERT",
        "client-key-data": "KEY",
    }


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (b"hunter2", "the credential plugin aws did not print JSON"),
        (b"[]", "the credential plugin aws did not print an ExecCredential"),
        (b'{"kind": "ExecCredential"}', "the credential plugin aws did not print an ExecCredential"),
        (
            told(clientKeyData="hunter2"),
            "the credential plugin aws printed neither a token nor a certificate",
        ),
        (
            told(clientKeyData="hunter2").replace(b"v1", b"v2"),
            "the credential plugin aws printed an ExecCredential of another version than",
        ),
    ],
    ids=["no-json", "no-object", "no-status", "half-a-pair", "another-version"],
)
def test_what_is_no_credential_is_refused_and_not_repeated(output: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        credential_plugin.credentials(output, V1, "aws")

    assert words in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            plugin("raise SystemExit(3)"),
            f"the credential plugin {Path(sys.executable).name} ended with status 3",
        ),
        (
            {"apiVersion": V1, "command": "/none/aws", "installHint": "install\nit"},
            "the credential plugin aws cannot be started: install it",
        ),
        (plugin("", interactiveMode="Always"), "needs a terminal"),
    ],
    ids=["fails", "not-installed", "no-terminal"],
)
async def test_a_program_that_cannot_help_is_named(
    given: Mapping[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(InvalidRequest, match=words):
        await credential_plugin.run(given, CLUSTER)


async def test_a_program_that_does_not_end_is_given_up() -> None:
    with pytest.raises(Unavailable, match=r"did not end within 0\.2 s"):
        await credential_plugin.run(
            plugin("import time; time.sleep(60)", interactiveMode="Never"), CLUSTER, seconds=0.2
        )
