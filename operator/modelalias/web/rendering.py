"""Templates: everything is escaped, a misspelt name is an error, and no text can hide what it says."""

import hashlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from modelalias.web.view import ago, grouped, lasting

STATIC: Final = Path(__file__).with_name("static")
_KEPT: Final = frozenset("\n\t\N{NARROW NO-BREAK SPACE}")


def environment() -> Environment:
    """Return the templates with what they may use: see `templates/parts.html` for the macros."""
    templates = Environment(
        loader=PackageLoader("modelalias.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=visible,
    )
    templates.filters |= {
        "exact": exact,
        "stamp": stamp,
        "ago": ago,
        "lasting": lasting,
        "grouped": grouped,
        "segment": segment,
    }
    templates.globals |= {"static": static, "is_part": False, "stream": None, "operator_warning": None}
    return templates


@cache
def static(name: str) -> str:
    """Return the address of a file, which is another one once the file is another one."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"/static/{name}?{digest[:12]}"


def visible(value: Any) -> Any:
    """Replace what a reader cannot see, such as marks that turn the direction of a text round."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return "".join(
        character if character.isprintable() or character in _KEPT else "\N{REPLACEMENT CHARACTER}"
        for character in value
    )


def exact(at: datetime) -> str:
    """Return a time with its zone, as people read it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def stamp(at: datetime) -> str:
    """Return a time as programs read it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def segment(text: str) -> str:
    """Return a text as one segment of an address."""
    return quote(text, safe="")
