"""Who may write a Lease that says that it is an installation of modelalias, on a real API server with RBAC and the
policy as they are shipped.

    mal   edit in a namespace; wes in all
    nil   every verb on everything in that namespace
    sta   edit, and a role of the namespace's own to write statuses of ModelAliases there
    a service account of the namespace that has the operator's name

Whoever writes such a Lease, and renews it, keeps an operator that watches the same from beginning.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from modelalias.adapters.lease import WATCHES, KubernetesLease
from modelalias.kinds.marks import INSTALLATION
from tests.support.kube_api import Answer, KubeApi, Person
from tests.support.operator_account import NAME, copied, signed_in
from tests.support.raw_api import connection_as
from tests.support.team import RBAC, Team

FORBIDDEN: Final = 403
NOW: Final = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
MAL, NIL, STA, WES = Person("mal"), Person("nil"), Person("sta"), Person("wes")
EVERYTHING: Final = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
STATUSES: Final = [
    {"apiGroups": ["modelalias.dev"], "resources": ["modelaliases/status"], "verbs": ["patch"]}
]
JSON_PATCH: Final = {"Content-Type": "application/json-patch+json"}


class Place:
    """The Leases of a namespace."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self.api, self.namespace = api, namespace
        self.path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"

    def body(self, name: str, labels: Mapping[str, str], **metadata: str) -> dict[str, Any]:
        """Return a Lease of somebody who says to watch this namespace alone, so that no other test minds."""
        named = {"name": name} if name else metadata
        annotations = {WATCHES: self.namespace}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {**named, "labels": labels, "annotations": annotations},
            "spec": {"holderIdentity": "x", "renewTime": "2026-11-21T12:00:00.000000Z"},
        }

    def put(self, labels: Mapping[str, str]) -> str:
        """Put a Lease there, as one that a program or an uninstalled operator left behind, and return its address."""
        name = f"left-{secrets.token_hex(4)}"
        answer = self.api.create(self.path, self.body(name, labels))
        assert answer.ok, answer.message
        return f"{self.path}/{name}"


LABELLED: Final = {INSTALLATION: "true"}
RENEWAL: Final = {"spec": {"renewTime": "2026-11-21T12:00:02.000000Z"}}


def _creates(place: Place, who: Person) -> Answer:
    return place.api.create(place.path, place.body("new", LABELLED), who=who)


def _creates_with_another_value(place: Place, who: Person) -> Answer:
    return place.api.create(place.path, place.body("new", {INSTALLATION: ""}), who=who)


def _creates_by_generated_name(place: Place, who: Person) -> Answer:
    return place.api.create(place.path, place.body("", LABELLED, generateName="new-"), who=who)


def _creates_by_the_operators_name(place: Place, who: Person) -> Answer:
    return place.api.create(place.path, place.body(NAME, LABELLED), who=who)


def _applies(place: Place, who: Person) -> Answer:
    return place.api.apply(f"{place.path}/new", place.body("new", LABELLED), manager="x", who=who)


def _labels(place: Place, who: Person) -> Answer:
    return place.api.merge(place.put({}), {"metadata": {"labels": LABELLED}}, who=who)


def _labels_by_apply(place: Place, who: Person) -> Answer:
    address = place.put({})
    body = place.body(address.rpartition("/")[2], LABELLED)
    return place.api.apply(address, body, manager="x", who=who)


def _labels_by_json_patch(place: Place, who: Person) -> Answer:
    patch = [{"op": "add", "path": "/metadata/labels", "value": LABELLED}]
    return place.api.send("PATCH", place.put({}), patch, who=who, headers=JSON_PATCH)


def _replaces(place: Place, who: Person) -> Answer:
    address = place.put({})
    stored = dict(place.api.send("GET", address).body)
    stored["metadata"] = {**stored["metadata"], "labels": LABELLED}
    return place.api.replace(address, stored, who=who)


def _renews_what_was_left_behind(place: Place, who: Person) -> Answer:
    return place.api.merge(place.put(LABELLED), RENEWAL, who=who)


def _takes_over_what_was_left_behind(place: Place, who: Person) -> Answer:
    return place.api.merge(place.put(LABELLED), {"spec": {"holderIdentity": who.name}}, who=who)


def _lets_it_watch_more(place: Place, who: Person) -> Answer:
    return place.api.merge(place.put(LABELLED), {"metadata": {"annotations": {WATCHES: "*"}}}, who=who)


def _hides_an_installation(place: Place, who: Person) -> Answer:
    return place.api.merge(place.put(LABELLED), {"metadata": {"labels": {INSTALLATION: None}}}, who=who)


def _keeps_it_from_going(place: Place, who: Person) -> Answer:
    return place.api.merge(place.put(LABELLED), {"metadata": {"finalizers": ["example.com/stay"]}}, who=who)


ATTEMPTS: Final[tuple[Callable[[Place, Person], Answer], ...]] = (
    _creates,
    _creates_with_another_value,
    _creates_by_generated_name,
    _creates_by_the_operators_name,
    _applies,
    _labels,
    _labels_by_apply,
    _labels_by_json_patch,
    _replaces,
    _renews_what_was_left_behind,
    _takes_over_what_was_left_behind,
    _lets_it_watch_more,
    _hides_an_installation,
    _keeps_it_from_going,
)


@pytest.fixture(scope="module")
def place(kube_api: KubeApi) -> Iterator[Place]:
    """A namespace in which these people have their rights."""
    namespace = f"test-{secrets.token_hex(4)}"
    assert kube_api.create("/api/v1/namespaces", {"metadata": {"name": namespace}}).ok
    team = Team(kube_api, namespace)
    for who in (MAL, STA, _namesake(namespace)):
        team.bind(who, "edit", "create")
    team.bind(NIL, EVERYTHING, "create")
    team.bind(STA, STATUSES, "patch", "modelaliases/status")
    wide = {
        "metadata": {"name": f"wes-{namespace}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": WES.name}],
    }
    assert kube_api.create(f"{RBAC}/clusterrolebindings", wide).ok
    team.until_allowed(WES, {"verb": "create", "resource": "promotionrequests"})
    yield Place(kube_api, namespace)
    kube_api.send("DELETE", f"{RBAC}/clusterrolebindings/wes-{namespace}")
    kube_api.send("DELETE", f"/api/v1/namespaces/{namespace}")


def _namesake(namespace: str) -> Person:
    return Person(f"system:serviceaccount:{namespace}:{NAME}")


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=[it.__name__.strip("_") for it in ATTEMPTS])
def test_who_may_edit_a_namespace_makes_keeps_and_hides_no_installation(
    place: Place, attempt: Callable[[Place, Person], Answer]
) -> None:
    answer = attempt(place, MAL)

    assert answer.code == FORBIDDEN, answer
    assert "only an installation of modelalias writes a Lease with the label modelalias.dev/installation" in (
        answer.message
    )
    assert "mal may not patch modelaliases/status.modelalias.dev in every namespace" in answer.message


@pytest.mark.parametrize("who", [NIL, STA, WES, None], ids=["all", "statuses", "everywhere", "namesake"])
@pytest.mark.parametrize("attempt", [_creates, _labels, _renews_what_was_left_behind])
def test_no_right_in_a_namespace_and_no_name_makes_an_installation(
    place: Place, attempt: Callable[[Place, Person], Answer], who: Person | None
) -> None:
    answer = attempt(place, who or _namesake(place.namespace))

    assert answer.code == FORBIDDEN, answer
    assert "only an installation of modelalias" in answer.message


def test_what_was_left_behind_can_be_deleted_and_other_leases_are_nobodys_business(place: Place) -> None:
    left, other = place.put(LABELLED), place.put({"app": "x"})

    deleted = place.api.send("DELETE", left, who=MAL)
    made = place.api.create(place.path, place.body("plain", {}), who=MAL)
    renewed = place.api.merge(other, RENEWAL, who=MAL)

    assert (deleted.ok, made.ok, renewed.ok) == (True, True, True), (deleted, made, renewed)


async def test_an_installation_under_an_account_of_its_own_writes_its_lease_and_is_proved(
    kubeconfig: str, kube_api: KubeApi, namespace: str, tmp_path: Path
) -> None:
    elsewhere = f"{namespace}-b"
    assert kube_api.create("/api/v1/namespaces", {"metadata": {"name": elsewhere}}).ok
    shipped = signed_in(kubeconfig, namespace, tmp_path / "shipped")
    with copied(kubeconfig, elsewhere, tmp_path / "copy") as copy:
        accounts = {namespace: shipped, elsewhere: copy.may_not()}
        async with (
            connection_as(accounts[namespace]) as first,
            connection_as(accounts[elsewhere]) as second,
        ):
            stores = {
                home: KubernetesLease(connection, namespace=home, name=NAME, watches=(namespace,))
                for home, connection in ((namespace, first), (elsewhere, second))
            }
            for home, store in stores.items():
                await store.replace(await store.create(home, NOW), home, NOW + timedelta(seconds=2))
            seen = {home: [it.place for it in await store.neighbours()] for home, store in stores.items()}
            doubts = [await store.why_unproved() for store in stores.values()]
    kube_api.send("DELETE", f"/api/v1/namespaces/{elsewhere}")

    assert f"{elsewhere}/{NAME}" in seen[namespace]
    assert f"{namespace}/{NAME}" in seen[elsewhere]
    assert doubts == ["", ""]
