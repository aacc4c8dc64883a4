"""Browsers in which people look at the pages of a real cluster, each under a name of their own."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Final, Literal

from httpx2 import Response
from starlette.testclient import TestClient

from modelalias.cli import kubeconfig
from modelalias.cli.kubeconfig import Flags
from modelalias.web import rendering
from modelalias.web.app import app
from modelalias.web.identity import Person as Looking
from modelalias.web.local_session import LocalSession
from modelalias.web.reading import Readers
from modelalias.web.visit import Site
from tests.support.kube_api import Person
from tests.support.stage import Stage

Of = Literal["r", "a"]
PORT: Final = 8300
ORIGIN: Final = f"http://127.0.0.1:{PORT}"


class Window:
    """One person's browser without JavaScript: it opens pages, and fills in the forms that stand on them."""

    def __init__(self, client: TestClient, namespace: str) -> None:
        self._client, self._namespace = client, namespace

    def page(self, name: str, below: str = "", *, of: Of = "r") -> str:
        """Open the page of a request or, with "a", of a ModelAlias, or a form of it, and return its text."""
        answer = self._client.get(self._path(name, below, of))
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)

    def approvals(self) -> str:
        """Open the list of what waits for people."""
        answer = self._client.get("/approvals", params={"namespace": self._namespace})
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)

    def fill_in(
        self, name: str, deed: str, *, seen: str | None = None, of: Of = "r", **fields: str | list[str]
    ) -> Response:
        """Open a form, fill it in, and send it with what was hidden in it; or the last form of what was seen before."""
        page = self.page(name, f"/{deed}", of=of) if seen is None else seen
        form = page[page.rfind("<form") :]
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form))
        return self._client.post(
            self._path(name, f"/{deed}", of), data={**hidden, **fields}, headers={"Origin": ORIGIN}
        )

    def _path(self, name: str, below: str, of: Of) -> str:
        return f"/{of}/{self._namespace}/{name}{below}"


@contextmanager
def window(stage: Stage, who: Person) -> Iterator[Window]:
    """Open somebody's browser, signed in at the dashboard that they started themselves."""
    flags = Flags(kubeconfig=stage.kubeconfig, namespace=stage.namespace, user=who.name, groups=who.groups)
    session = LocalSession(Looking(kubeconfig.read(flags, {}, Path.home())), PORT)
    site = Site(session, Readers(), rendering.environment())
    with TestClient(app(site), base_url=ORIGIN, follow_redirects=False) as client:
        assert client.get("/", params={"token": session.token}).status_code == 200
        yield Window(client, stage.namespace)
