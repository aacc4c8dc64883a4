"""Somebody who asks a Service without a pause, from a pod of the cluster, and what came of it.

`python asking.py`, in a pod, writes a line of JSON for each answer to standard output until it is told to end:
one asker opens a connection for each request, the other keeps its connection for as long as it is kept. They ask
for the version, or for predictions where BODY names a file to send. A third thread looks where the alias points, if
REGISTRY says where to look. All times are of one clock.
"""

import json
import os
import signal
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

TIMEOUT = 5.0
PAUSE = float(os.environ.get("PAUSE", "0.02"))
"""Seconds between two requests of an asker: one without any would take the processor of whom it asks."""
LOOK = 0.1

_Asked = tuple[str, str, bytes | None]
"""Method, path and body of the request."""

_ended = threading.Event()
_writing = threading.Lock()


def main() -> None:
    """Ask until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: _ended.set())
    service, registry, body = (os.environ.get(name, "") for name in ("SERVICE", "REGISTRY", "BODY"))
    asked = ("POST", "/predict", Path(body).read_bytes()) if body else ("GET", "/version", None)
    work = [threading.Thread(target=_ask, args=(how, service, asked)) for how in ("new", "kept")]
    if registry:
        work.append(threading.Thread(target=_look, args=(registry, os.environ["ALIAS_QUERY"])))
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()


def _ask(how: str, address: str, asked: _Asked) -> None:
    """Ask again and again; a request that fails is one failed answer and is not tried again."""
    connection = HTTPConnection(address, timeout=TIMEOUT)
    while not _ended.wait(PAUSE):
        began = time.time()
        try:
            status, version = _answer(connection, asked)
        except (OSError, HTTPException, ValueError) as error:
            connection.close()
            _tell(how=how, began=began, at=time.time(), failed=f"{type(error).__name__}: {error}")
            continue
        failed = {"failed": f"status {status}"} if status >= 500 else {}
        named = {"version": version} if version or not failed else {}
        _tell(how=how, began=began, at=time.time(), **failed, **named)
        if how == "new":
            connection.close()


def _answer(connection: HTTPConnection, asked: _Asked) -> tuple[int, str]:
    """Return the status, and the version that answers, if it names one."""
    method, path, body = asked
    connection.request(method, path, body)
    answer = connection.getresponse()
    content = answer.read()
    says = json.loads(content) if answer.status == 200 or content.startswith(b"{") else {}
    return answer.status, str(says.get("version", ""))


def _look(address: str, query: str) -> None:
    """Tell each version that the alias names, when it is first seen; a look that fails is no answer of the Service."""
    before = None
    while not _ended.wait(LOOK):
        connection = HTTPConnection(address, timeout=TIMEOUT)
        try:
            connection.request("GET", query)
            answer = json.loads(connection.getresponse().read())
        except (OSError, HTTPException, ValueError):
            continue
        finally:
            connection.close()
        version = answer.get("model_version", {}).get("version")
        if version is not None and version != before:
            before = version
            _tell(how="alias", at=time.time(), version=str(version))


def _tell(**what: Any) -> None:
    with _writing:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
