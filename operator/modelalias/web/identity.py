"""Who is looking, and with which credentials the pages read and write in that person's name.

A mode answers one question for each request: whose it is. `local` has one person, who started the process; the modes
of a Deployment find the person in what stands before them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from modelalias.cli.kubeconfig import Access
from modelalias.core.errors import OperatorError


class NotSignedIn(OperatorError):
    """Nobody is known to be looking: the message says how to get in."""


@dataclass(frozen=True)
class Person:
    """The credentials of the person who looks, and whether the pages may write with them."""

    access: Access = field(repr=False)
    may_write: bool = True
    place: str = ""
    """What the page says of where it looks, such as the context of a kubeconfig."""
    flags: str = ""
    """What a command line needs to act in the same place, such as `--context prod`."""


class Identity(Protocol):
    """Finds the person of a request."""

    def person(self, headers: Mapping[str, str]) -> Person:
        """Return who is looking; raise `NotSignedIn` where nobody is known."""
