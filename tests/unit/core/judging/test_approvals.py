"""Approval: what the evidence rests on, whose word counts, and what is asked for."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.api.policy import Approval, Eligibility, Policy
from modelalias.api.request import OnSuccess
from modelalias.api.request_status import ApprovalStatus, Check, Finding, GateResult
from modelalias.core.judging import approvals
from modelalias.core.judging.approvals import Asked, Tally
from tests.support.world import gate, request_spec

NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
PRESENT: Final = f"sha256:{'a' * 64}"
FORMER: Final = f"sha256:{'b' * 64}"

POLICY: Final[dict[str, Any]] = {
    "eligibility": {
        "requireTags": {"by": "ana", "on": "*"},
        "requireAlias": "smoke",
        "soak": {"alias": "staging", "for": "24h"},
    },
    "gates": [],
    "evaluation": {"cronJob": "holdout", "timeoutSeconds": 1800},
    "approval": {
        "required": "Always",
        "minimum": 1,
        "users": ["ana"],
        "groups": ["leads"],
        "checklist": ["read it"],
    },
    "concurrency": "Queue",
    "pins": "Trusted",
    "autoPromote": {"fromAlias": "challenger"},
}
GATE: Final[dict[str, Any]] = {"name": "best", "champion": {"minImprovement": 0.002}}
CHECK: Final = Check(rule="requireAlias smoke", result=GateResult.PASSED, message="held")
FINDING: Final = Finding(
    name="best",
    result=GateResult.PASSED,
    metric="val_auc",
    candidate="0.9",
    champion="0.8",
    rule=">= 0.802",
    dataset="val@1",
    evaluated_at=NOW,
    message="fine",
)


# Evidence


def _evidence(**changed: Any) -> str:
    return approvals.evidence(
        changed.get("of", ("default", "churn", "champion", "uid-1")),
        changed.get("version", "4"),
        changed.get("champion", "3"),
        Policy.model_validate({**POLICY, **changed.get("policy", {})}),
        [gate(**item) for item in changed.get("gates", [GATE])],
        changed.get("checks", [CHECK]),
        changed.get("findings", [FINDING]),
        changed.get("asked"),
    )


def _policy(part: str, **fields: Any) -> dict[str, Any]:
    return {"policy": {part: {**POLICY[part], **fields}}}


def _gate(**fields: Any) -> dict[str, Any]:
    return {"gates": [{**GATE, **fields}]}


def _check(**fields: Any) -> dict[str, Any]:
    return {"checks": [CHECK.model_copy(update=fields)]}


def _finding(**fields: Any) -> dict[str, Any]:
    return {"findings": [FINDING.model_copy(update=fields)]}


RESTS_ON: Final[dict[str, dict[str, Any]]] = {
    "the alias": {"of": ("default", "churn", "staging", "uid-1")},
    "the request": {"of": ("default", "churn", "champion", "uid-2")},
    "the version": {"version": "5"},
    "the champion": {"champion": "2"},
    "no champion": {"champion": None},
    "no eligibility": {"policy": {"eligibility": None}},
    "a tag's value": _policy("eligibility", requireTags={"by": "bo", "on": "*"}),
    "a tag more": _policy("eligibility", requireTags={"by": "ana", "on": "*", "at": "*"}),
    "the required alias": _policy("eligibility", requireAlias="canary"),
    "the soak's alias": _policy("eligibility", soak={"alias": "canary", "for": "24h"}),
    "the soak's length": _policy("eligibility", soak={"alias": "staging", "for": "25h"}),
    "a tag's pattern": _policy("eligibility", tagSchema={"properties": {"by": {"pattern": "^a"}}}),
    "another pattern": _policy("eligibility", tagSchema={"properties": {"by": {"pattern": "^b"}}}),
    "a tag that the schema requires": _policy("eligibility", tagSchema={"required": ["by"]}),
    "the signature": _policy("eligibility", requireSignature=True),
    "no evaluation": {"policy": {"evaluation": None}},
    "the evaluation's template": _policy("evaluation", cronJob="other"),
    "the evaluation's time": _policy("evaluation", timeoutSeconds=60),
    "when approval is required": _policy("approval", required="OnInconclusive"),
    "how many approve": _policy("approval", minimum=2),
    "which users": _policy("approval", users=["bo"]),
    "which groups": _policy("approval", groups=[]),
    "one's own approval": _policy("approval", allowSelf=True),
    "how long people are awaited": _policy("approval", waitFor="24h"),
    "the checklist": _policy("approval", checklist=[]),
    "no gate": {"gates": [], "findings": []},
    "a gate more": {"gates": [GATE, {"name": "floor"}]},
    "a gate's name": _gate(name="better"),
    "a gate's metric": _gate(metric="loss"),
    "a gate's direction": _gate(direction="LowerIsBetter"),
    "a gate's distance": _gate(champion={"minImprovement": 0.003}),
    "a gate's kind of distance": _gate(champion={"maxRegression": 0.002}),
    "a gate's mode": _gate(champion={"minImprovement": 0.002, "mode": "Relative"}),
    "a threshold": {"gates": [{"name": "best", "threshold": 0.802}]},
    "where a gate's numbers come from": _gate(metricFrom="LoggedModel"),
    "a gate's data": _gate(dataset="SameAsChampion"),
    "a gate without a champion": _gate(onNoChampion="Fail"),
    "a gate without a metric": _gate(onMissing="Inconclusive"),
    "whether a gate blocks": _gate(enforcement="Advise"),
    "skipped gates": {"asked": Asked(skip_gates=True)},
    "a tag to set": {"asked": Asked(on_success=OnSuccess(tags={"ticket": "ML-1"}))},
    "the value of a tag to set": {"asked": Asked(on_success=OnSuccess(tags={"ticket": "ML-2"}))},
    "an alias to remove": {"asked": Asked(on_success=OnSuccess(delete_source_alias=True))},
    "no check": {"checks": []},
    "a check's result": _check(result=GateResult.INCONCLUSIVE),
    "a check's rule": _check(rule="requireAlias canary"),
    "no finding": {"findings": []},
    "a finding's name": _finding(name="floor"),
    "a finding's result": _finding(result=GateResult.FAILED),
    "the candidate's value": _finding(candidate="0.91"),
    "no value of the candidate": _finding(candidate=None),
    "the champion's value": _finding(champion="0.81"),
    "no value of the champion": _finding(champion=None),
    "the digest of the data": _finding(dataset="val@2"),
    "unknown data": _finding(dataset=None),
    "the values exchanged": _finding(candidate="0.8", champion="0.9"),
}
"""What a person agrees to: another one of these asks for another approval."""


@pytest.mark.parametrize("changed", [pytest.param(changed, id=name) for name, changed in RESTS_ON.items()])
def test_the_evidence_changes_with_what_a_verdict_rests_on(changed: dict[str, Any]) -> None:
    assert _evidence(**changed) != _evidence()


def test_no_two_changes_have_the_same_evidence() -> None:
    assert len({_evidence(**changed) for changed in RESTS_ON.values()}) == len(RESTS_ON)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(_check(message="held since today"), id="a check's message"),
        pytest.param(_finding(message="very fine"), id="a finding's message"),
        pytest.param(_finding(evaluated_at=NOW + timedelta(days=1)), id="when it was judged"),
        pytest.param(_finding(rule="at least 0.802"), id="a rule's words"),
        pytest.param({"policy": {"concurrency": "Supersede"}}, id="concurrency"),
        pytest.param({"policy": {"pins": "Gated"}}, id="pins"),
        pytest.param({"policy": {"autoPromote": None}}, id="autoPromote"),
        pytest.param({"policy": {"retention": {"keep": 3}}}, id="retention"),
        pytest.param(_policy("eligibility", requireTags={"on": "*", "by": "ana"}), id="the order of tags"),
        pytest.param(_policy("eligibility", requireSignature=False), id="a default, written out"),
        pytest.param({"skip_gates": False}, id="gates that are not skipped"),
        pytest.param(
            _gate(champion={"minImprovement": 0.0020}, onMissing="Fail"),
            id="a number and a default, written out",
        ),
    ],
)
def test_the_evidence_changes_with_nothing_else(changed: dict[str, Any]) -> None:
    assert _evidence(**changed) == _evidence()


def test_rules_without_a_schema_are_hashed_as_before_there_were_schemas() -> None:
    rules = Eligibility.model_validate({"requireTags": {"by": "ana"}})

    assert set(rules.model_dump(by_alias=True)) == {"requireTags", "requireAlias", "soak", "requireSignature"}


def test_the_evidence_is_a_hash_as_approvals_name_it() -> None:
    assert re.fullmatch("sha256:[0-9a-f]{64}", _evidence())


# Whose word counts


def _word(
    user: str = "bo", decision: str = "Approve", evidence: str = PRESENT, **fields: Any
) -> dict[str, Any]:
    return {"user": user, "decision": decision, "evidence": evidence, **fields}


def _count(rules: dict[str, Any], *words: dict[str, Any], requested_by: str | None = "ana") -> Tally:
    spec = request_spec("4", requestedBy=requested_by, approvals=words)
    return approvals.count(Approval.model_validate(rules), spec, PRESENT)


OTHER_EVIDENCE: Final = "it is about evidence that has changed since"
BOTH: Final = {"users": ["bo"], "groups": ["leads"]}
LISTED: Final = {"checklist": ["read it", "ran it"]}


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        pytest.param({}, _word(), id="anyone, where nobody is named"),
        pytest.param({}, _word(group="friends"), id="anyone, for any group"),
        pytest.param({"users": ["bo"]}, _word(), id="a named user"),
        pytest.param({"users": ["bo"]}, _word(group="friends"), id="a named user, for another group"),
        pytest.param({"groups": ["leads"]}, _word(group="leads"), id="one of a named group"),
        pytest.param({"groups": ["other", "leads"]}, _word(group="leads"), id="one of the second group"),
        pytest.param(BOTH, _word(), id="the user of users and groups"),
        pytest.param(BOTH, _word("cy", group="leads"), id="the group of users and groups"),
        pytest.param(
            {"allowSelf": True},
            _word("ana"),
            id="nobody can approve a request of their own, where that is allowed",
        ),
        pytest.param(LISTED, _word(checklist=["ran it", "read it"]), id="the whole checklist"),
        pytest.param(
            LISTED, _word(checklist=["read it", "ran it", "liked it"]), id="more than the checklist"
        ),
    ],
)
def test_an_approval_counts(rules: dict[str, Any], word: dict[str, Any]) -> None:
    assert _count(rules, word) == Tally(approved=(word["user"],), rejection=None, void=())


@pytest.mark.parametrize(
    ("rules", "word", "why"),
    [
        pytest.param({}, _word(evidence=FORMER), OTHER_EVIDENCE, id="another evidence"),
        pytest.param(
            {"users": ["cy"]}, _word(evidence=FORMER), OTHER_EVIDENCE, id="another evidence goes first"
        ),
        pytest.param({"users": ["ana", "cy"]}, _word(), "not one of users ana, cy", id="not a named user"),
        pytest.param(
            {"users": ["leads"]}, _word(group="leads"), "not one of user leads", id="a group is no user"
        ),
        pytest.param(
            {"groups": ["bo"]},
            _word(),
            "not one of group bo; an approval for a group names it",
            id="a user is no group",
        ),
        pytest.param(
            {"groups": ["leads"]}, _word(group="friends"), "not one of group leads", id="not a named group"
        ),
        pytest.param(
            {"groups": ["leads", "owners"]},
            _word(),
            "not one of groups leads, owners; an approval for a group names it",
            id="no group named",
        ),
        pytest.param(
            BOTH,
            _word("cy"),
            "not one of group leads or user bo; an approval for a group names it",
            id="neither of both",
        ),
        pytest.param(
            {},
            _word("ana"),
            "nobody can approve a request of their own",
            id="their own",
        ),
        pytest.param(
            {"users": ["ana"]},
            _word("ana"),
            "nobody can approve a request of their own",
            id="their own, though named",
        ),
        pytest.param(
            {"groups": ["leads"]},
            _word("ana", group="leads"),
            "nobody can approve a request of their own",
            id="one's own, for a group",
        ),
        pytest.param(LISTED, _word(), "it does not confirm: read it; ran it", id="no checklist"),
        pytest.param(
            LISTED, _word(checklist=["read it"]), "it does not confirm: ran it", id="a part of the checklist"
        ),
        pytest.param(
            LISTED,
            _word(checklist=["Read it", "ran it "]),
            "it does not confirm: read it; ran it",
            id="other words",
        ),
    ],
)
def test_an_approval_is_void(rules: dict[str, Any], word: dict[str, Any], why: str) -> None:
    assert _count(rules, word) == Tally(
        approved=(), rejection=None, void=(f"Approve by {word['user']}: {why}",)
    )


@pytest.mark.parametrize(
    ("rules", "word", "why"),
    [
        pytest.param({}, _word(decision="Reject"), None, id="anyone"),
        pytest.param({}, _word("ana", "Reject"), None, id="of nobody can approve a request of their own"),
        pytest.param(LISTED, _word(decision="Reject"), None, id="without the checklist"),
        pytest.param({"groups": ["leads"]}, _word(decision="Reject", group="leads"), None, id="for a group"),
        pytest.param({}, _word(decision="Reject", evidence=FORMER), None, id="on former evidence"),
        pytest.param(
            {"users": ["cy"]}, _word(decision="Reject"), "not one of user cy", id="by somebody else"
        ),
    ],
)
def test_a_refusal_counts_or_is_void(rules: dict[str, Any], word: dict[str, Any], why: str | None) -> None:
    counted = _count(rules, word)

    assert counted.approved == ()
    assert counted.void == (() if why is None else (f"Reject by bo: {why}",))
    assert (counted.rejection.user if counted.rejection else None) == (word["user"] if why is None else None)


def test_a_refusal_wins_over_approvals_whatever_their_order() -> None:
    words = [_word("bo"), _word("cy", "Reject", message="not yet"), _word("di"), _word("ed", "Reject")]

    counted, turned = _count({}, *words), _count({}, *reversed(words))

    assert (counted.approved, turned.approved) == (("bo", "di"), ("bo", "di"))
    assert counted.rejection is not None
    assert turned.rejection is not None
    assert (counted.rejection.user, counted.rejection.message) == ("cy", "not yet")
    assert turned.rejection.user == "ed"


def test_a_refusal_of_former_evidence_stands() -> None:
    counted = _count({}, _word("bo", "Reject", FORMER), _word("cy"))

    assert counted.rejection is not None
    assert (counted.rejection.user, counted.approved, counted.void) == ("bo", ("cy",), ())


def test_one_person_counts_once() -> None:
    spec = request_spec("4", requestedBy="ana", approvals=[_word("bo"), _word("cy")])
    twice = spec.model_copy(update={"approvals": (*spec.approvals, *spec.approvals)})

    assert approvals.count(Approval(), twice, PRESENT).approved == ("bo", "cy")
    assert _count({}, _word("bo"), _word("bo", evidence=FORMER)).approved == ("bo",)


def test_who_approved_is_told_in_the_order_of_the_names() -> None:
    assert _count({}, _word("di"), _word("bo"), _word("cy")).approved == ("bo", "cy", "di")


def test_why_a_word_is_void_is_cut_to_what_status_takes() -> None:
    (told,) = _count({"users": ["u" * 512, "v" * 512]}, _word("w" * 512)).void

    assert len(told) == 1024
    assert told.startswith(f"Approve by {'w' * 512}: not one of users {'u' * 470}")


users, groups = st.sampled_from(["ana", "bo", "cy", "di"]), st.sampled_from(["leads", "owners"])
rules = st.builds(
    Approval,
    users=st.lists(users, max_size=2, unique=True).map(tuple),
    groups=st.lists(groups, max_size=1).map(tuple),
    allow_self=st.booleans(),
    checklist=st.sampled_from([(), ("read it",)]),
)
given_words = st.lists(
    st.fixed_dictionaries(
        {
            "user": users,
            "decision": st.sampled_from(["Approve", "Reject"]),
            "evidence": st.sampled_from([PRESENT, PRESENT, FORMER]),
            "group": st.one_of(st.none(), groups),
            "checklist": st.sampled_from([[], ["read it"]]),
        }
    ),
    max_size=6,
    unique_by=lambda word: (word["user"], word["decision"], word["evidence"]),
)


@given(rules, given_words)
def test_every_word_counts_or_is_void_with_its_reason(policy: Approval, words: list[dict[str, Any]]) -> None:
    spec = request_spec("4", requestedBy="ana", approvals=words)

    counted = approvals.count(policy, spec, PRESENT)

    def named(word: dict[str, Any]) -> bool:
        return (
            not (policy.users or policy.groups)
            or word["user"] in policy.users
            or word["group"] in policy.groups
        )

    heard = [
        word
        for word in words
        if (word["evidence"] == PRESENT or word["decision"] == "Reject") and named(word)
    ]
    refused = [word["user"] for word in heard if word["decision"] == "Reject"]
    approved = [
        word["user"]
        for word in heard
        if word["decision"] == "Approve"
        and (policy.allow_self or word["user"] != "ana")
        and set(policy.checklist) <= set(word["checklist"])
    ]
    assert counted.approved == tuple(sorted(approved))
    assert (counted.rejection.user if counted.rejection else None) == (refused[0] if refused else None)
    assert len(counted.void) == len(words) - len(approved) - len(refused)


# What is asked for


@pytest.mark.parametrize(
    ("required", "of_clear", "of_inconclusive"),
    [("Never", False, False), ("Always", True, True), ("OnInconclusive", False, True)],
)
def test_when_people_are_asked(required: str, of_clear: bool, of_inconclusive: bool) -> None:
    policy = Approval.model_validate({"required": required})

    assert approvals.is_needed(policy, inconclusive=False) is of_clear
    assert approvals.is_needed(policy, inconclusive=True) is of_inconclusive


@pytest.mark.parametrize(
    ("policy", "approved", "words"),
    [
        ({}, (), "waits for 1 approval from anyone with the verb approve"),
        ({"groups": ["ml-leads"]}, (), "waits for 1 approval from group ml-leads"),
        ({"minimum": 2, "groups": ["ml-leads"]}, (), "waits for 2 approvals from group ml-leads"),
        (
            {"minimum": 2, "groups": ["ml-leads"]},
            ("bo",),
            "waits for 1 approval from group ml-leads (1 of 2 given)",
        ),
        (
            {"minimum": 4, "users": ["ana"]},
            ("bo", "cy"),
            "waits for 2 approvals from user ana (2 of 4 given)",
        ),
        ({"users": ["ana", "bo"]}, (), "waits for 1 approval from users ana, bo"),
        ({"groups": ["a", "b"], "users": ["ana"]}, (), "waits for 1 approval from groups a, b or user ana"),
    ],
    ids=["anyone", "a group", "two", "one of two", "two of four", "users", "groups and a user"],
)
def test_what_is_missing_is_asked_for_in_words(
    policy: dict[str, Any], approved: tuple[str, ...], words: str
) -> None:
    counted = Tally(approved=approved, rejection=None, void=())

    assert approvals.missing(Approval.model_validate(policy), counted) == words


@pytest.mark.parametrize("since", [NOW, None], ids=["since when", "not begun"])
def test_the_status_tells_what_counts_and_what_does_not(since: datetime | None) -> None:
    policy = Approval.model_validate({"minimum": 3, "checklist": ["read it"], **BOTH})
    counted = Tally(
        approved=("bo", "cy"),
        rejection=None,
        void=("Approve by di: nobody can approve a request of their own",),
    )

    told = approvals.status(policy, counted, since)

    assert (told.required, told.valid, told.by, told.since) == (3, 2, ("bo", "cy"), since)
    assert (told.checklist, told.void) == (
        ("read it",),
        ("Approve by di: nobody can approve a request of their own",),
    )
    assert (told.users, told.groups) == (("bo",), ("leads",))


@pytest.mark.parametrize("named", ["users", "groups"])
def test_the_status_has_room_for_all_whom_the_owner_may_name(named: str) -> None:
    everybody = tuple(f"{number:03}{'u' * 509}" for number in range(64))
    policy = Approval.model_validate({named: everybody})

    told = approvals.status(policy, Tally(approved=(), rejection=None, void=()), NOW)

    assert getattr(ApprovalStatus.model_validate_json(told.model_dump_json()), named) == everybody


@pytest.mark.parametrize(
    ("wait", "end"),
    [
        ({}, timedelta(hours=72)),
        ({"waitFor": "1d12h"}, timedelta(hours=36)),
        ({"waitFor": "90s"}, timedelta(seconds=90)),
    ],
    ids=["by default", "a day and a half", "seconds"],
)
def test_the_wait_for_people_ends(wait: dict[str, str], end: timedelta) -> None:
    assert approvals.ends(Approval.model_validate(wait), NOW) == NOW + end
