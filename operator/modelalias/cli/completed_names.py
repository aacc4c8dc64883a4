"""Names for completion, asked of the API server or read in the kubeconfig; whatever fails completes nothing."""

import argparse
import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from modelalias.cli import kubeconfig, named_objects, session
from modelalias.cli.cluster import Kind, PersonsCluster
from modelalias.core.errors import OperatorError

SECONDS: Final = 3.0
"""How long somebody waits for a completion."""


def names(what: str, prefix: str, typed: argparse.Namespace) -> Iterable[str]:
    """Return the names for an argument, by its metavar, and what was typed of it so far."""
    try:
        return _READ[what](prefix, typed)
    except OperatorError:
        return ()


def _of(*kinds: Kind) -> Callable[[str, argparse.Namespace], Sequence[str]]:
    return lambda _, typed: session.with_cluster(typed, lambda cluster: _names(cluster, kinds))


def _either(prefix: str, typed: argparse.Namespace) -> Sequence[str]:
    """Return names of both kinds, or with a kind before the name those of that one."""
    word, slash, _ = prefix.partition("/")
    if not slash:
        return _of(Kind.ALIASES, Kind.REQUESTS)(prefix, typed)
    return [f"{word}/{name}" for name in _of(named_objects.kind(word))(prefix, typed)]


def _contexts(_: str, typed: argparse.Namespace) -> Sequence[str]:
    return kubeconfig.contexts(session.flags(typed), os.environ, Path.home())


async def _names(cluster: PersonsCluster, kinds: Iterable[Kind]) -> Sequence[str]:
    """Return what has come in time."""
    found: list[str] = []
    try:
        async with asyncio.timeout(SECONDS):
            for kind in kinds:
                namespace = "" if kind is Kind.NAMESPACES else cluster.namespace
                found += [name for _, name in await cluster.names(kind, namespace)]
    except (TimeoutError, OperatorError):
        return found
    return found


_READ: Final[Mapping[str, Callable[[str, argparse.Namespace], Sequence[str]]]] = {
    "ALIAS": _of(Kind.ALIASES),
    "--MODELALIAS": _of(Kind.ALIASES),
    "REQUEST": _of(Kind.REQUESTS),
    "NAME": _either,
    "KIND": lambda *_: ["aliases", "requests"],
    "--NAMESPACE": _of(Kind.NAMESPACES),
    "--CONTEXT": _contexts,
}
"""What is read for which argument."""
