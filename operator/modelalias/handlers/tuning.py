"""Kopf's settings: watch, authenticate, answer probes, and store nothing on anybody's objects."""

import os
from collections.abc import Collection
from typing import Any, Final

import kopf
from kopf._core.reactor import inventory

from modelalias.kinds import KINDS
from modelalias.kinds.marks import MANAGED_LABEL

MANAGED: Final = f"{MANAGED_LABEL}=true"


class _NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no last-seen state: event handlers need none, and an annotation would be a write per object."""

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        del body
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        del body, patch, essence

    def build(
        self, *, body: kopf.Body, extra_fields: Any = None, ignored_fields: Any = None
    ) -> kopf.BodyEssence:
        del body, extra_fields, ignored_fields
        return kopf.BodyEssence({})


class _NoProgress(kopf.ProgressStorage):
    """Keeps no progress of handlers: event handlers have none."""

    def fetch(self, *, key: Any, body: kopf.Body) -> Any:
        del key, body

    def store(self, *, key: Any, record: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        del key, record, body, patch

    def purge(self, *, key: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        del key, body, patch

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        del body, patch, value

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


class _NoMemories(inventory.ResourceMemories):
    """Keeps nothing of any object: event handlers need none, and Kopf's own would take 0.9 KiB for each that was ever seen."""

    async def recall(
        self,
        raw_body: kopf.RawBody,
        *,
        memobase: Any = None,
        noticed_by_listing: bool = False,
        ephemeral: bool = False,
    ) -> inventory.ResourceMemory:
        del ephemeral
        return await super().recall(
            raw_body, memobase=memobase, noticed_by_listing=noticed_by_listing, ephemeral=True
        )


def settings() -> kopf.OperatorSettings:
    """Return settings for thousands of objects under event handlers alone."""
    tuned = kopf.OperatorSettings()
    tuned.persistence.diffbase_storage = _NoDiffBase()
    tuned.persistence.progress_storage = _NoProgress()
    tuned.queueing.idle_timeout = 0.05
    tuned.watching.chunk_size = 250
    tuned.watching.label_selectors["batch", "jobs"] = MANAGED
    for kind in KINDS.values():
        tuned.watching.label_selectors[kind.resource.group, kind.resource.plural] = MANAGED
    tuned.networking.request_timeout = 15.0
    tuned.networking.connect_timeout = 5.0
    tuned.scanning.disabled = True  # `rewatching` sees what comes and goes, and reads no CRD for it
    tuned.process.ultimate_exiting_timeout = None  # it would kill the process after each start anew
    tuned.peering.standalone = True
    tuned.posting.enabled = False
    return tuned


def register_login(registry: kopf.OperatorRegistry) -> None:
    """Log in with KUBECONFIG where it is set, with the pod's service account elsewhere.

    It takes no client library.
    """

    @kopf.on.login(registry=registry)
    async def login(**arguments: Any) -> kopf.ConnectionInfo | None:
        """Read the credentials afresh, at the start and after each 401."""
        if os.environ.get("KUBECONFIG"):
            return kopf.login_with_kubeconfig(**arguments)
        return kopf.login_with_service_account(**arguments)


def arguments(namespaces: Collection[str]) -> dict[str, Any]:
    """Return Kopf's arguments: the settings, and what is watched, which is named namespaces or the whole cluster."""
    scope = {"namespaces": list(namespaces)} if namespaces else {"clusterwide": True}
    return {"settings": settings(), "memories": _NoMemories(), "standalone": True, **scope}
