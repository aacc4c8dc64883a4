"""What is read for the page of a ModelAlias, each part for itself: one that fails takes no other along."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError

from modelalias.api.alias import ModelAlias, Serving
from modelalias.api.promotion_policy import PolicyKind
from modelalias.api.request import PromotionRequest
from modelalias.cli import file_policies, kubernetes_yaml
from modelalias.cli.cluster import Kind, Page, PersonsCluster
from modelalias.cli.object_events import ObjectEvent
from modelalias.cli.pods_table import Served
from modelalias.core.errors import InvalidRequest, OperatorError
from modelalias.ports import WorkloadRef
from modelalias.web import board
from modelalias.web.alias_view import EventRow, Events, Read
from modelalias.web.board_reading import WAITING
from modelalias.web.reading import Reader
from modelalias.web.serving_panel import Ref
from modelalias.web.view import Notice

T = TypeVar("T")

MOST_WORKLOADS: Final = 16
"""Whose pods are read."""
MOST_REQUESTS: Final = 200
MOST_EVENTS: Final = 20
MOST_YAML: Final = 200_000
"""Characters."""
NOT_TOGETHER: Final = (
    "The policies that can be read do not give the rules of the status, so theirs are shown by name only."
)
NOTHING: Final = Page(items=(), after="", left=0)
_NO_POLICIES: Final[Sequence[Mapping[str, Any]]] = ()
_NO_EVENTS: Final[Sequence[ObjectEvent]] = ()
_OF_KUBECTL: Final = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True)
class _Part(Generic[T]):
    """A part of the page, or why it could not be read."""

    value: T
    why_not: str = ""


async def read(reader: Reader, namespace: str, name: str) -> Read:
    """Read a ModelAlias and what its page tells beside it; raise what the ModelAlias itself raises."""
    cluster = reader.within(namespace)
    alias = await cluster.alias(name)
    itself, of_alias = f"metadata.name={board.selected(name)}", f"spec.aliasRef.name={board.selected(name)}"
    lists = asyncio.gather(
        _part(lambda: reader.page(Kind.ALIASES, namespace, selector=itself, most=1), NOTHING),
        _part(lambda: reader.page(Kind.REQUESTS, namespace, selector=of_alias, most=MOST_REQUESTS), NOTHING),
        _part(lambda: reader.page(Kind.REQUESTS, namespace, selector=f"{of_alias},{WAITING}"), NOTHING),
    )
    others = asyncio.gather(
        _part(partial(_policies, reader, alias), _NO_POLICIES),
        _pods(cluster, alias),
        _events(cluster, alias.metadata.uid),
    )
    whole, requests, waiting = await lists
    policies, pods, events = await others
    merged, note = _merged(alias, policies)
    return Read(
        alias=alias,
        merged=merged,
        requests=_requests(requests.value.items),
        waiting=waiting.value.items,
        served=[item.value for item in pods.values() if item.value is not None],
        unread_pods={ref: item.why_not for ref, item in pods.items() if item.why_not},
        events=events,
        policy_note=note,
        yaml=as_yaml(whole.value.items),
        notices=tuple(_notices(requests, waiting)),
    )


async def _part(work: Callable[[], Awaitable[T]], otherwise: T) -> _Part[T]:
    """Read a part. Not given as a coroutine: where the page is left before it begins, nothing would await that."""
    try:
        return _Part(await work())
    except OperatorError as error:
        return _Part(otherwise, str(error))


async def _policies(reader: Reader, alias: ModelAlias) -> Sequence[Mapping[str, Any]]:
    """Read the policies that may hold; nothing is asked where the status tells of none."""
    told = alias.status.policy
    if told is None:
        return ()
    kinds = {
        PolicyKind.NAMESPACED: (Kind.POLICIES, alias.metadata.namespace),
        PolicyKind.CLUSTER: (Kind.CLUSTER_POLICIES, ""),
    }
    wanted = {kind: [name for name in told.sources if name.startswith(f"{kind}/")] for kind in kinds}
    found: list[Mapping[str, Any]] = []
    for kind, (plural, namespace) in kinds.items():
        for source in wanted[kind]:
            name = source.partition("/")[2]
            page = await reader.page(
                plural, namespace, selector=f"metadata.name={board.selected(name)}", most=1
            )
            found += [{**body, "kind": str(kind)} for body in page.items]
    return found


def _merged(alias: ModelAlias, policies: _Part[Sequence[Mapping[str, Any]]]) -> tuple[ModelAlias | None, str]:
    """Return the alias with the rules of its policies; None, and why, where these are not known."""
    told = alias.status.policy
    if told is None:
        return alias, ""
    if policies.why_not:
        return None, f"The policies' own values cannot be shown: {policies.why_not}"
    try:
        return file_policies.with_policies(alias, policies.value, told.sources), ""
    except (
        InvalidRequest
    ):  # a conflict, which the alias itself tells of, or an edit that the status does not know yet
        return None, NOT_TOGETHER


async def _pods(cluster: PersonsCluster, alias: ModelAlias) -> Mapping[Ref, _Part[Served | None]]:
    """Read the pods of the first workloads."""
    wanted = alias.spec.serving[:MOST_WORKLOADS]
    parts = await asyncio.gather(*(_part(partial(_served, cluster, alias, item), None) for item in wanted))
    found = {Ref(item.kind, item.name): part for item, part in zip(wanted, parts, strict=True)}
    why = f"only the pods of the first {MOST_WORKLOADS} workloads are shown here"
    rest = (Ref(item.kind, item.name) for item in alias.spec.serving[MOST_WORKLOADS:])
    return {**found, **{ref: _Part(None, why) for ref in rest}}


async def _served(cluster: PersonsCluster, alias: ModelAlias, serving: Serving) -> Served | None:
    ref = WorkloadRef(kind=serving.kind, namespace=alias.metadata.namespace, name=serving.name)
    workload = await cluster.workload(ref)
    return Served(serving, workload, [] if workload is None else await cluster.pods(workload))


def _requests(bodies: Sequence[Mapping[str, Any]]) -> Sequence[PromotionRequest]:
    found = []
    for body in bodies:
        try:
            found.append(PromotionRequest.model_validate(body))
        except ValidationError:  # of a newer release: what it says is not told here
            continue
    return found


async def _events(cluster: PersonsCluster, uid: str) -> Events:
    if not uid:
        return Events()
    part = await _part(partial(cluster.events, uid), _NO_EVENTS)
    shown = set(EventRow.model_fields)
    rows = tuple(EventRow(**item.model_dump(include=shown)) for item in part.value[:MOST_EVENTS])
    return Events(rows=rows, left_out=len(part.value) - len(rows), unread=part.why_not)


def _notices(requests: _Part[Page], waiting: _Part[Page]) -> Sequence[Notice]:
    found = []
    if requests.why_not or waiting.why_not:
        text = f"Who is waited for, and verdicts, cannot be shown: {requests.why_not or waiting.why_not}"
        found.append(Notice(text=text))
    elif requests.value.after:
        text = f"There are more than {MOST_REQUESTS} requests: numbers are from the first {MOST_REQUESTS}, by name."
        found.append(Notice(text=text))
    return found


def as_yaml(bodies: Sequence[Mapping[str, Any]]) -> str:
    """Return an object as YAML, without what nobody reads; "" where there is none."""
    if not bodies:
        return ""
    body = bodies[0]
    metadata = {key: value for key, value in body.get("metadata", {}).items() if key != "managedFields"}
    notes = metadata.get("annotations") or {}
    if _OF_KUBECTL in notes:
        metadata["annotations"] = {key: value for key, value in notes.items() if key != _OF_KUBECTL}
    head = {"apiVersion": "modelalias.dev/v1alpha1", "kind": "ModelAlias"}
    text = kubernetes_yaml.dump({**head, **body, "metadata": metadata})
    if len(text) <= MOST_YAML:
        return text
    return f"{text[:MOST_YAML]}\n# cut off here: {len(text) - MOST_YAML} more characters\n"
