"""The options of every command that talks to a cluster, and its connection to the cluster."""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from modelalias.cli import kubeconfig
from modelalias.cli.cluster import PersonsCluster

T = TypeVar("T")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the options for cluster, namespace and user; they have kubectl's names."""
    group = parser.add_argument_group("cluster")
    group.add_argument("-n", "--namespace", metavar="NAMESPACE", help="default: the namespace of the context")
    group.add_argument(
        "--kubeconfig",
        metavar="FILE",
        help="default: $KUBECONFIG, else ~/.kube/config, else the pod's service account",
    )
    group.add_argument("--context", metavar="CONTEXT", help="default: the current context of the kubeconfig")
    group.add_argument("--as", dest="acts_as", metavar="USER", help="impersonate this user")
    group.add_argument(
        "--as-group",
        dest="groups",
        action="append",
        default=[],
        metavar="GROUP",
        help="impersonate this group, with --as; can be given several times",
    )


def with_cluster(options: argparse.Namespace, work: Callable[[PersonsCluster], Awaitable[T]]) -> T:
    """Run `work` with the cluster that the options name."""
    access = kubeconfig.read(flags(options), os.environ, Path.home())
    return asyncio.run(_work(access, work))


def flags(options: argparse.Namespace) -> kubeconfig.Flags:
    """Return what the options say of cluster, namespace and user."""
    return kubeconfig.Flags(
        options.kubeconfig, options.context, options.namespace, options.acts_as, tuple(options.groups)
    )


async def _work(access: kubeconfig.Access, work: Callable[[PersonsCluster], Awaitable[T]]) -> T:
    # imported late: loading the Kubernetes client takes longer than everything else
    from modelalias.cli.api_server import opened  # noqa: PLC0415

    async with opened(access) as server:
        return await work(server)
