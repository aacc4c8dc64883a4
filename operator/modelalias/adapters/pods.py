"""Pods on a real API server: whose they are, what they wrote last, and the deletion of one.

What stands in their bodies is read in `pod_bodies` and `pod_causes`, what they serve in `pod_answers` and
`served_version`.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final

from modelalias.adapters.kubernetes_client import Call, Connection, Denied, MissingObject, Verb
from modelalias.adapters.pod_answers import Body, ask_each
from modelalias.adapters.pod_bodies import (
    REPLICA_SET,
    belongs_to,
    controller_of,
    has_ended,
    is_ending,
    is_ready,
    newest_first,
    parse_pod,
)
from modelalias.adapters.pod_log import last_lines, log_query
from modelalias.adapters.served_version import ask_address, session
from modelalias.api.workload import Verify
from modelalias.core.errors import InvalidRequest, Refused, StaleObject
from modelalias.ports import Pod, PodAnswer, PodRef, Workload
from modelalias.rest import Resource

PAGES: Final = 10
"""Of one list: 5,000 objects, more than a workload has pods."""

_PODS: Final = Resource(group="", version="v1", plural="pods")
_LOGS: Final = Resource(group="", version="v1", plural="pods", subresource="log")
_REPLICA_SETS: Final = Resource(group="apps", version="v1", plural="replicasets")
_NO_LOG: Final = "unable to retrieve container logs for "
"""What a kubelet answers with 200 when the log is gone with its container."""

_log: Final = logging.getLogger(__name__)


class KubernetesPods:
    """The port `Pods` on a real API server."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection, which the caller closes."""
        self._connection = connection

    async def of(self, workload: Workload) -> Sequence[Pod]:
        """Return the pods of a workload, the newest first, without those that have ended."""
        return [parse_pod(body) for body in await self._bodies(workload)]

    async def last_lines(self, pod: PodRef, container: str) -> str:
        """Return the end of what the container wrote before it crashed, at most 20 lines and 2,000 characters.

        "" when there is nothing, and when another pod has the name by now.
        """
        named = _call(Verb.LIST, _PODS, pod.namespace).changed(
            query=(("fieldSelector", f"metadata.name={pod.name}"),)
        )
        if pod.uid not in {body["metadata"]["uid"] async for body in self._items(named)}:
            return ""
        query = log_query(container)
        for instance in ((("previous", "true"), *query), query):
            call = _call(Verb.GET, _LOGS, pod.namespace, pod.name).changed(query=instance)
            try:
                text = await self._connection.read_text(call)
            except InvalidRequest:  # there was none before, or it has not started
                continue
            if not text.startswith(_NO_LOG):
                return last_lines(text)
        return ""

    async def ask(self, workload: Workload, verify: Verify) -> Sequence[PodAnswer]:
        """Ask each ready pod of the workload at its own address which version it serves."""
        ready = [body for body in await self._bodies(workload) if is_ready(body) and not is_ending(body)]
        async with session() as client:
            return await ask_each(ready, partial(ask_address, client, verify=verify))

    async def delete(self, pod: PodRef) -> None:
        """Delete that very pod; one that is gone is fine."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": pod.uid}}
        try:
            await self._connection.send(_call(Verb.DELETE, _PODS, pod.namespace, pod.name), options)
        except (MissingObject, StaleObject):  # gone, or another pod has its name
            return
        except Denied:
            raise
        except Refused as error:
            raise Refused(f"{error}, as the component delete-stuck-pods does") from error

    async def _bodies(self, workload: Workload) -> Sequence[Body]:
        """Return the pods of a workload as they were read, the newest first.

        Others may have the same labels: whoever controls a pod decides whose it is, where the workload
        controls its pods at all.
        """
        found = [body async for body in self._selected(_PODS, workload) if not has_ended(body)]
        if workload.owns_pods:
            owners = {workload.uid}
            if any(controller_of(body)[0] == REPLICA_SET for body in found):
                sets = self._selected(_REPLICA_SETS, workload)
                owners |= {item["metadata"]["uid"] async for item in sets if belongs_to(item, {workload.uid})}
            found = [body for body in found if belongs_to(body, owners)]
        return sorted(found, key=newest_first)

    async def _selected(self, resource: Resource, workload: Workload) -> AsyncIterator[Body]:
        """List what the workload's selector matches; an empty one would match everything."""
        if not workload.pod_selector:
            return
        call = _call(Verb.LIST, resource, workload.ref.namespace)
        async for item in self._items(call.changed(query=(("labelSelector", workload.pod_selector),))):
            yield item

    async def _items(self, call: Call) -> AsyncIterator[Body]:
        for _ in range(PAGES):
            answer = await self._connection.send(call)
            for item in answer.get("items") or ():
                yield item
            page = (answer.get("metadata") or {}).get("continue") or ""
            if not page:
                return
            call = call.changed(page=page)
        _log.warning("a list is too long and is not read to its end: %s", call)


def _call(verb: Verb, resource: Resource, namespace: str, name: str = "") -> Call:
    return Call(verb=verb, resource=resource, namespace=namespace, name=name)
