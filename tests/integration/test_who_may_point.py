"""Whom a ModelAlias may be written by, on a real API server with RBAC and the policies as they are shipped.

Who names a workload must be allowed to patch its kind, who asks for an evaluation must be allowed to create
Jobs, a pin is signed by who sets it, and so is what is said of a hold or a drift.

    owner    cy     modelalias-alias-owner, and nothing else
    editor   otto   modelalias-alias-owner and Kubernetes' edit
    partly   dee    modelalias-alias-owner, and patch on Deployments alone
    narrow   nia    modelalias-alias-owner, and patch on the one Deployment churn-api
    abroad   abe    modelalias-alias-owner; edit in another namespace
    restorer rex    modelalias-restorer
    admin    mia    every verb on modelaliases
    patcher  pat    create and patch on modelaliases, and nothing else
    by name  ray    as pat, and `release` for another alias only
"""

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from modelalias.api.metadata import ACKNOWLEDGE_DRIFT, RELEASE_HOLD
from tests.support.inputs import alias, gate, request
from tests.support.installation import ROOT, WAIT_SECONDS
from tests.support.kube_api import Answer, KubeApi, Person
from tests.support.older_kubernetes import Older, older_kubernetes
from tests.support.team import OPERATOR, Team

CY, OTTO, DEE, NIA, ABE = Person("cy"), Person("otto"), Person("dee"), Person("nia"), Person("abe")
REX, MIA, ADA = Person("rex"), Person("mia"), Person("ada")
PAT, RAY, SPACED = Person("pat"), Person("ray"), Person("cy of ml")
CONTROLLERS: Final = Person(
    "system:serviceaccount:kube-system:generic-garbage-collector", ("system:masters",)
)
PINNED_BY: Final = "modelalias.dev/pinned-by"
KINDS: Final = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
OF_CRDS: Final = {
    "Rollout": "rollouts.argoproj.io",
    "InferenceService": "inferenceservices.serving.kserve.io",
}
EVALUATION: Final = {"evaluation": {"cronJob": "churn-holdout"}}
MEASURED: Final = {
    **EVALUATION,
    "gates": [gate(metricFrom="Evaluation")],
}
FORBIDDEN, INVALID = 403, 422


class Aliases:
    """ModelAliases of the team, each under a new name."""

    def __init__(self, team: Team) -> None:
        self.team, self.name = team, f"a-{secrets.token_hex(4)}"
        self.path = f"{team.aliases}/{self.name}"

    def body(self, **spec: Any) -> dict[str, Any]:
        head = {"apiVersion": "modelalias.dev/v1alpha1", "kind": "ModelAlias"}
        return {**head, "metadata": {"name": self.name}, "spec": alias(**spec)}

    def create(self, who: Person, annotations: Mapping[str, str] | None = None, **spec: Any) -> Answer:
        body = self.body(**spec)
        body["metadata"]["annotations"] = dict(annotations or {})
        return self.team.api.create(self.team.aliases, body, who=who)

    def merge(self, who: Person, spec: Any = None, **metadata: Any) -> Answer:
        return self.team.api.merge(self.path, {"metadata": metadata, "spec": spec or {}}, who=who)

    def replace(self, who: Person, **spec: Any) -> Answer:
        """Send a whole object as `kubectl replace` does, without what others annotated."""
        body, stored = self.body(**spec), self.team.api.send("GET", self.path).body["metadata"]
        body["metadata"]["resourceVersion"] = stored["resourceVersion"]
        return self.team.api.replace(self.path, body, who=who)

    def apply(self, who: Person, **spec: Any) -> Answer:
        return self.team.api.apply(self.path, self.body(**spec), manager="git", who=who)

    def signer(self) -> str | None:
        metadata = self.team.api.send("GET", self.path).body["metadata"]
        name: str | None = metadata.get("annotations", {}).get(PINNED_BY)
        return name


def _grant(*verbs: str, group: str, resource: str, **named: Any) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": [resource], "verbs": verbs, **named}


WRITES: Final = [_grant("get", "create", "update", "patch", group="modelalias.dev", resource="modelaliases")]


@pytest.fixture(scope="module")
def team(kube_api: KubeApi) -> Iterator[Team]:
    namespaces = [f"test-{secrets.token_hex(4)}" for _ in range(2)]
    for name in namespaces:
        assert kube_api.create("/api/v1/namespaces", {"metadata": {"name": name}}).ok
    team, other = (Team(kube_api, name) for name in namespaces)
    for who in (PAT, RAY):
        team.bind(who, WRITES, "create", "modelaliases")
    only = [_grant("release", group="modelalias.dev", resource="modelaliases", resourceNames=["fraud"])]
    team.grant(RAY, only, {"verb": "release", "resource": "modelaliases", "name": "fraud"})
    for who in (CY, OTTO, DEE, NIA, ABE, ADA, SPACED):
        team.bind(who, "modelalias-alias-owner", "create", "modelaliases")
    team.bind(OTTO, "edit", "promote", "modelaliases")
    other.bind(ABE, "edit", "promote", "modelaliases")
    allowed = {"group": "apps", "verb": "patch", "resource": "deployments"}
    team.grant(DEE, [_grant("patch", group="apps", resource="deployments")], allowed)
    one = {"resourceNames": ["churn-api"]}
    team.grant(
        NIA, [_grant("patch", group="apps", resource="deployments", **one)], {**allowed, "name": "churn-api"}
    )
    team.bind(REX, "modelalias-restorer", "restore", "modelaliases")
    team.bind(MIA, [_grant("*", group="modelalias.dev", resource="modelaliases")], "create", "modelaliases")
    yield team
    for name in namespaces:
        kube_api.send("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="module")
def older(team: Team) -> Iterator[Older]:
    with older_kubernetes(team.api, f"older-{secrets.token_hex(4)}.test") as older:
        rules = [_grant("*", group=older.group, resource="*")]
        for who in (CY, ADA, OTTO):
            team.grant(who, rules, {"group": older.group, "verb": "promote", "resource": "oldermodelaliases"})
        yield older


@pytest.fixture
def aliases(team: Team) -> Aliases:
    return Aliases(team)


@pytest.fixture
def served(aliases: Aliases) -> Aliases:
    """An alias with a workload of each kind, an evaluation and no pin, written by somebody who may."""
    answer = aliases.create(
        OTTO, serving=[{"kind": kind, "name": "churn-api"} for kind in KINDS], policy=MEASURED
    )
    assert answer.ok, answer.message
    return aliases


def _may_not(who: Person, team: Team, plural: str, what: str) -> str:
    return f"denied request: {who.name} may not {what} {plural} in namespace {team.namespace}, so may not "


@pytest.mark.parametrize("kind", KINDS)
class TestNamingAWorkload:
    """Each kind is asked for by itself."""

    def test_takes_patch_on_its_kind(self, aliases: Aliases, kind: str) -> None:
        refused = aliases.create(CY, serving=[{"kind": kind, "name": "churn-api"}])
        taken = aliases.create(OTTO, serving=[{"kind": kind, "name": "churn-api"}])

        assert refused.code == FORBIDDEN, refused
        assert _may_not(CY, aliases.team, f"{KINDS[kind]}.apps", "patch") in refused.message
        assert (
            f"name a {kind} in spec.serving: ask for that permission, such as the role edit"
            in refused.message
        )
        assert taken.ok, taken.message

    def test_takes_it_when_it_is_added(self, aliases: Aliases, kind: str) -> None:
        assert aliases.create(CY).ok

        refused = aliases.merge(CY, {"serving": [{"kind": kind, "name": "churn-api"}]})
        taken = aliases.merge(OTTO, {"serving": [{"kind": kind, "name": "churn-api"}]})

        assert refused.code == FORBIDDEN, refused
        assert taken.ok, taken.message

    def test_takes_it_when_it_is_served_otherwise(self, served: Aliases, kind: str) -> None:
        pinned = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}
        others = [{"kind": other, "name": "churn-api"} for other in KINDS if other != kind]

        refused = served.merge(
            CY, {"serving": [*others, {"kind": kind, "name": "churn-api", "load": pinned}]}
        )

        assert refused.code == FORBIDDEN, refused

    def test_takes_nothing_to_leave_it_out(self, served: Aliases, kind: str) -> None:
        others = [{"kind": other, "name": "churn-api"} for other in KINDS if other != kind]

        answer = served.merge(CY, {"serving": others})

        assert answer.ok, answer.message

    def test_with_patch_on_deployments_alone(self, aliases: Aliases, kind: str) -> None:
        answer = aliases.create(DEE, serving=[{"kind": kind, "name": "churn-api"}])

        assert answer.ok == (kind == "Deployment"), answer


def test_a_workload_without_a_kind_is_a_deployment(aliases: Aliases) -> None:
    assert aliases.create(CY, serving=[{"name": "churn-api"}]).code == FORBIDDEN
    assert aliases.create(DEE, serving=[{"name": "churn-api"}]).ok


@pytest.mark.parametrize("who", [NIA, ABE], ids=["one-workload-by-name", "another-namespace"])
def test_a_right_to_less_than_the_kind_in_the_namespace_is_not_enough(aliases: Aliases, who: Person) -> None:
    answer = aliases.create(who, serving=[{"name": "churn-api"}])

    assert answer.code == FORBIDDEN, answer


def test_who_splits_the_requests_of_a_route_may_patch_routes(aliases: Aliases, team: Team) -> None:
    backends = [{"service": "main", "weight": 90}, {"service": "other", "alias": "challenger", "weight": 10}]
    traffic = {"httpRoute": "churn", "backends": backends}

    refused = aliases.create(CY, traffic=traffic)
    group = "gateway.networking.k8s.io"
    allowed = {"group": group, "verb": "patch", "resource": "httproutes"}
    team.grant(CY, [_grant("patch", group=group, resource="httproutes")], allowed)
    taken = aliases.create(CY, traffic=traffic)
    sent_back = aliases.apply(OTTO, traffic=traffic, suspend=True)
    changed = aliases.apply(OTTO, traffic={**traffic, "httpRoute": "fraud"})

    assert refused.code == FORBIDDEN
    assert f"cy may not patch httproutes.{group} in namespace {team.namespace}" in refused.message
    assert taken.ok, taken
    assert sent_back.ok, sent_back
    assert changed.code == FORBIDDEN


def test_one_that_may_not_among_many_that_may(aliases: Aliases) -> None:
    answer = aliases.create(DEE, serving=[{"name": "a"}, {"name": "b"}, {"kind": "DaemonSet", "name": "c"}])

    assert "dee may not patch daemonsets.apps" in answer.message


@pytest.mark.parametrize("how", ["apply", "replace"])
def test_it_does_not_matter_how_it_is_written(aliases: Aliases, how: str) -> None:
    assert aliases.create(CY).ok
    write = getattr(aliases, how)

    assert write(CY, serving=[{"name": "churn-api"}]).code == FORBIDDEN
    assert write(OTTO, serving=[{"name": "churn-api"}]).ok
    assert write(CY, serving=[{"name": "churn-api"}], suspend=True).ok, "sent back as it stands"


class TestAskingForAnEvaluation:
    """The operator starts the Jobs, so who asks for them must be allowed to start some."""

    def test_takes_create_on_jobs(self, aliases: Aliases) -> None:
        refused = aliases.create(CY, policy=EVALUATION)
        taken = aliases.create(OTTO, policy=EVALUATION)

        assert refused.code == FORBIDDEN, refused
        assert _may_not(CY, aliases.team, "jobs.batch", "create") in refused.message
        assert "change spec.policy.evaluation, which starts them: ask for that" in refused.message
        assert taken.ok, taken.message

    @pytest.mark.parametrize("change", [{"cronJob": "another"}, {"timeoutSeconds": 60}], ids=str)
    def test_takes_it_when_it_is_changed(self, served: Aliases, change: Mapping[str, Any]) -> None:
        assert served.merge(CY, {"policy": {"evaluation": change}}).code == FORBIDDEN
        assert served.merge(OTTO, {"policy": {"evaluation": change}}).ok

    def test_takes_nothing_to_leave_it_out(self, served: Aliases) -> None:
        answer = served.merge(CY, {"policy": None})

        assert answer.ok, answer.message


@pytest.mark.parametrize(
    "spec",
    [
        {"version": "3"},
        {"suspend": True},
        {"historyLimit": 5},
        {"policy": {**MEASURED, "gates": [gate(metricFrom="Evaluation", threshold=0.1)]}},
        {"rollout": {"deadlineSeconds": 5}},
    ],
    ids=lambda spec: next(iter(spec)),
)
def test_what_names_nothing_new_takes_no_right(served: Aliases, spec: Mapping[str, Any]) -> None:
    answer = served.merge(CY, spec)

    assert answer.ok, answer.message


def test_labels_status_and_controllers_pass(served: Aliases) -> None:
    team = served.team
    labelled = served.merge(CY, labels={"team": "ml"}, finalizers=["example.com/stay"])
    told = team.api.merge(f"{served.path}/status", {"status": {"phase": "Ready"}}, who=OPERATOR)
    released = served.merge(CONTROLLERS, finalizers=[])
    deleted = team.api.send("DELETE", served.path, who=CY)

    for answer in (labelled, told, released, deleted):
        assert answer.ok, answer


@pytest.mark.parametrize("kind", OF_CRDS)
def test_a_kind_of_a_crd_is_asked_for_by_itself(aliases: Aliases, kind: str) -> None:
    for who in (CY, DEE, OTTO):  # the last may patch all of apps, and neither of these
        refused = aliases.create(who, serving=[{"kind": kind, "name": "churn-api"}])

        assert refused.code == FORBIDDEN, refused
        assert _may_not(who, aliases.team, OF_CRDS[kind], "patch") in refused.message


def test_as_many_workloads_as_fit_cost_less_than_the_api_server_allows(aliases: Aliases) -> None:
    load = {"mode": "Pinned", "container": 63 * "c", "env": 255 * "E"}
    many: list[dict[str, Any]] = [
        {"kind": kind, "name": f"{number:03}{250 * 'x'}", "wave": number, "load": load}
        for number in range(64)
        for kind in [[*KINDS][number % 3]]
    ]
    other = [{**item, "wave": 64 + item["wave"] % 8} for item in many]

    refused = aliases.create(CY, serving=many, policy=EVALUATION)
    made = aliases.create(OTTO, serving=many, policy=EVALUATION)
    labelled = aliases.merge(CY, {"version": "3"}, labels={"team": "ml"})
    changed = aliases.merge(OTTO, {"serving": other})

    assert "cy may not patch deployments.apps" in refused.message
    for answer in (made, labelled, changed):
        assert answer.ok, answer.message


class TestSigningAPin:
    """The API server signs for people; nobody signs for another."""

    def test_who_creates_it_with_a_version_signs(self, aliases: Aliases) -> None:
        assert aliases.create(CY, version="3").ok

        assert aliases.signer() == "cy"

    def test_without_a_version_nobody_does(self, aliases: Aliases) -> None:
        assert aliases.create(CY, {"team": "ml"}).ok

        assert aliases.signer() is None

    @pytest.mark.parametrize("annotated", [{}, {"team": "ml"}], ids=["bare", "annotated"])
    def test_who_sets_the_version_signs_for_it(self, aliases: Aliases, annotated: Mapping[str, str]) -> None:
        assert aliases.create(CY, annotated).ok

        assert aliases.merge(OTTO, {"version": "4"}).ok
        first = aliases.signer()
        assert aliases.merge(CY, {"version": "5"}).ok

        assert (first, aliases.signer()) == ("otto", "cy")

    def test_the_signature_goes_with_the_pin(self, aliases: Aliases) -> None:
        assert aliases.create(CY, version="3").ok

        assert aliases.merge(OTTO, {"version": None}).ok

        assert aliases.signer() is None

    @pytest.mark.parametrize("how", ["apply", "replace"])
    def test_a_file_that_does_not_know_of_it_keeps_it(self, aliases: Aliases, how: str) -> None:
        write = getattr(aliases, how)
        assert aliases.create(CY, version="3").ok

        answer = write(OTTO, version="3", suspend=True)

        assert answer.ok, answer.message
        assert aliases.signer() == "cy"

    def test_who_pins_by_apply_signs_and_applies_again(self, aliases: Aliases) -> None:
        for version in ("3", "3", "4"):
            assert aliases.apply(OTTO, version=version).ok

        assert aliases.signer() == "otto"

    def test_in_ones_own_name(self, aliases: Aliases) -> None:
        assert aliases.create(CY, {PINNED_BY: "cy"}, version="3").ok

        assert aliases.signer() == "cy"

    @pytest.mark.parametrize("who", [CY, MIA], ids=["owner", "every-verb"])
    def test_not_in_anothers_name(self, aliases: Aliases, who: Person) -> None:
        made = aliases.create(who, {PINNED_BY: "bo"}, version="3")
        assert aliases.create(CY).ok
        pinned = aliases.merge(who, {"version": "3"}, annotations={PINNED_BY: "bo"})

        for answer in (made, pinned):
            assert answer.code == INVALID, answer
            assert f"pinned-by must be your user name, {who.name}, or be left out" in answer.message
        assert aliases.signer() is None

    def test_not_for_a_pin_that_is_there(self, aliases: Aliases) -> None:
        assert aliases.create(CY, version="3").ok

        own = aliases.merge(OTTO, annotations={PINNED_BY: "otto"})
        taken = aliases.merge(OTTO, annotations={PINNED_BY: None})

        assert own.code == INVALID, own
        assert "says who set spec.version, and changes only with it" in own.message
        assert taken.ok, taken.message
        assert aliases.signer() == "cy", "the API server keeps it"

    def test_not_without_a_pin(self, aliases: Aliases) -> None:
        assert aliases.create(CY).ok

        assert aliases.create(OTTO, {PINNED_BY: "otto"}).code == INVALID
        assert aliases.merge(OTTO, annotations={PINNED_BY: "otto"}).code == INVALID

    def test_not_with_the_unpinning(self, aliases: Aliases) -> None:
        assert aliases.create(CY, version="3").ok

        answer = aliases.merge(OTTO, {"version": None}, annotations={PINNED_BY: "bo"})

        assert answer.code == INVALID, answer

    def test_who_restores_brings_it_back_as_it_was_signed(self, aliases: Aliases) -> None:
        made = aliases.create(REX, {PINNED_BY: "bo"}, version="3")
        later = aliases.merge(REX, {"version": "4"}, annotations={PINNED_BY: "ana"})

        assert made.ok, made.message
        assert later.code == INVALID, "only what comes back, not what is pinned anew"
        assert aliases.signer() == "bo"


class TestOlderKubernetes:
    """Where nobody signs for people they sign for themselves, or nobody does."""

    def test_a_request_without_a_name_is_told_what_to_write(self, team: Team, older: Older) -> None:
        refused = older.make(team.namespace, "promotionrequests", request(), CY)
        taken = older.make(team.namespace, "promotionrequests", request(requestedBy="cy"), CY)

        assert refused.code == INVALID, refused
        assert 'spec.requestedBy must be your user name: write requestedBy: "cy"' in refused.message
        assert taken.ok, taken.message

    def test_a_pin_is_signed_by_the_writer_or_by_nobody(self, team: Team, older: Older) -> None:
        spec = alias(version="3")
        forged = older.make(team.namespace, "modelaliases", spec, CY, "a", **{older.pinned_by: "bo"})
        signed = older.make(team.namespace, "modelaliases", spec, CY, "a", **{older.pinned_by: "cy"})
        unsigned = older.make(team.namespace, "modelaliases", spec, CY, "b")

        assert "pinned-by must be your user name, cy, or be left out" in forged.message
        assert signed.ok, signed.message
        assert unsigned.ok, unsigned.message

    def test_who_pins_anew_does_not_leave_the_former_name(self, team: Team, older: Older) -> None:
        path = older.path(team.namespace, "modelaliases", "c")
        assert older.make(
            team.namespace, "modelaliases", alias(version="3"), CY, "c", **{older.pinned_by: "cy"}
        ).ok

        left = team.api.merge(path, {"spec": {"version": "4"}}, who=ADA)
        own = team.api.merge(
            path, {"spec": {"version": "4"}, "metadata": {"annotations": {older.pinned_by: "ada"}}}, who=ADA
        )

        assert "pinned-by must be your user name, ada, or be left out" in left.message
        assert own.ok, own.message

    def test_who_unpins_may_leave_the_former_name_and_nobody_pins_with_it(
        self, team: Team, older: Older
    ) -> None:
        path = older.path(team.namespace, "modelaliases", "d")
        assert older.make(
            team.namespace, "modelaliases", alias(version="3"), CY, "d", **{older.pinned_by: "cy"}
        ).ok

        unpinned = team.api.merge(path, {"spec": {"version": None}}, who=ADA)
        pinned = team.api.merge(path, {"spec": {"version": "4"}}, who=ADA)
        cleared = team.api.merge(path, {"metadata": {"annotations": {older.pinned_by: None}}}, who=ADA)

        assert unpinned.ok, unpinned.message
        assert pinned.code == INVALID, pinned
        assert cleared.ok, cleared.message

    def test_a_signature_is_not_taken_away_from_a_pin(self, team: Team, older: Older) -> None:
        path = older.path(team.namespace, "modelaliases", "e")
        assert older.make(
            team.namespace, "modelaliases", alias(version="3"), CY, "e", **{older.pinned_by: "cy"}
        ).ok

        answer = team.api.merge(path, {"metadata": {"annotations": {older.pinned_by: None}}}, who=CY)

        assert "changes only with it" in answer.message


SINCE: Final = "2026-01-01T00:00:00Z"
SAID: Final = {RELEASE_HOLD: SINCE, ACKNOWLEDGE_DRIFT: "4"}
"""What each annotation is about; the writer's name follows."""


@pytest.mark.parametrize("key", SAID)
class TestReleasingAndAcknowledging:
    """Both take the same verb, and are said in one's own name."""

    @pytest.mark.parametrize("who", [CY, MIA, SPACED], ids=["owner", "every-verb", "name-with-spaces"])
    def test_is_said_in_ones_own_name(self, aliases: Aliases, key: str, who: Person) -> None:
        made = aliases.create(who, {key: f"{SAID[key]} {who.name}"})
        changed = aliases.merge(who, annotations={key: f"9 {who.name}"})

        for answer in (made, changed):
            assert answer.ok, answer.message

    @pytest.mark.parametrize("who", [CY, MIA, REX], ids=["owner", "every-verb", "restorer"])
    def test_is_not_said_for_another(self, aliases: Aliases, key: str, who: Person) -> None:
        assert aliases.create(CY).ok

        answer = aliases.merge(who, annotations={key: f"{SAID[key]} bo"})

        assert answer.code == INVALID, answer
        assert f"one word, then a space and your user name: {who.name}" in answer.message

    @pytest.mark.parametrize(
        "value",
        [
            "cy",
            " cy",
            "4cy",
            "4  cy",
            "4 cy ",
            "4 5 cy",
            "4",
            " ",
            "4 Cy",
            "4\tcy",
            "4\ncy",
            "4 cy\n",
            4096 * "4 cy",
        ],
    )
    def test_is_one_word_and_the_name_and_nothing_else(self, aliases: Aliases, key: str, value: str) -> None:
        made = aliases.create(CY, {key: value})
        assert aliases.create(CY).ok
        added = aliases.merge(CY, annotations={key: value})

        for answer in (made, added):
            assert answer.code == INVALID, answer
            assert "one word, then a space and your user name: cy" in answer.message

    @pytest.mark.parametrize("who", [PAT, RAY], ids=["patch-alone", "release-of-another"])
    def test_takes_the_verb_for_that_alias(self, aliases: Aliases, key: str, who: Person) -> None:
        said = {key: f"{SAID[key]} {who.name}"}
        made = aliases.create(who, said)
        assert aliases.create(who).ok
        added = aliases.merge(who, annotations=said)

        for answer in (made, added):
            assert answer.code == FORBIDDEN, answer
            assert f"{who.name} may not release modelaliases/{aliases.name}, so may not" in answer.message

    @pytest.mark.parametrize("how", ["apply", "replace", "label"])
    def test_what_stands_there_may_stay_and_go_without_the_verb(
        self, aliases: Aliases, key: str, how: str
    ) -> None:
        assert aliases.create(CY, {key: f"{SAID[key]} cy"}).ok
        writes = {
            "apply": lambda: aliases.apply(PAT, suspend=True),
            "replace": lambda: aliases.replace(PAT, suspend=True),
            "label": lambda: aliases.merge(PAT, labels={"team": "ml"}),
        }

        written = writes[how]()
        removed = aliases.merge(PAT, annotations={key: None})

        for answer in (written, removed):
            assert answer.ok, answer.message

    def test_who_empties_it_takes_it_away(self, aliases: Aliases, key: str) -> None:
        assert aliases.create(CY, {key: f"{SAID[key]} cy"}).ok

        assert aliases.merge(PAT, annotations={key: ""}).ok

    def test_what_another_said_is_not_said_again(self, aliases: Aliases, key: str) -> None:
        assert aliases.create(CY, {key: f"{SAID[key]} cy"}).ok
        assert aliases.merge(CY, annotations={key: None}).ok

        assert aliases.merge(OTTO, annotations={key: f"{SAID[key]} cy"}).code == INVALID

    def test_comes_back_with_who_restores(self, aliases: Aliases, key: str) -> None:
        made = aliases.create(REX, {key: f"{SAID[key]} bo"})

        assert made.ok, made.message

    def test_does_not_come_back_with_every_verb(self, aliases: Aliases, key: str) -> None:
        assert aliases.create(MIA, {key: f"{SAID[key]} bo"}).code == INVALID


def test_both_are_judged_where_both_are_said(aliases: Aliases) -> None:
    assert aliases.create(CY).ok

    one_forged = aliases.merge(CY, annotations={RELEASE_HOLD: f"{SINCE} cy", ACKNOWLEDGE_DRIFT: "4 bo"})
    both = aliases.merge(CY, annotations={RELEASE_HOLD: f"{SINCE} cy", ACKNOWLEDGE_DRIFT: "4 cy"})

    assert one_forged.code == INVALID, one_forged
    assert both.ok, both.message


def test_a_kind_that_a_newer_crd_knows_and_the_policy_does_not_is_refused(team: Team, older: Older) -> None:
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    kinds = "spec/properties/serving/items/properties/kind/enum"
    added = [
        {
            "op": "add",
            "path": f"/spec/versions/0/schema/openAPIV3Schema/properties/{kinds}/-",
            "value": "CloneSet",
        }
    ]
    path = f"{crds}/oldermodelaliases.{older.group}"
    patched = team.api.send("PATCH", path, added, headers={"Content-Type": "application/json-patch+json"})
    assert patched.ok, patched.message
    spec = alias(serving=[{"kind": "CloneSet", "name": "churn-api"}])

    deadline = time.monotonic() + WAIT_SECONDS
    while (
        "Unsupported value"
        in (answer := older.make(team.namespace, "modelaliases", spec, OTTO, "newer")).message
    ):
        assert time.monotonic() < deadline, f"the CRD knows the kind: {answer}"
        time.sleep(0.2)  # poll

    assert answer.code == INVALID, answer
    assert (
        "knows no such kind in spec.serving, install that of the same release as the CRDs" in answer.message
    )


def test_the_first_request_of_the_readme_is_filed_as_it_is_written(team: Team) -> None:
    answer = team.api.create(team.requests, _readme_request(team.namespace), who=OTTO)

    assert answer.ok, answer.message
    assert answer.body["spec"]["requestedBy"] == "otto"
    again = team.api.apply(
        f"{team.requests}/churn-v1", _readme_request(team.namespace), manager="kubectl", who=OTTO
    )
    assert again.ok, again.message


_PLURALS: Final = {
    "ModelAlias": "modelaliases",
    "PromotionRequest": "promotionrequests",
    "PromotionPolicy": "promotionpolicies",
}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "manifests/examples").glob("*.yaml")), ids=lambda path: path.stem
)
def test_an_example_is_applied_as_it_is_written(team: Team, path: Path) -> None:
    for body in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        plural = _PLURALS.get(body["kind"])
        if plural is not None:
            name = f"example-{body['metadata']['name']}"
            metadata = {**body["metadata"], "name": name, "namespace": team.namespace}

            answer = team.api.create(
                team.aliases.replace("modelaliases", plural),
                {**body, "metadata": metadata},
                who=OTTO,
                dry_run=True,
            )

            assert answer.ok, answer.message


def _readme_request(namespace: str) -> Mapping[str, Any]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"<<EOF\n(.*?)\nEOF", text, re.DOTALL)
    (body,) = (item for item in map(yaml.safe_load, blocks) if item["kind"] == "PromotionRequest")
    return {**body, "metadata": {**body["metadata"], "namespace": namespace}}
