"""What the engine hears of Jobs, from a real API server through Kopf."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, cast

import kopf
import pytest

from modelalias.handlers import tuning, watches
from modelalias.reconcile.engine import Engine
from tests.support.installation import install_crds
from tests.support.raw_api import RawApi, raw_api, until


class Heard:
    """Stands where the engine stands, and only listens."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, str]] = []

    def job_seen(self, namespace: str, alias: str) -> None:
        self.jobs.append((namespace, alias))


@pytest.fixture
async def heard(kubeconfig: str, namespace: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Heard]:
    """Watch the namespace with the operator's own handlers and settings."""
    monkeypatch.setenv("KUBECONFIG", kubeconfig)
    install_crds(kubeconfig)
    found, registry, stop, ready = Heard(), kopf.OperatorRegistry(), asyncio.Event(), asyncio.Event()
    tuning.register_login(registry)
    watches.register(cast("Engine", found), registry)
    running = asyncio.create_task(
        kopf.operator(
            registry=registry,
            identity=cast("Any", "test"),  # its own guess needs the name of a user
            stop_flag=stop,
            ready_flag=ready,
            **tuning.arguments([namespace]),
        )
    )
    await asyncio.wait_for(ready.wait(), 30)
    yield found
    stop.set()
    with suppress(asyncio.CancelledError):
        await asyncio.wait_for(running, 30)


async def make(api: RawApi, namespace: str, name: str, **labels: str) -> str:
    """Create a Job that no controller writes to and return where it is."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "modelalias.invalid/none"}]}
    metadata = {"name": name, "labels": {f"modelalias.dev/{key}": value for key, value in labels.items()}}
    spec = {"managedBy": "modelalias.invalid/none", "template": {"spec": pod}}
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    await api.create(jobs, {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})
    return f"{jobs}/{name}"


async def test_the_alias_of_a_managed_job_hears_of_each_change_and_of_its_end(
    heard: Heard, kubeconfig: str, namespace: str
) -> None:
    async def heard_of(times: int) -> None:
        async def so_often() -> bool:
            return len(heard.jobs) >= times

        await until(so_often, f"{times} changes of the Job were seen")

    async with raw_api(kubeconfig) as api:
        await make(api, namespace, "unmanaged", alias="unmanaged")
        await make(api, namespace, "nobodys", managed="true")
        path = await make(api, namespace, "ours", managed="true", alias="churn")
        await heard_of(1)
        await api.merge(path, {"metadata": {"annotations": {"touched": "yes"}}})
        await heard_of(2)
        await api.delete(path)
        await heard_of(3)

        assert heard.jobs == [(namespace, "churn")] * 3
