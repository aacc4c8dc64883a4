"""The pages on a person's own machine: the address to open, and who is behind it."""

from collections.abc import Callable
from typing import Final

from modelalias.web import rendering, server
from modelalias.web.app import app
from modelalias.web.identity import Person
from modelalias.web.kept import Kept
from modelalias.web.local_session import LocalSession
from modelalias.web.pulse import Pulse
from modelalias.web.reading import Readers
from modelalias.web.registries import Registries
from modelalias.web.visit import Site

LOOPBACK: Final = "127.0.0.1"


def serve(
    person: Person, registries: Registries, operator: str, port: int, tell: Callable[[str], None]
) -> None:
    """Serve the pages on this machine only until Ctrl-C, and tell the address that opens them.

    `operator` is the namespace in which the operator is installed.
    """
    with server.bound(LOOPBACK, port, "try --port") as listener:
        actual = listener.getsockname()[1]
        session = LocalSession(person, actual)
        site = Site(
            session, Readers(), rendering.environment(), registries, pulse=Pulse(operator), mistakes=Kept()
        )
        tell(f"http://{LOOPBACK}:{actual}/?token={session.token}")
        server.run(app(site), listener)
