"""Mode `viewer`: everybody sees what the dashboard's own account may read, and nobody writes."""

from collections.abc import Mapping

from modelalias.cli.kubeconfig import Access
from modelalias.web.identity import Person


class Viewer:
    """Implements `Identity` with one person for all."""

    def __init__(self, own: Access, place: str = "") -> None:
        self._person = Person(own, may_write=False, place=place)

    def person(self, _: Mapping[str, str]) -> Person:
        """Return the dashboard's own account, whoever looks."""
        return self._person
