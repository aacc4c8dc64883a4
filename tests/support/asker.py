"""A pod that asks a Service all the time (`asking.py`), and what it heard."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

PROGRAM: Final = Path(__file__).with_name("asking.py")
POD: Final = "asking"
_BODY: Final = "body.json"

Line = Mapping[str, Any]
"""One answer, as `asking.py` writes it."""


class Kubectl(Protocol):
    """Run kubectl in a namespace and return what it prints."""

    def __call__(self, *arguments: str, stdin: str | None = None) -> str: ...


@contextmanager
def asker(
    kubectl: Kubectl, environ: Mapping[str, str], *, body: str | None = None
) -> Iterator[Callable[[], Sequence[Line]]]:
    """Run the pod until the block ends, for predictions if there is a body to send; give what returns its lines."""
    kubectl("delete", "pod,configmap", POD, "--ignore-not-found", "--wait=true")
    files = {PROGRAM.name: PROGRAM.read_text(encoding="utf-8"), **({} if body is None else {_BODY: body})}
    variables = {**environ, **({} if body is None else {"BODY": f"/program/{_BODY}"})}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": POD}, "data": files}
    items = {"apiVersion": "v1", "kind": "List", "items": [config, _pod(variables)]}
    kubectl("apply", "-f", "-", stdin=json.dumps(items))
    try:
        kubectl("wait", "--for=condition=Ready", f"pod/{POD}", "--timeout=60s")
        yield lambda: [json.loads(line) for line in kubectl("logs", POD).splitlines() if line]
    finally:
        kubectl("delete", "pod,configmap", POD, "--ignore-not-found", "--wait=false")


def heard(lines: Sequence[Line], since: float = 0.0) -> Mapping[str, int]:
    """Count what was asked since a time, by the version that answered and what became of it."""
    return dict(sorted(Counter(_outcome(line) for line in lines if _is_answer(line, since)).items()))


def last_of(lines: Sequence[Line], version: str) -> float:
    """Return when a version was last heard of."""
    return max(
        float(line["at"]) for line in lines if _is_answer(line, 0.0) and line.get("version") == version
    )


def _is_answer(line: Line, since: float) -> bool:
    return line["how"] != "alias" and bool(line["began"] >= since)


def _outcome(line: Line) -> str:
    if "version" not in line:
        return f"nobody: {line['failed']}"
    return f"version {line['version'] or '?'}: {'failed' if 'failed' in line else 'answered'}"


def _pod(environ: Mapping[str, str]) -> Mapping[str, Any]:
    container = {
        "name": POD,
        "image": "localhost/modelalias/serving:dev",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-I", "-S", f"/program/{PROGRAM.name}"],
        "env": [{"name": name, "value": value} for name, value in environ.items()],
        "resources": {"requests": {"cpu": "50m"}},  # else it waits while others load a model
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "program", "mountPath": "/program"}],
    }
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 10,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "program", "configMap": {"name": POD}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD}, "spec": spec}
