"""What an examination of a cluster has found, line by line, each with what to do about it. Pure."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import AliasCondition, Reason, Status, find
from modelalias.api.fields import Value
from modelalias.cli import ages, crd_fit, heartbeat
from modelalias.cli.cluster import Heartbeat, Installation, Who
from modelalias.cli.crd_fit import Fit
from modelalias.cli.object_events import ObjectEvent

DEPLOYMENT: Final = "modelalias-operator"
SKEW: Final = timedelta(seconds=5)
"""By how much clocks may differ: answers say the time to the second, and take a while."""
INSTALL: Final = "kubectl apply --server-side -k .    # in the folder with your own kustomization"
"""As the README says."""
_RELEASE: Final = "meta.helm.sh/release-name"
_RELEASE_NAMESPACE: Final = "meta.helm.sh/release-namespace"


class State(StrEnum):
    """What a line says."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"
    UNKNOWN = "unknown"
    """the person may not look, or it cannot be told"""


class Line(Value):
    """One thing that was looked at."""

    name: str
    state: State
    message: str
    remedy: str = ""
    """A command, or two; "" where there is nothing to do."""


class Hidden(NamedTuple):
    """Something that could not be read, and why."""

    why: str


Read = Mapping[str, Any] | Hidden | None
"""An object, None where there is none."""


def definitions(fits: Iterable[Fit]) -> Iterator[Line]:
    """Return a line for each of our kinds."""
    for fit in fits:
        name = f"CRD {fit.kind}"
        if not fit.is_served:
            yield _line(name, State.MISSING, "the API server does not serve it", INSTALL)
        elif fit.lacks:
            message = f"it is of an older release, without {crd_fit.some(fit.lacks)}"
            yield _line(name, State.WARNING, message, INSTALL)
        elif fit.has_more:
            message = f"it is of a newer release than this command, with {crd_fit.some(fit.has_more)}"
            yield _line(name, State.WARNING, message, "pip install --upgrade 'git+https://<this repository>'")
        else:
            yield _line(name, State.OK, "it has the fields of this release")


def policy(kind: str, name: str, policy: Read, binding: Read, *, without: str) -> Line:
    """Return whether an admission policy and its binding are there, and what it is like `without`; "" if it is needed."""
    title = f"{kind} {name}"
    hidden = next((item for item in (policy, binding) if isinstance(item, Hidden)), None)
    if hidden is not None:
        return _line(title, State.UNKNOWN, hidden.why)
    absent = [word for word, item in (("policy", policy), ("binding", binding)) if item is None]
    if absent:
        state = State.WARNING if without else State.MISSING
        effect = f"; without it {without}" if without else ""
        return _line(title, state, f"there is no {' and no '.join(absent)}{effect}", INSTALL)
    actions = _spec(binding).get("validationActions", ["Deny"])
    if "Deny" not in actions:
        return _line(
            title, State.WARNING, f"it does not deny: its binding says {', '.join(actions)}", INSTALL
        )
    return _line(title, State.OK, "policy and binding are there")


def operator(found: Heartbeat | Hidden | None, namespace: str, now: datetime) -> Line:
    """Return whether the operator runs and leads."""
    look = heartbeat.is_there(namespace)
    if isinstance(found, Hidden):
        return _line("operator", State.UNKNOWN, found.why)
    if found is None:
        return _line(
            "operator",
            State.MISSING,
            f"there is no Lease of it in namespace {namespace}: it runs elsewhere (--operator-namespace) or never ran",
            look,
        )
    stands = heartbeat.standing(found, now)
    if not stands.is_fresh:
        is_late = found.renewed is None or now - found.renewed > heartbeat.LATE
        return _line("operator", State.MISSING if is_late else State.WARNING, stands.sentence, look)
    age = ages.age(found.renewed, now)
    return _line("operator", State.OK, f"{found.holder} leads, and renewed its Lease {age} ago")


def others(
    found: Sequence[Installation] | Hidden, namespace: str, now: datetime, policy: Line
) -> Sequence[Line]:
    """Return which other installations act in the cluster; nothing where there are none, or where that may not be read.

    `policy` is the line of the admission policy that proves that they are installations.
    """
    if isinstance(found, Hidden):
        return ()
    effect = "where both watch the same namespaces, the one that came later does nothing"
    if policy.state in {State.WARNING, State.MISSING}:
        effect = "anybody may have written that, so no operator gives way to it"
    return tuple(
        _line(
            f"installation {item.place.partition('/')[0]}",
            State.WARNING,
            f"another one, which watches {', '.join(item.namespaces) or 'all namespaces'}, holds the Lease {item.place} "
            f"({'never renewed' if item.renewed is None else f'renewed {ages.age(item.renewed, now)} ago'}): {effect}",
            heartbeat.logs(namespace),
        )
        for item in found
    )


def installed_in(ours: Iterable[Read], others: Sequence[Installation] | Hidden) -> str:
    """Return the namespace of the operator, as our objects say by Helm's annotation, or its Lease; "" if none tells."""
    head = _release(ours)
    if _RELEASE_NAMESPACE in head:
        return str(head[_RELEASE_NAMESPACE])
    if isinstance(others, Hidden) or len(others) != 1:
        return ""
    return others[0].place.partition("/")[0]


def place(asked: str, found: str) -> Iterator[Line]:
    """Return that the operator is in another namespace than the one that was asked about."""
    if asked != found:
        message = f"it is in {found}, not in {asked}, and was looked at there; commands have to be told"
        remedy = shlex.join(["modelalias", "doctor", "--operator-namespace", found])
        yield _line("operator's namespace", State.WARNING, message, remedy)


def deployed(runs: Line, deployment: Read, namespace: str, *, is_served: bool) -> Line:
    """Return the operator's line; where none runs, whether its Deployment wants one.

    Where not even our kinds are served, nothing was installed, and the Lease's sentence says it.
    """
    if runs.state not in {State.WARNING, State.MISSING} or isinstance(deployment, Hidden):
        return runs
    if deployment is None and is_served:
        message = f"{runs.message}; there is no Deployment {DEPLOYMENT} in namespace {namespace}"
        return _line(runs.name, State.MISSING, message, INSTALL)
    if _is_scaled_down(deployment):
        message = f"{runs.message}; Deployment {DEPLOYMENT} has 0 replicas: it was scaled down, or the operator runs elsewhere"
        remedy = (
            f"kubectl -n {namespace} scale deployment {DEPLOYMENT} --replicas=1    # unless it runs elsewhere"
        )
        return _line(runs.name, State.MISSING, message, remedy)
    return runs


def _is_scaled_down(deployment: Read) -> bool:
    return _spec(deployment).get("replicas") == 0


def waiting(runs: Line, deployment: Read, events: Sequence[ObjectEvent] | Hidden) -> Line:
    """Return the operator's line with why its pod waits, where it has a Deployment and Events tell; the newest come first."""
    if runs.state is State.OK or not isinstance(deployment, Mapping) or isinstance(events, Hidden):
        return runs
    if _is_scaled_down(deployment):  # its pods are gone, and their Events tell of before
        return runs
    told = next((it for it in events if it.is_warning and it.name.startswith(f"{DEPLOYMENT}-")), None)
    if told is None:
        return runs
    message = f"{runs.message}; its pod {told.name}: {told.reason}: {told.message}"
    return runs.model_copy(update={"message": message})


def as_installed(lines: Sequence[Line], ours: Iterable[Read]) -> Sequence[Line]:
    """Return the lines with the remedies of whoever installed with Helm, as one of our objects says by its annotation."""
    head = _release(ours)
    if not head:
        return lines
    where_to = shlex.join(
        [head[_RELEASE], "charts/modelalias", "-n", head.get(_RELEASE_NAMESPACE, heartbeat.NAMESPACE)]
    )
    remedy = f"helm upgrade --install {where_to} -f values.yaml"
    return [line.model_copy(update={"remedy": remedy}) if line.remedy == INSTALL else line for line in lines]


def _release(ours: Iterable[Read]) -> Mapping[str, Any]:
    """Return the annotations by which one of our objects is of a release of Helm's; none where none is."""
    heads = (item.get("metadata", {}).get("annotations") or {} for item in ours if isinstance(item, Mapping))
    return next((item for item in heads if _RELEASE in item), {})


def version(deployment: Read, ours: str, namespace: str, *, is_needed: bool = False) -> Line:
    """Return whether the operator is of the release of this command, as its image's tag says.

    A Deployment is needed where no operator runs and our kinds are served.
    """
    title = "operator's version"
    if isinstance(deployment, Hidden):
        return _line(title, State.UNKNOWN, deployment.why)
    if deployment is None:
        state, remedy = (State.MISSING, INSTALL) if is_needed else (State.UNKNOWN, "")
        return _line(title, state, f"there is no Deployment {DEPLOYMENT} in {namespace}", remedy)
    if not _pods(deployment):
        message = f"it cannot be told: no pod of Deployment {DEPLOYMENT} in {namespace} is there"
        return _line(title, State.UNKNOWN, message)
    containers = _spec(deployment).get("template", {}).get("spec", {}).get("containers", [])
    image = next((str(item.get("image", "")) for item in containers if item.get("name") == "operator"), "")
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    if not tag[:1].isdigit():
        return _line(
            title, State.UNKNOWN, f"its image {image or 'is not known and'} has no tag that tells it"
        )
    if tag != ours:
        remedy = f"pip install 'git+https://<this repository>@{tag}'"
        return _line(title, State.WARNING, f"the operator is {tag}, this command {ours}", remedy)
    return _line(title, State.OK, f"{tag}, by its image's tag")


def person(who: Who) -> Line:
    """Return who is asking."""
    return _line("you", State.OK, f"{who.user}, in {', '.join(who.groups) or 'no group'}")


def rights(has: Mapping[str, bool], who: Who, namespace: str) -> Iterator[Line]:
    """Return what the person may do with every ModelAlias; a role can grant more on some, by `resourceNames`.

    Who may not even look can do nothing with these commands.
    """
    user = shlex.quote(f"--user={who.user}")
    bind = f"kubectl create rolebinding NAME -n {namespace} --clusterrole=view {user}"
    if not has["look"]:
        message = f"you may not read every ModelAlias in namespace {namespace}"
        yield _line("rights", State.MISSING, message, bind)
        return
    may = ", ".join(what for what, is_there in has.items() if is_there)
    may_not = ", ".join(what for what, is_there in has.items() if not is_there)
    beyond = f"; not with every ModelAlias: {may_not}" if may_not else ""
    yield _line("rights", State.OK, f"in namespace {namespace} you may {may}{beyond}")


def registries(
    aliases: Iterable[ModelAlias] | Hidden, configuration: str, now: datetime, *, is_told: bool = True
) -> Iterator[Line]:
    """Return a line for each registry that ModelAliases name, as the operator says that it answers.

    `configuration` is the command that shows the operator's. Where no operator tells anything now, what one said before is
    not what is so.
    """
    if isinstance(aliases, Hidden):
        yield _line("registry", State.UNKNOWN, aliases.why)
        return
    found: dict[str, Line] = {}
    for alias in aliases:
        line = _registry(alias, configuration, now)
        before = found.get(line.name)
        if before is None or _WORSE.index(line.state) > _WORSE.index(before.state):
            found[line.name] = line
    if not found:
        yield _line("registry", State.UNKNOWN, "no ModelAlias names one, so the operator has told of none")
    for line in (found[name] for name in sorted(found)):
        yield line if is_told else _line(line.name, State.UNKNOWN, f"{_BEFORE}: {line.message}")


_BEFORE: Final = "the operator does not tell it now; it said before"
_WORSE: Final = (State.UNKNOWN, State.OK, State.WARNING, State.MISSING)
_BUSY: Final = "cannot answer now ("
"""What the operator says of a registry that answers, with a status that passes."""
_PASSES: Final = timedelta(minutes=5)
"""After which the alert ModelAliasRegistryDown does not believe that either."""


def configuration(deployment: Read, namespace: str) -> str:
    """Return the command that shows the operator's configuration: kustomize's name for it ends with a hash."""
    volumes = _spec(deployment).get("template", {}).get("spec", {}).get("volumes") or ()
    names = (str(it.get("configMap", {}).get("name", "")) for it in volumes if it.get("name") == "config")
    name = next(names, "") or "modelalias-config"
    return f"kubectl -n {namespace} get configmap {name} -o jsonpath='{{.data.config\\.yaml}}'"


def _registry(alias: ModelAlias, configuration: str, now: datetime) -> Line:
    name = f"registry {alias.spec.registry}"
    condition = find(alias.status.conditions, AliasCondition.REGISTRY_REACHABLE)
    told = f"ModelAlias {alias.metadata.name}: {condition.message}" if condition else ""
    if condition is not None and condition.reason == Reason.REGISTRY_UNKNOWN:
        return _line(name, State.MISSING, told, f"{configuration}    # registries.{alias.spec.registry}")
    if condition is None or condition.status is Status.UNKNOWN:
        return _line(name, State.UNKNOWN, "the operator has not told of it yet")
    if condition.status is Status.TRUE:
        return _line(name, State.OK, f"{condition.message} (reads)")
    is_new = now - condition.last_transition_time < _PASSES
    is_refused = condition.reason == Reason.AUTH_FAILED
    field, page = ("credentials", "Refuses") if is_refused else ("uri", "Down")
    return _line(
        name,
        State.WARNING if is_new and _BUSY in condition.message else State.MISSING,
        told,
        f"{configuration}    # registries.{alias.spec.registry}.{field}; then docs/runbooks/ModelAliasRegistry{page}.md",
    )


def clock(own: datetime, servers: datetime) -> Line:
    """Return whether this machine and the API server agree on the time."""
    ahead = servers - own
    if abs(ahead) <= SKEW:
        return _line("clock", State.OK, f"as the API server's, to {SKEW.total_seconds():g} s")
    side = "behind" if ahead > timedelta() else "ahead of"
    message = f"this machine's clock is {ages.short(abs(ahead))} {side} the API server's"
    return _line("clock", State.WARNING, message, "timedatectl set-ntp true")


def signing(keys: Read, namespace: str) -> Line:
    """Return whether the operator has published a key that records can be checked with."""
    title = "signing key"
    if isinstance(keys, Hidden):
        return _line(title, State.UNKNOWN, keys.why)
    number = 0 if keys is None else len(keys.get("data") or {})
    if not number:
        message = (
            f"no public key stands in ConfigMap {namespace}/modelalias-public-keys: records are not signed, "
            "or the operator's configuration has another name for it"
        )
        return _line(title, State.WARNING, message, heartbeat.logs(namespace))
    return _line(title, State.OK, f"public keys in ConfigMap {namespace}/modelalias-public-keys: {number}")


def metrics(service: Read, deployment: Read, namespace: str) -> Line:
    """Return whether Prometheus can find the operator's metrics: a Service, and a pod that is ready behind it."""
    title = "metrics"
    if isinstance(service, Hidden):
        return _line(title, State.UNKNOWN, service.why)
    if service is None:
        return _line(title, State.WARNING, f"there is no Service modelalias-metrics in {namespace}", INSTALL)
    ports = [str(port.get("port")) for port in _spec(service).get("ports", [])]
    message = f"Service {namespace}/modelalias-metrics, port {', '.join(ports)}, /metrics"
    if isinstance(deployment, Hidden):
        why = f"whether a pod stands behind it is not known: {deployment.why}"
        return _line(title, State.UNKNOWN, f"{message}; {why}")
    if not _pods(deployment, "readyReplicas"):
        why = f"no pod of Deployment {DEPLOYMENT} is ready behind it"
        return _line(title, State.WARNING, f"{message}; {why}", heartbeat.is_there(namespace))
    return _line(title, State.OK, message)


def _pods(deployment: Read, counted: str = "replicas") -> int:
    """Return how many pods a Deployment says that it has."""
    status = deployment.get("status") or {} if isinstance(deployment, Mapping) else {}
    return int(status.get(counted) or 0)


def _spec(item: Read) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = item.get("spec", {}) if isinstance(item, Mapping) else {}
    return spec


def _line(name: str, state: State, message: str, remedy: str = "") -> Line:
    return Line(name=name, state=state, message=message, remedy=remedy)


def is_complete(lines: Sequence[Line]) -> bool:
    """Return whether nothing is missing."""
    return all(line.state is not State.MISSING for line in lines)
