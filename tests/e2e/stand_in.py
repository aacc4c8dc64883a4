"""What the pods of these tests run: it answers like a serving app, has no model, and fails as it is told.

MODEL_URI names the version; VERSION_2=crashes, for instance, says how version 2 behaves. Python's own library
is all that it needs, so that a pod answers in a moment.
"""

import itertools
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

BROKEN = Path("/state/broken")
"""The process ends when this file is there; it outlives the process, not the pod."""
LAST_WORDS = "ValueError: the tokenizer of this version is missing"
GO = Path("/state/go")
"""A version that waits becomes ready once this file is there."""
STARTED = time.monotonic()
FLICKER_SECONDS = 4.0
FAILING = Path("/state/failing")
"""While this file is there, one prediction in a few fails."""
ONE_IN = 4


class Answering(BaseHTTPRequestHandler):
    """Answer GET /version, /healthz and /metrics, and POST /predict."""

    model = ""
    version = ""
    behaviour = ""
    predicted = itertools.count(1)
    outcomes: ClassVar = {"answered": 0, "refused": 0, "failed": 0}
    counting = threading.Lock()

    def do_GET(self) -> None:
        """Answer with the version, with how well the process is, or with what it has counted."""
        if self.path == "/metrics":
            self._send(200, "text/plain; version=0.0.4", "".join(map(self._counted, self.outcomes)))
        elif self.path == "/healthz" and not self._well():
            self._say(503, {"well": False})
        else:
            self._say(200, {"version": self.version})

    def do_POST(self) -> None:
        """Predict nothing, and fail now and then if that is wanted."""
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fails = FAILING.exists() and next(self.predicted) % ONE_IN == 0
        with self.counting:
            self.outcomes["failed" if fails else "answered"] += 1
        self._say(500 if fails else 200, {"version": self.version})

    def _counted(self, outcome: str) -> str:
        labels = f'model="{self.model}",version="{self.version}",outcome="{outcome}"'
        return f"model_requests_total{{{labels}}} {self.outcomes[outcome]}\n"

    def _well(self) -> bool:
        if self.behaviour == "never-ready":
            return False
        return self.behaviour != "waits" or GO.exists()

    def _say(self, status: int, body: object) -> None:
        self._send(status, "application/json", json.dumps(body))

    def _send(self, status: int, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Write nothing: probes would fill the log."""


def main() -> None:
    """Serve until SIGTERM, or until it is time to fail."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    model, _, version = os.environ.get("MODEL_URI", "").removeprefix("models:/").rpartition("/")
    behaviour = os.environ.get(f"VERSION_{version}", "")
    Answering.model, Answering.version, Answering.behaviour = model, version, behaviour
    if behaviour == "crashes" or BROKEN.exists():
        sys.exit(LAST_WORDS)
    server = ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while not BROKEN.exists():
        if behaviour == "flickers" and time.monotonic() > STARTED + FLICKER_SECONDS:
            break
        time.sleep(0.1)
    sys.exit(LAST_WORDS)


if __name__ == "__main__":
    main()
