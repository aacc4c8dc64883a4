"""A real API server refuses bad input, with the name of the field, before MLflow is ever called."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import pytest

from tests.support.bounds import aliases_beyond, policies_beyond, requests_beyond
from tests.support.inputs import (
    BAD_ALIASES,
    BAD_CLUSTER_POLICIES,
    BAD_REQUESTS,
    EVIDENCE,
    GOOD_ALIASES,
    GOOD_CLUSTER_POLICIES,
    GOOD_POLICIES,
    GOOD_REQUESTS,
    NOT_JSON,
    WHOLE_ALIAS,
    WHOLE_REQUEST,
    Case,
    Spec,
    alias,
    gate,
    gated,
    request,
    tagged,
)
from tests.support.kube_api import GROUP, Answer, KubeApi

pytestmark = pytest.mark.usefixtures("crds_installed")

INVALID = 422
BAD_REQUEST = 400
TOO_LARGE = 413


def _ids(cases: Iterable[Case]) -> list[Any]:
    return [pytest.param(case, id=case.id) for case in cases]


class Kind:
    """One of the kinds, in one namespace or in none."""

    def __init__(self, api: KubeApi, namespace: str, kind: str, plural: str, common: Spec) -> None:
        self.api = api
        self.path = f"{GROUP}/namespaces/{namespace}/{plural}" if namespace else f"{GROUP}/{plural}"
        self._head = {"apiVersion": "modelalias.dev/v1alpha1", "kind": kind}
        self._common = common

    def body(self, spec: Spec, name: str = "churn") -> Mapping[str, Any]:
        return {**self._head, "metadata": {"name": name}, "spec": {**self._common, **spec}}

    def offer(self, spec: Spec) -> Answer:
        """Ask whether this could be created."""
        return self.api.create(self.path, self.body(spec), dry_run=True)

    def created(self, spec: Spec, name: str = "churn") -> None:
        answer = self.api.create(self.path, self.body(spec, name))
        assert answer.ok, answer.message

    def changed(self, change: Callable[[Spec], object], name: str = "churn") -> Answer:
        """Change the stored spec in place and send the whole object back."""
        stored = self.api.send("GET", f"{self.path}/{name}").body
        change(stored["spec"])
        return self.api.replace(f"{self.path}/{name}", stored)


def _aliases(api: KubeApi, namespace: str) -> Kind:
    return Kind(api, namespace, "ModelAlias", "modelaliases", {})


def _requests(api: KubeApi, namespace: str) -> Kind:
    """Return requests in our own name: the admission policy, where it is installed, has nothing to say to
    them."""
    return Kind(api, namespace, "PromotionRequest", "promotionrequests", {"requestedBy": api.who_am_i()})


@pytest.fixture
def offered_aliases(kube_api: KubeApi) -> Kind:
    """Aliases that are only asked about: nothing is stored, so they need no namespace of their own."""
    return _aliases(kube_api, "default")


@pytest.fixture
def offered_requests(kube_api: KubeApi) -> Kind:
    return _requests(kube_api, "default")


@pytest.fixture
def offered_policies(kube_api: KubeApi) -> Kind:
    return Kind(kube_api, "default", "PromotionPolicy", "promotionpolicies", {})


@pytest.fixture
def offered_cluster_policies(kube_api: KubeApi) -> Kind:
    return Kind(kube_api, "", "ClusterPromotionPolicy", "clusterpromotionpolicies", {})


@pytest.fixture
def aliases(kube_api: KubeApi, namespace: str) -> Kind:
    return _aliases(kube_api, namespace)


@pytest.fixture
def requests(kube_api: KubeApi, namespace: str) -> Kind:
    return _requests(kube_api, namespace)


def _assert_refused(answer: Answer, names: str, codes: tuple[int, ...] = (INVALID,)) -> None:
    assert answer.code in codes, answer
    assert names in answer.message
    assert "ValidatingAdmissionPolicy" not in answer.message, "the CRD has to know this by itself"


def _assert_case_refused(answer: Answer, case: Case) -> None:
    if case.id.startswith("unknown-field"):
        _assert_refused(answer, f'unknown field "{case.names}"', (BAD_REQUEST,))
    else:
        _assert_refused(answer, case.names)


@pytest.mark.parametrize("case", _ids(GOOD_ALIASES))
def test_alias_taken(offered_aliases: Kind, case: Case) -> None:
    answer = offered_aliases.offer(case.spec)

    assert answer.ok, answer.message
    assert answer.body["spec"] == case.spec, "nothing is added, dropped or written otherwise"


@pytest.mark.parametrize("case", _ids(GOOD_REQUESTS))
def test_request_taken(offered_requests: Kind, case: Case) -> None:
    answer = offered_requests.offer(case.spec)

    assert answer.ok, answer.message
    assert {**answer.body["spec"], "requestedBy": ""} == {**case.spec, "requestedBy": ""}


@pytest.mark.parametrize("case", _ids(GOOD_POLICIES))
def test_policy_taken(offered_policies: Kind, case: Case) -> None:
    answer = offered_policies.offer(case.spec)

    assert answer.ok, answer.message
    assert answer.body["spec"] == case.spec


@pytest.mark.parametrize("case", _ids(GOOD_CLUSTER_POLICIES))
def test_cluster_policy_taken(offered_cluster_policies: Kind, case: Case) -> None:
    answer = offered_cluster_policies.offer(case.spec)

    assert answer.ok, answer.message
    assert answer.body["spec"] == case.spec


@pytest.mark.parametrize("case", _ids(policies_beyond()))
def test_policy_beyond_a_bound_refused(offered_policies: Kind, case: Case) -> None:
    _assert_case_refused(offered_policies.offer(case.spec), case)


@pytest.mark.parametrize("case", _ids(BAD_CLUSTER_POLICIES))
def test_cluster_policy_refused(offered_cluster_policies: Kind, case: Case) -> None:
    _assert_case_refused(offered_cluster_policies.offer(case.spec), case)


@pytest.mark.parametrize("pattern", ["(", "[a", "(?=a)b", r"(a)\1", "a{1001}"])
@pytest.mark.parametrize("where", ["the tag", "allOf"])
def test_a_pattern_that_is_none_is_refused(offered_aliases: Kind, pattern: str, where: str) -> None:
    rule = {"pattern": pattern}

    answer = offered_aliases.offer(tagged(**rule) if where == "the tag" else tagged(allOf=[rule]))

    _assert_refused(answer, "must be a regular expression as RE2 takes it")


@pytest.mark.parametrize("case", _ids(BAD_ALIASES))
def test_alias_refused(offered_aliases: Kind, case: Case) -> None:
    _assert_case_refused(offered_aliases.offer(case.spec), case)


@pytest.mark.parametrize("case", _ids(BAD_REQUESTS))
def test_request_refused(offered_requests: Kind, case: Case) -> None:
    _assert_case_refused(offered_requests.offer(case.spec), case)


@pytest.mark.parametrize("case", _ids(aliases_beyond()))
def test_alias_beyond_a_bound_refused(offered_aliases: Kind, case: Case) -> None:
    _assert_refused(offered_aliases.offer(case.spec), case.names)


@pytest.mark.parametrize("case", _ids(requests_beyond()))
def test_request_beyond_a_bound_refused(offered_requests: Kind, case: Case) -> None:
    _assert_refused(offered_requests.offer(case.spec), case.names)


@pytest.mark.parametrize("number", NOT_JSON)
def test_number_that_is_no_json_refused(kube_api: KubeApi, offered_aliases: Kind, number: str) -> None:
    text = json.dumps(offered_aliases.body(gated(threshold=4711))).replace("4711", number)

    answer = kube_api.create(offered_aliases.path, text.encode(), dry_run=True)

    assert answer.code == BAD_REQUEST, answer


def test_name_longer_than_an_annotation_key_refused(kube_api: KubeApi, offered_aliases: Kind) -> None:
    refused = kube_api.create(
        offered_aliases.path, offered_aliases.body(alias(), name=64 * "a"), dry_run=True
    )
    taken = kube_api.create(offered_aliases.path, offered_aliases.body(alias(), name=63 * "a"), dry_run=True)

    _assert_refused(refused, "metadata.name must have at most 63 characters")
    assert taken.ok, taken.message


def test_object_without_spec_refused(kube_api: KubeApi, offered_aliases: Kind) -> None:
    body = {key: value for key, value in offered_aliases.body({}).items() if key != "spec"}

    _assert_refused(kube_api.create(offered_aliases.path, body, dry_run=True), "spec: Required value")


def test_spec_of_several_megabytes_refused(offered_aliases: Kind) -> None:
    answer = offered_aliases.offer(
        alias(policy={"gates": [gate(name=f"g{number}", metric=200 * "a") for number in range(20_000)]})
    )

    assert answer.code == TOO_LARGE, answer


ALIAS_CHANGES: Mapping[str, tuple[Callable[[Spec], object], str]] = {
    "registry changed": (lambda spec: spec.update(registry="other"), "registry is immutable"),
    "registry left out": (lambda spec: spec.pop("registry"), "registry is immutable"),
    "model changed": (lambda spec: spec.update(model="fraud"), "model is immutable"),
    "alias changed": (lambda spec: spec.update(alias="other"), "alias is immutable"),
}


@pytest.mark.parametrize("change", ALIAS_CHANGES)
def test_alias_keeps_what_it_is_about(aliases: Kind, change: str) -> None:
    aliases.created(WHOLE_ALIAS)
    how, names = ALIAS_CHANGES[change]

    _assert_refused(aliases.changed(how), names)


def test_registry_cannot_be_added_later(aliases: Kind) -> None:
    aliases.created(alias())

    _assert_refused(aliases.changed(lambda spec: spec.update(registry="default")), "registry is immutable")


def _leave_out(field: str, spec: Spec) -> None:
    del spec[field]


def test_alias_rules_may_change(aliases: Kind) -> None:
    aliases.created(WHOLE_ALIAS)

    for gone in ("version", "previousAlias", "policy", "serving", "monitors", "rollout", "historyLimit"):
        answer = aliases.changed(partial(_leave_out, gone))
        assert answer.ok, f"{gone}: {answer.message}"


ANOTHER: Spec = {
    "aliasRef": {"name": "fraud-champion"},
    "operation": "Rollback",
    "source": {"version": "5"},
    "expectedCurrent": "2",
    "reason": "another",
    "requestedBy": "eve",
    "additionalGates": [gate(name="easier")],
    "skipGates": True,
    "dryRun": False,
    "onSuccess": {"deleteSourceAlias": False},
    "expiresAfter": "8d",
    "ttlSecondsAfterFinished": 1,
}
"""Another value for every field of WHOLE_REQUEST that may not change."""


def test_every_field_of_a_request_is_tried() -> None:
    assert ANOTHER.keys() | {"approvals", "abort"} == WHOLE_REQUEST.keys() | {"approvals", "requestedBy"}


@pytest.mark.parametrize("field", ANOTHER)
def test_request_is_written_once(requests: Kind, field: str) -> None:
    requests.created(WHOLE_REQUEST)

    changed = requests.changed(lambda spec: spec.update({field: ANOTHER[field]}))
    dropped = requests.changed(lambda spec: spec.pop(field))

    _assert_refused(changed, f"{field} is immutable")
    _assert_refused(
        dropped, "spec.aliasRef: Required value" if field == "aliasRef" else f"{field} is immutable"
    )


@pytest.mark.parametrize("field", sorted(ANOTHER.keys() - {"aliasRef", "source", "requestedBy"}))
def test_nothing_is_added_to_a_request(requests: Kind, field: str) -> None:
    requests.created(request())

    _assert_refused(
        requests.changed(lambda spec: spec.update({field: ANOTHER[field]})), f"{field} is immutable"
    )


def test_abort_is_set_once(requests: Kind) -> None:
    requests.created(request())

    assert requests.changed(lambda spec: spec.update(abort=True)).ok
    _assert_refused(requests.changed(lambda spec: spec.update(abort=False)), "abort cannot be set back")
    _assert_refused(requests.changed(lambda spec: spec.pop("abort")), "abort cannot be set back")


class TestApprovals:
    """Approvals may only grow."""

    @pytest.fixture
    def judged(self, kube_api: KubeApi, requests: Kind) -> Kind:
        requests.created(request())
        status = {"status": {"resolved": {"version": "4", "from": "version 4", "evidence": EVIDENCE}}}
        assert kube_api.merge(f"{requests.path}/churn/status", status).ok
        return requests

    @pytest.fixture
    def approved(self, kube_api: KubeApi, judged: Kind) -> Kind:
        """A request with one approval of ours."""
        answer = judged.changed(
            lambda spec: spec.update(approvals=[self._approval(kube_api, message="looked at it")])
        )
        assert answer.ok, answer.message
        return judged

    @staticmethod
    def _approval(api: KubeApi, **changes: str) -> Spec:
        return {"user": api.who_am_i(), "evidence": EVIDENCE, "decision": "Approve", **changes}

    def test_another_one_is_added(self, kube_api: KubeApi, approved: Kind) -> None:
        more = self._approval(kube_api, decision="Reject")

        assert approved.changed(lambda spec: spec["approvals"].append(more)).ok

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda spec: spec.pop("approvals"), id="list left out"),
            pytest.param(lambda spec: spec["approvals"].clear(), id="taken back"),
            pytest.param(lambda spec: spec["approvals"][0].update(message="did not"), id="message changed"),
            pytest.param(lambda spec: spec["approvals"][0].pop("message"), id="message left out"),
            pytest.param(lambda spec: spec["approvals"][0].update(decision="Reject"), id="decision changed"),
            pytest.param(lambda spec: spec["approvals"][0].update(checklist=["x"]), id="checklist added"),
        ],
    )
    def test_an_earlier_one_stays(self, approved: Kind, change: Callable[[Spec], object]) -> None:
        _assert_refused(approved.changed(change), "an approval or a rejection cannot be changed or removed")

    def test_two_who_apply_keep_each_others(self, kube_api: KubeApi, judged: Kind) -> None:
        path = f"{judged.path}/churn"
        head = {
            "apiVersion": "modelalias.dev/v1alpha1",
            "kind": "PromotionRequest",
            "metadata": {"name": "churn"},
        }

        for manager, decision in (("one", "Reject"), ("other", "Approve")):
            mine = {"approvals": [self._approval(kube_api, decision=decision)]}
            answer = kube_api.apply(path, {**head, "spec": mine}, manager=manager)
            assert answer.ok, answer.message

        stored = kube_api.send("GET", path).body["spec"]["approvals"]
        assert [item["decision"] for item in stored] == ["Reject", "Approve"]


def test_status_is_written_only_through_its_subresource(kube_api: KubeApi, requests: Kind) -> None:
    body = {**requests.body(request()), "status": {"phase": "Succeeded"}}

    answer = kube_api.create(requests.path, body)

    assert answer.ok, answer.message
    assert answer.body["status"] == {"observedGeneration": -1}


def test_columns_say_where_a_request_stands(kube_api: KubeApi, requests: Kind) -> None:
    requests.created(request())
    status = {"phase": "Rejected", "gatesPassed": "1/2", "explanation": "val_auc is too low"}
    assert kube_api.merge(f"{requests.path}/churn/status", {"status": status}).ok

    table = kube_api.table(requests.path)

    assert table["Alias"] == "churn-champion"
    assert (table["Phase"], table["Gates"], table["Explanation"]) == ("Rejected", "1/2", "val_auc is too low")
