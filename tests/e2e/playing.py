"""Situations on real pods are played at once, each in a namespace of its own, with one operator."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.place import Place
from tests.support.installation import install_account, install_policy
from tests.support.kube_api import KubeApi
from tests.support.mlflow_server import Server
from tests.support.operator_process import config_for, running_operator
from tests.support.seeding import Seeding

Seen = Mapping[str, Any]
"""What was seen in a situation."""
Situation = Callable[[Place], Seen]


@contextmanager
def places(kubeconfig: str, server: Server, names: Iterable[str]) -> Iterator[Mapping[str, Place]]:
    """Make a namespace and two models with two versions for each of these, until the block ends."""
    install_policy(kubeconfig)
    made = {name: _place(kubeconfig, server) for name in names}
    try:
        yield made
    finally:
        for place in made.values():
            KubeApi(kubeconfig).send("DELETE", f"/api/v1/namespaces/{place.namespace}")


def _place(kubeconfig: str, server: Server) -> Place:
    models = [Seeding(server.uri, f"churn-{secrets.token_hex(4)}") for _ in range(2)]
    for model in models:
        for auc in (0.8, 0.9):
            model.version(val_auc=auc)
    return Place(kubeconfig, f"test-{secrets.token_hex(4)}", *models)


@contextmanager
def playing(
    situations: Mapping[str, Situation],
    there: Mapping[str, Place],
    server: Server,
    directory: Path,
    **config: Any,
) -> Iterator[Mapping[str, Future[Seen]]]:
    """Play each situation in its place, with one operator, until the block ends."""
    (kubeconfig,) = {place.kubeconfig for place in there.values()}
    install_account(kubeconfig)
    api, home = KubeApi(kubeconfig), f"test-{secrets.token_hex(4)}"
    assert api.create("/api/v1/namespaces", {"metadata": {"name": home}}).ok
    namespaces = [place.namespace for place in there.values()]
    whole = {**config_for(home, server.uri), "namespaces": namespaces, **config}
    pool = ThreadPoolExecutor(len(there))
    try:
        with running_operator(kubeconfig, whole, directory):
            yield {name: pool.submit(situations[name], place) for name, place in there.items()}
            pool.shutdown(cancel_futures=True)
    finally:
        pool.shutdown(cancel_futures=True)
        api.send("DELETE", f"/api/v1/namespaces/{home}")
