"""What the pods of these tests run: it answers like a serving app, has no model, and fails as it is told.

MODEL_URI names the version; VERSION_2=crashes, for instance, says how version 2 behaves. Python's own library
is all that it needs, so that a pod answers in a moment.
"""

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BROKEN = Path("/state/broken")
"""The process ends when this file is there; it outlives the process, not the pod."""
LAST_WORDS = "ValueError: the tokenizer of this version is missing"
GO = Path("/state/go")
"""A version that waits becomes ready once this file is there."""
STARTED = time.monotonic()
FLICKER_SECONDS = 4.0


class Answering(BaseHTTPRequestHandler):
    """Answer GET /version and GET /healthz."""

    version = ""
    behaviour = ""

    def do_GET(self) -> None:
        """Answer with the version, or with how well the process is."""
        if self.path == "/healthz" and not self._well():
            self._say(503, {"well": False})
        else:
            self._say(200, {"version": self.version})

    def _well(self) -> bool:
        if self.behaviour == "never-ready":
            return False
        return self.behaviour != "waits" or GO.exists()

    def _say(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Write nothing: probes would fill the log."""


def main() -> None:
    """Serve until SIGTERM, or until it is time to fail."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    version = os.environ.get("MODEL_URI", "").rpartition("/")[2]
    behaviour = os.environ.get(f"VERSION_{version}", "")
    Answering.version, Answering.behaviour = version, behaviour
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
