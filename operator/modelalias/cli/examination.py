"""What `modelalias doctor` reads, with the rights of the person who asks."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from pydantic import ValidationError

from modelalias.api.alias import ModelAlias
from modelalias.cli import crd_fit, diagnosis, object_events
from modelalias.cli.cluster import Heartbeat, Kind, PersonsCluster
from modelalias.cli.diagnosis import Hidden, Line, State
from modelalias.cli.object_events import ObjectEvent
from modelalias.cli.rights import ALIASES, APPROVE, REQUESTS, Right
from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from modelalias.rest import Resource

T = TypeVar("T")

_ADMISSION: Final = "admissionregistration.k8s.io"
_VALIDATING: Final = "ValidatingAdmissionPolicy"
_MUTATING: Final = "MutatingAdmissionPolicy"
_INSTALLATIONS: Final = (_VALIDATING, "leases.modelalias.dev")
_UNSIGNED: Final = "requestedBy and the signature of a pin are written by hand"
_POLICIES: Final[Mapping[tuple[str, str], str]] = {
    (_VALIDATING, "promotionrequests.modelalias.dev"): "",
    (_VALIDATING, "modelaliases.modelalias.dev"): "",
    (_VALIDATING, "promotionpolicies.modelalias.dev"): "",
    _INSTALLATIONS: "an operator gives way to no other installation",
    (_MUTATING, "promotionrequests.modelalias.dev"): _UNSIGNED,
    (_MUTATING, "modelaliases.modelalias.dev"): _UNSIGNED,
}
"""The admission policies, and what it means that one is not there; "" where nothing works without it."""
_PLURALS: Final = {
    _VALIDATING: ("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
    _MUTATING: ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings"),
}
_DEPLOYMENTS: Final = Resource(group="apps", version="v1", plural="deployments")
_CRDS: Final = Resource(group="apiextensions.k8s.io", version="v1", plural="customresourcedefinitions")
_CLUSTER_ROLES: Final = Resource(group="rbac.authorization.k8s.io", version="v1", plural="clusterroles")
_CONFIG_MAPS: Final = Resource(group="", version="v1", plural="configmaps")
_SERVICES: Final = Resource(group="", version="v1", plural="services")
_RIGHTS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "look": (("get", ALIASES), ("list", ALIASES)),
    "promote": (("promote", ALIASES), ("create", REQUESTS)),
    "roll back": (("rollback", ALIASES), ("create", REQUESTS)),
    "approve": ((APPROVE, ALIASES), ("patch", REQUESTS)),
    "edit ModelAliases": (("patch", ALIASES),),
    "release holds": (("release", ALIASES), ("patch", ALIASES)),
    "skip gates": (("bypass", ALIASES), ("create", REQUESTS)),
}
"""What people do, and the verbs that it takes."""


async def examine(cluster: PersonsCluster, operators: str, ours: str) -> Sequence[Line]:
    """Look at everything; raise `Unavailable` if the API server does not answer at all."""
    who = await cluster.who()
    own, servers = datetime.now(UTC), cluster.now()
    schemas, has, aliases, policies = await asyncio.gather(
        cluster.schemas(),
        _rights(cluster),
        _unless_hidden(_aliases(cluster)),
        asyncio.gather(*(_policy(cluster, kind, name, effect) for (kind, name), effect in _POLICIES.items())),
    )
    ours_there = await asyncio.gather(
        _unless_hidden(cluster.body(_CRDS, "modelaliases.modelalias.dev")),
        _unless_hidden(cluster.body(_CLUSTER_ROLES, "modelalias-operator")),
    )
    asked, operators = operators, await _place(cluster, operators, ours_there)
    lease, others, deployment, keys, service = await asyncio.gather(
        _unless_hidden(cluster.heartbeat(operators)),
        _unless_hidden(cluster.other_installations(operators)),
        _unless_hidden(cluster.body(_DEPLOYMENTS, diagnosis.DEPLOYMENT, operators)),
        _unless_hidden(cluster.body(_CONFIG_MAPS, "modelalias-public-keys", operators)),
        _unless_hidden(cluster.body(_SERVICES, "modelalias-metrics", operators)),
    )
    definitions = [*diagnosis.definitions(crd_fit.fits(schemas))]
    is_served = any(line.state is not State.MISSING for line in definitions)
    runs = diagnosis.deployed(
        diagnosis.operator(lease, operators, cluster.now()), deployment, operators, is_served=is_served
    )
    has_stopped = (
        isinstance(lease, Heartbeat) and runs.state is State.MISSING
    )  # without a Lease it may be elsewhere
    events: Sequence[ObjectEvent] | Hidden = ()
    if runs.state is not State.OK:
        events = await _unless_hidden(_events(cluster, operators))
    shown = diagnosis.configuration(deployment, operators)
    lines = [
        *definitions,
        *policies,
        diagnosis.waiting(runs, deployment, events),
        *diagnosis.place(asked, operators),
        *diagnosis.others(others, operators, servers, policies[[*_POLICIES].index(_INSTALLATIONS)]),
        diagnosis.version(deployment, ours, operators, is_needed=is_served and runs.state is State.MISSING),
        diagnosis.person(who),
        *diagnosis.rights(has, who, cluster.namespace),
        *diagnosis.registries(aliases, shown, servers, is_told=not has_stopped),
        diagnosis.clock(own, servers),
        diagnosis.signing(keys, operators),
        diagnosis.metrics(service, deployment, operators),
    ]
    return diagnosis.as_installed(lines, ours_there)


async def _place(cluster: PersonsCluster, asked: str, ours: Iterable[diagnosis.Read]) -> str:
    """Return the namespace that has the operator: the one that was asked about, unless it has none and another is told."""
    if await _unless_hidden(cluster.heartbeat(asked)) is not None:
        return asked
    others = await _unless_hidden(cluster.other_installations(asked))
    return diagnosis.installed_in(ours, others) or asked


async def _policy(cluster: PersonsCluster, kind: str, name: str, without: str) -> Line:
    policy, binding = [
        await _unless_hidden(cluster.body(Resource(group=_ADMISSION, version="v1", plural=plural), name))
        for plural in _PLURALS[kind]
    ]
    return diagnosis.policy(kind, name, policy, binding, without=without)


async def _events(cluster: PersonsCluster, namespace: str) -> Sequence[ObjectEvent]:
    about = "involvedObject.kind=Pod,type=Warning"
    return object_events.newest_first(
        [body async for body in cluster.every(Kind.EVENTS, namespace, selector=about)]
    )


async def _aliases(cluster: PersonsCluster) -> Sequence[ModelAlias]:
    found = []
    async for body in cluster.every(Kind.ALIASES, cluster.namespace):
        try:
            found.append(ModelAlias.model_validate(body))
        except ValidationError:  # it is of another release; what fits of it is not known
            continue
    return found


async def _rights(cluster: PersonsCluster) -> Mapping[str, bool]:
    async def has(needed: tuple[tuple[str, str], ...]) -> bool:
        asked = (cluster.may(Right(verb=verb, plural=plural, name="")) for verb, plural in needed)
        return all(await asyncio.gather(*asked))

    return dict(zip(_RIGHTS, await asyncio.gather(*map(has, _RIGHTS.values())), strict=True))


async def _unless_hidden(reading: Awaitable[T]) -> T | Hidden:
    """Return what is read, or why it cannot be."""
    try:
        return await reading
    except (Refused, InvalidRequest, Unavailable) as error:
        return Hidden(str(error))
