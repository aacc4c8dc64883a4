"""Mode `impersonate`: the dashboard's own account acts as the person whom a proxy in the same pod names.

Who runs that proxy can be anybody, so it has to overwrite both headers with every request. Names of Kubernetes' own
accounts and groups are refused, whoever is said to have them.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from modelalias.cli.kubeconfig import Access
from modelalias.core.errors import Refused
from modelalias.web.identity import NotSignedIn, Person

USER: Final = "x-forwarded-user"
GROUPS: Final = "x-forwarded-groups"
RESERVED: Final = "system:"
LONGEST: Final = 253
MOST_GROUPS: Final = 200
_MISSING: Final = (
    "Nobody is signed in: this dashboard is told who looks by the proxy before it, in X-Forwarded-User, and was not. "
    "Open it by the proxy's address."
)


class Impersonate:
    """Implements `Identity` with what the proxy says."""

    def __init__(self, own: Access, *, writes: bool, place: str = "") -> None:
        self._own, self._writes, self._place = own, writes, place

    def person(self, headers: Mapping[str, str]) -> Person:
        """Return the person whom the proxy names; raise `Refused` for a name that nobody is to act under."""
        user = headers.get(USER, "").strip()
        if not user:
            raise NotSignedIn(_MISSING)
        groups = tuple(
            sorted({name for item in headers.get(GROUPS, "").split(",") if (name := item.strip())})
        )
        for name in (user, *groups):
            _check(name)
        if len(groups) > MOST_GROUPS:
            raise Refused(f"the proxy names more than {MOST_GROUPS} groups")
        access = replace(self._own, acts_as=user, groups=groups)
        return Person(access, may_write=self._writes, place=self._place)


def _check(name: str) -> None:
    if name.lower().startswith(RESERVED):
        raise Refused(f"nobody looks as {name[:LONGEST]}: names with {RESERVED} are Kubernetes' own")
    if len(name) > LONGEST or not name.isprintable() or not name.isascii():
        raise Refused("the proxy names somebody with a name that cannot be one")
