"""Mode `bearer`: the token that a proxy forwards is used for every call, and nothing else is.

The API server proves it, so a forged one opens nothing. The dashboard has no rights of its own to fall back on.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from modelalias.cli.kubeconfig import Access
from modelalias.web.identity import NotSignedIn, Person

LONGEST: Final = 16_384
_TOKEN: Final = re.compile(r"Bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_MISSING: Final = (
    "Nobody is signed in: this dashboard takes the token that a proxy before it forwards as Authorization: Bearer, and "
    "none came. Open it by the proxy's address."
)


class Bearer:
    """Implements `Identity` with the forwarded token."""

    def __init__(self, cluster: Access, place: str = "") -> None:
        # whatever credentials come with the cluster are somebody else's
        self._cluster = replace(cluster, user={}, acts_as="", groups=())
        self._place = place

    def person(self, headers: Mapping[str, str]) -> Person:
        """Return whose token it is, unproved: the API server proves it with each call."""
        given = headers.get("authorization", "")
        match = _TOKEN.fullmatch(given.strip()) if len(given) <= LONGEST else None
        if match is None:
            raise NotSignedIn(_MISSING)
        return Person(replace(self._cluster, user={"token": match[1]}), place=self._place)
