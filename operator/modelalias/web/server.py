"""The socket and the server of the pages, on a person's machine and in a pod alike."""

import socket
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from modelalias.core.errors import InvalidRequest

LAST_SECONDS: Final = 1
"""How long streams have to end after Ctrl-C."""


def run(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # addresses may have a token
        server_header=False,
        proxy_headers=False,  # no answer depends on where a request says that it came from
        timeout_graceful_shutdown=LAST_SECONDS,
        lifespan="on",
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        return


def bound(address: str, port: int, advice: str) -> socket.socket:
    """Return a socket that listens there; raise `InvalidRequest` with the advice where it cannot be had."""
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen()  # who comes before the server has started waits and is not refused
    except OSError as error:
        listener.close()
        raise InvalidRequest(
            f"cannot listen on port {port} of {address}: {error.strerror}; {advice}"
        ) from error
    return listener
