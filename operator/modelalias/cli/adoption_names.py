"""Names for ModelAliases, made from model and alias: labels of DNS, each once."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from modelalias.cli.managed_aliases import AliasKey

LONGEST: Final = 63
"""A ModelAlias's name becomes part of an annotation's key and the value of a label, which are no longer."""
_DIGITS: Final = 8


def names_of(keys: Iterable[AliasKey], taken: Iterable[str]) -> Mapping[AliasKey, str]:
    """Return a name for each alias.

    Those that would have one name together, or one that is taken, end in digits that come from model and alias
    alone, so that the same alias has the same name the next time.
    """
    plain = {key: _plain(key) for key in keys}
    count = Counter([*plain.values(), *set(taken)])
    return {key: name if count[name] == 1 and name else _with_digits(key) for key, name in plain.items()}


def would_share(key: AliasKey, name: str) -> bool:
    """Return whether the name is one that was made different from another's."""
    return len(_hyphenated(key)) <= LONGEST and name != _plain(key)


def _plain(key: AliasKey) -> str:
    name = _hyphenated(key)
    return name if len(name) <= LONGEST else _with_digits(key)


def _with_digits(key: AliasKey) -> str:
    digits = sha256(f"{key.model}@{key.alias}".encode()).hexdigest()[:_DIGITS]
    return f"{_hyphenated(key)[: LONGEST - _DIGITS - 1].rstrip('-')}-{digits}".lstrip("-")


def _hyphenated(key: AliasKey) -> str:
    """Return model and alias in small letters, digits and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", f"{key.model}-{key.alias}".lower()).strip("-")
