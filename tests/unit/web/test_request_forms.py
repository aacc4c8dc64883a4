"""Approving, rejecting and aborting from the page: what the command line writes, or the same page with why not."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from modelalias.cli import kubeconfig, main
from modelalias.cli.cluster import Kind
from modelalias.cli.kubeconfig import Flags
from modelalias.core.errors import OperatorError, Refused, StaleObject, Unavailable
from modelalias.web import rendering
from modelalias.web.app import app
from modelalias.web.identity import Person
from modelalias.web.local_session import LocalSession
from modelalias.web.reading import Readers
from modelalias.web.visit import Site
from tests.support.cli_cluster import EVIDENCE, OTHER_EVIDENCE, approval, body, condition, ended
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub
from tests.support.web_site import ORIGIN, Cluster, alias, browser

CHECKLIST = ["bias report read", "on-call knows"]
ASKED = {"required": 1, "valid": 0, "groups": ["ml-leads"], "checklist": CHECKLIST}
OWNER = alias(
    spec={"policy": {"approval": {"required": "Always", "groups": ["ml-leads"], "checklist": CHECKLIST}}}
)
FILLED = {"uid": "u-1", "evidence": EVIDENCE, "confirm": ["0", "1"], "message": " seen with\r\nthe team "}
REASON = {"uid": "u-1", "evidence": EVIDENCE, "message": "not before the holidays"}
HEADERS = {"Origin": ORIGIN}


def _cluster(request: dict[str, Any] | None = None, user: str = "bo") -> Cluster:
    cluster = Cluster([OWNER], [request or body(approvals=ASKED)])
    cluster.me = cluster.me.changed(user=user)
    return cluster


def _written(cluster: Cluster) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = cluster.bodies[Kind.REQUESTS][0]["spec"]
    return spec


def _autofocused(text: str) -> list[str]:
    return re.findall(r'id="([^"]*)"[^>]* autofocus', text)


class TestTheSameAsTheCommandLine:
    """One API server, asked by the command and by the page."""

    @pytest.fixture
    def stub(self) -> Iterator[HttpStub]:
        def respond(seen: Seen) -> Answer:
            if seen.path.endswith("/selfsubjectreviews"):
                return Answer({"status": {"userInfo": {"username": "bo", "groups": ["ml-leads"]}}}, 201)
            if seen.path.endswith("/selfsubjectaccessreviews"):
                return Answer({"status": {"allowed": True}}, 201)
            return Answer(OWNER if "/modelaliases/" in seen.path else body(approvals=ASKED))

        with http_stub(respond) as found:
            yield found

    @pytest.fixture
    def config(self, stub: HttpStub, tmp_path: Path) -> Path:
        path = tmp_path / "config"
        path.write_text(
            f"""\
current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a, namespace: ml}}}}]
clusters: [{{name: a, cluster: {{server: "{stub.uri}"}}}}]
users: [{{name: a, user: {{token: hunter2}}}}]
"""
        )
        return path

    @pytest.mark.parametrize(
        ("command", "form"),
        [
            pytest.param(
                ["approve", "go", "--evidence", EVIDENCE, "--confirm-all", "-m", "seen with\nthe team"],
                FILLED,
                id="approve",
            ),
            pytest.param(["reject", "go", "-m", "not before the holidays"], REASON, id="reject"),
            pytest.param(["abort", "go"], {"uid": "u-1"}, id="abort"),
        ],
    )
    def test_a_form_sends_what_the_command_sends(
        self, command: list[str], form: dict[str, Any], stub: HttpStub, config: Path
    ) -> None:
        assert main.main([*command, "--kubeconfig", str(config)]) == 0
        (by_command,) = _patches(stub)
        stub.seen.clear()
        session = LocalSession(
            Person(kubeconfig.read(Flags(kubeconfig=str(config)), {}, config.parent)), 8300
        )

        with TestClient(
            app(Site(session, Readers(), rendering.environment())), base_url=ORIGIN, follow_redirects=False
        ) as client:
            client.get("/", params={"token": session.token})
            answer = client.post(f"/r/ml/go/{command[0]}", data=form, headers=HEADERS)

        (by_form,) = _patches(stub)
        assert (answer.status_code, answer.headers["location"]) == (303, "/r/ml/go")
        assert by_form == by_command


def _patches(stub: HttpStub) -> list[tuple[Any, ...]]:
    kept = ("authorization", "content-type", "user-agent")
    return [
        (
            seen.path,
            seen.values,
            sorted((key, value) for key, value in seen.headers.items() if key.lower() in kept),
        )
        for seen in stub.seen
        if seen.method == "PATCH"
    ]


def test_an_approval_is_written_in_ones_own_name_on_what_was_seen() -> None:
    cluster = _cluster()

    answer = browser(cluster).post("/r/ml/go/approve", data=FILLED, headers=HEADERS)

    assert (answer.status_code, answer.headers["location"]) == (303, "/r/ml/go")
    assert _written(cluster)["approvals"] == [
        {
            "user": "bo",
            "evidence": EVIDENCE,
            "decision": "Approve",
            "group": "ml-leads",
            "checklist": CHECKLIST,
            "message": "seen with\nthe team",
        }
    ]


def test_the_form_holds_the_evidence_and_each_sentence() -> None:
    text = browser(_cluster()).get("/r/ml/go/approve").text

    assert f'<input type="hidden" name="evidence" value="{EVIDENCE}">' in text
    assert re.findall(r'<input type="checkbox" name="confirm" value="(\d)"(?: checked)?', text) == ["0", "1"]
    assert " checked" not in text
    assert "Approve as bo" in text
    assert all(sentence in text for sentence in CHECKLIST)
    assert "0.9" in text


def test_whoever_decides_learns_how_many_wait_behind_it() -> None:
    cluster = _cluster()
    for name in ("later", "latest"):
        other = body({"source": {"version": "5"}}, phase="Queued")
        other["metadata"].update(name=f"x-{name}", creationTimestamp="2026-01-01T00:00:00Z")
        cluster.bodies[Kind.REQUESTS].append(other)

    text = browser(cluster).get("/r/ml/go/approve").text

    assert "2 requests wait behind it." in text


def test_evidence_that_changed_meanwhile_is_not_approved_and_has_to_be_looked_at_again() -> None:
    cluster = _cluster(
        body(approvals=ASKED, resolved={"version": "4", "from": "x", "evidence": OTHER_EVIDENCE})
    )

    answer = browser(cluster).post("/r/ml/go/approve", data=FILLED, headers=HEADERS)

    assert answer.status_code == 422
    assert "The evidence has changed since you looked, so nothing was written." in answer.text
    assert "approvals" not in _written(cluster)
    assert f'name="evidence" value="{OTHER_EVIDENCE}"' in answer.text
    assert " checked" not in answer.text, "what was confirmed was confirmed of something else"
    assert "seen with\nthe team" in answer.text
    assert _autofocused(answer.text) == ["problem"]


def test_evidence_that_changes_while_it_is_written_is_not_approved() -> None:
    cluster = _cluster()

    def judged_again() -> None:
        cluster.bodies[Kind.REQUESTS] = [
            body(approvals=ASKED, resolved={"version": "4", "from": "x", "evidence": OTHER_EVIDENCE})
        ]

    cluster.on_patch = judged_again

    answer = browser(cluster).post("/r/ml/go/approve", data=FILLED, headers=HEADERS)

    assert answer.status_code == 422
    assert "The evidence has changed since you looked" in answer.text
    assert "approvals" not in _written(cluster)


@pytest.mark.parametrize(
    ("deed", "form", "field", "sentence"),
    [
        ("approve", {**FILLED, "confirm": ["0"]}, "confirm-1", "Confirm each sentence, or do not approve."),
        ("approve", {**FILLED, "message": "x" * 1025}, "message", "At most 1024 characters; these are 1025."),
        (
            "reject",
            {**REASON, "message": " \r\n "},
            "message",
            "Say why: the reason is kept with the request.",
        ),
        ("approve", {**FILLED, "evidence": ""}, "problem", "The evidence has changed since you looked"),
    ],
    ids=["a-sentence-forgotten", "too-long", "no-reason", "no-evidence"],
)
def test_what_is_wrong_is_said_at_its_field_and_the_browser_goes_there(
    deed: str, form: dict[str, Any], field: str, sentence: str
) -> None:
    cluster = _cluster()

    answer = browser(cluster).post(f"/r/ml/go/{deed}", data=form, headers=HEADERS)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert _autofocused(answer.text) == [field]
    assert (f'aria-describedby="problem-{field}"' in answer.text) is (field != "problem")
    assert not cluster.patches


def test_what_was_ticked_stays_ticked() -> None:
    answer = browser(_cluster()).post("/r/ml/go/approve", data={**FILLED, "confirm": ["1"]}, headers=HEADERS)

    assert re.findall(r'name="confirm" value="(\d)" checked', answer.text) == ["1"]


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (
            Refused("bo may not approve modelaliases/churn-champion"),
            403,
            "Bo may not approve modelaliases/churn-champion",
        ),
        (StaleObject("somebody else wrote first"), 409, "Somebody else wrote first"),
        (Unavailable("the API server did not answer"), 503, "The API server did not answer"),
    ],
)
def test_a_refusal_is_told_on_the_same_page_with_what_was_typed(
    error: OperatorError, status: int, sentence: str
) -> None:
    cluster = _cluster()
    cluster.on_patch = _raising(error)

    answer = browser(cluster).post("/r/ml/go/reject", data=REASON, headers=HEADERS)

    assert answer.status_code == status
    assert f">{sentence}</p>" in answer.text
    assert "not before the holidays</textarea>" in answer.text
    assert _autofocused(answer.text) == ["problem"]


def _raising(error: OperatorError) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_nobody_approves_their_own_and_is_told_so() -> None:
    cluster = _cluster(user="ana")
    client = browser(cluster)

    page = client.get("/r/ml/go/approve").text
    answer = client.post("/r/ml/go/approve", data=FILLED, headers=HEADERS)

    assert "You cannot approve your own request." in page
    assert "<button" not in page.replace('<button type="button" class="copy"', "")
    assert "modelalias approve go -n ml" in page
    assert answer.status_code == 422
    assert "You cannot approve your own request" in answer.text
    assert not cluster.patches


@pytest.mark.parametrize("deed", ["approve", "reject", "abort"])
def test_where_only_looking_is_allowed_there_is_the_command(deed: str) -> None:
    cluster = _cluster()
    client = browser(cluster, may_write=False)

    page = client.get(f"/r/ml/go/{deed}").text
    answer = client.post(f"/r/ml/go/{deed}", data=FILLED, headers=HEADERS)

    assert f"<code>modelalias {deed} go -n ml" in page
    assert "<form" not in page
    assert answer.status_code == 403
    assert not cluster.patches


@pytest.mark.parametrize("deed", ["approve", "reject", "abort"])
def test_another_request_of_the_name_is_not_decided(deed: str) -> None:
    cluster = _cluster()

    answer = browser(cluster).post(f"/r/ml/go/{deed}", data={**FILLED, "uid": "u-0"}, headers=HEADERS)

    assert answer.status_code == 404
    assert "was deleted, and another one was created with its name" in answer.text
    assert not cluster.patches


def test_what_was_approved_before_is_not_an_error() -> None:
    cluster = _cluster(
        body({"approvals": [approval("bo", group="ml-leads", checklist=CHECKLIST)]}, approvals=ASKED)
    )

    answer = browser(cluster).post("/r/ml/go/approve", data=FILLED, headers=HEADERS)

    assert answer.status_code == 303
    assert not cluster.patches


@pytest.mark.parametrize("deed", ["approve", "reject", "abort"])
def test_a_request_that_has_ended_meanwhile_is_left_alone(deed: str) -> None:
    cluster = _cluster(body(**ended()))

    answer = browser(cluster).post(f"/r/ml/go/{deed}", data=FILLED, headers=HEADERS)

    assert answer.status_code == 422
    assert "Request go has ended: Rejected, version 4 refused" in answer.text
    assert not cluster.patches


def test_a_file_in_a_form_is_refused() -> None:
    answer = browser(_cluster()).post(
        "/r/ml/go/approve", data=FILLED, files={"message": ("a.txt", b"x")}, headers=HEADERS
    )

    assert answer.status_code == 400
    assert "the form cannot be read" in answer.text


def test_a_program_gets_the_problem_as_json() -> None:
    answer = browser(_cluster()).post(
        "/r/ml/go/reject",
        data={"uid": "u-1", "evidence": EVIDENCE},
        headers={**HEADERS, "Accept": "application/json"},
    )

    assert answer.status_code == 422
    assert answer.json()["problem"] == {
        "text": "Say why: the reason is kept with the request.",
        "field": "message",
    }


def test_a_form_follows_what_happens_and_leaves_what_was_typed() -> None:
    text = browser(_cluster()).get("/r/ml/go/approve").text

    assert 'hx-sse:connect="/events/r/ml/go/approve' in text
    skipped = text[text.index("hx-morph-skip") : text.index("</main>")]
    assert 'action="/r/ml/go/approve"' in skipped
    assert 'name="evidence"' in skipped
    assert 'id="verdict"' not in skipped


def test_it_is_told_since_when_there_are_enough_approvals() -> None:
    approved = condition("Approved", "True", "Approved")
    text = browser(_cluster(body(approvals=ASKED, conditions=[approved]))).get("/r/ml/go").text

    assert f'<dt>Enough</dt><dd><time datetime="{approved["lastTransitionTime"]}">' in text
