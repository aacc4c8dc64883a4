"""Public keys from files: a PEM each, or the ConfigMap in which the operator publishes them."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from modelalias.core.errors import InvalidRequest
from modelalias.ports import Verifier


class NoKeys(Verifier):
    """Nobody's keys: no signature is checked."""

    def verify(self, key: str, message: bytes, signature: bytes) -> bool | None:
        """Know no key."""
        del key, message, signature
        return None


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name the keys."""
    parser.add_argument(
        "--public-key",
        action="append",
        default=[],
        metavar="FILE",
        help="file with an Ed25519 public key in PEM; can be given several times",
    )
    parser.add_argument(
        "--public-keys",
        metavar="FILE",
        help="file with the ConfigMap modelalias-public-keys as YAML or JSON",
    )


def read(options: argparse.Namespace) -> Verifier | None:
    """Return the keys that the arguments name; None where they name none."""
    from modelalias.adapters.ed25519 import PublicKeys, read_public  # noqa: PLC0415 - takes time to load

    pems = [(name, _text(name)) for name in options.public_key]
    if options.public_keys is not None:
        pems += _published(options.public_keys)
    return PublicKeys(read_public(pem, name) for name, pem in pems) if pems else None


def _published(name: str) -> Iterator[tuple[str, str]]:
    try:
        body = yaml.safe_load(_text(name))
    except yaml.YAMLError as error:
        raise InvalidRequest(f"{name} is not YAML") from error
    data = body.get("data") if isinstance(body, Mapping) else None
    keys = [(key, pem) for key, pem in data.items() if str(key).endswith(".pem")] if data else []
    if not keys:
        raise InvalidRequest(f"{name} is not the ConfigMap of public keys: nothing in its data ends in .pem")
    return ((f"{key} in {name}", str(pem)) for key, pem in keys)


def _text(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"cannot read {name}: {error}") from error
