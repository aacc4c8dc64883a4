"""A browser's requests to the pages of one person, on a real API server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from modelalias.cli import kubeconfig
from modelalias.cli.kubeconfig import Flags
from modelalias.web import rendering
from modelalias.web.app import app
from modelalias.web.identity import Person as Visitor
from modelalias.web.local_session import LocalSession
from modelalias.web.reading import Readers
from modelalias.web.visit import Site
from tests.support.kube_api import Person
from tests.support.web_site import ORIGIN


@contextmanager
def signed_in(path: str, who: Person) -> Iterator[TestClient]:
    """Open the pages in somebody's name, as the command does, and close their connection at the end."""
    access = kubeconfig.read(Flags(kubeconfig=path, user=who.name, groups=who.groups), {}, Path.home())
    session = LocalSession(Visitor(access), 8300)
    site = Site(session, Readers(), rendering.environment())
    with TestClient(app(site), base_url=ORIGIN, follow_redirects=False) as browser:
        assert browser.get("/", params={"token": session.token}).status_code == 200
        yield browser
