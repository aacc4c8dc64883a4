"""The API server's answers in words for the person who asked, and in whose name it is asked."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelalias.cli import main
from tests.support.cli_cluster import EVIDENCE, NOW, OTHER_EVIDENCE, body, ended
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub

GROUP = "/apis/modelalias.dev/v1alpha1/namespaces/ml"
REVIEW = {"status": {"userInfo": {"username": "bo", "groups": ["ml-leads"]}}}
RBAC = (
    'promotionrequests.modelalias.dev "go" is forbidden: User "bo" cannot patch resource "promotionrequests"'
)
POLICY = (
    "promotionrequests.modelalias.dev \"go\" is forbidden: ValidatingAdmissionPolicy 'x' with binding "
    "'x' denied request: "
    "bo may not approve modelaliases/churn-champion"
)
OWNER: Mapping[str, Any] = {
    "metadata": {"name": "churn-champion"},
    "spec": {"model": "churn", "alias": "champion"},
}


class Site:
    """An API server that holds one request, and answers a write as it is told."""

    def __init__(self) -> None:
        self.written, self.read, self.alias = Answer(body()), Answer(body()), Answer(OWNER)
        self.lease: Mapping[str, Any] | None = None
        self.on_write: Callable[[], None] = lambda: None

    def __call__(self, seen: Seen) -> Answer:
        if seen.path.endswith("/selfsubjectreviews"):
            return Answer(REVIEW, 201)
        if seen.path == f"{GROUP}/modelaliases/churn-champion":
            return self.alias
        if seen.path == f"{GROUP}/promotionrequests/go" and seen.method == "GET":
            return self.read
        if seen.path.endswith("/namespaces/mlops/leases/modelalias-operator") and self.lease is not None:
            return Answer(self.lease)
        if seen.path == f"{GROUP}/modelaliases":
            return Answer({"metadata": {}, "items": [self.alias.body]})
        if seen.method == "GET":
            return Answer(status(404, "NotFound", "not found"), 404)
        self.on_write()
        return self.written


def status(code: int, reason: str, message: str) -> Mapping[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": code,
    }


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def stub(site: Site) -> Iterator[HttpStub]:
    with http_stub(site) as found:
        yield found


@pytest.fixture
def kubeconfig(stub: HttpStub, tmp_path: Path) -> str:
    path = tmp_path / "config"
    path.write_text(
        f"""\
current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a, namespace: ml}}}}]
clusters: [{{name: a, cluster: {{server: "{stub.uri}"}}}}]
users: [{{name: a, user: {{token: hunter2}}}}]
"""
    )
    return str(path)


def header(seen: Seen, name: str) -> str:
    return next(value for key, value in seen.headers.items() if key.lower() == name.lower())


def run(kubeconfig: str, *arguments: str) -> int:
    return main.main([*arguments, "--kubeconfig", kubeconfig])


def test_an_approval_names_who_one_is_and_what_was_shown(
    stub: HttpStub, kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(kubeconfig, "approve", "go", "--evidence", EVIDENCE, "--dry-run", "-o", "json") == 0

    told = capsys.readouterr()
    assert f'"evidence": "{EVIDENCE}"' in told.out
    assert '"user": "bo"' in told.out
    assert "PATCH" not in {seen.method for seen in stub.seen}
    assert {header(seen, "Authorization") for seen in stub.seen} == {"Bearer hunter2"}


def test_one_may_act_as_another(stub: HttpStub, kubeconfig: str) -> None:
    run(kubeconfig, "status", "go", "--as", "ana", "--as-group", "staff")

    names = ("Impersonate-User", "Impersonate-Group", "Authorization")
    assert [header(stub.seen[0], name) for name in names] == ["ana", "staff", "Bearer hunter2"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(status(403, "Forbidden", POLICY), 403), "bo may not approve modelaliases/churn-champion"),
        (Answer(status(422, "Invalid", POLICY), 422), "bo may not approve modelaliases/churn-champion"),
        (
            Answer(status(403, "Forbidden", RBAC), 403),
            "may not patch promotionrequests.modelalias.dev in namespace ml: none of your roles grants it",
        ),
        (
            Answer(status(401, "Unauthorized", "no"), 401),
            (
                "the API server does not accept your credentials: patch promotionrequests.modelalias.dev "
                "in namespace ml"
            ),
        ),
        (
            Answer(b"<html>", 502),
            (
                "the API server cannot do it now: patch promotionrequests.modelalias.dev in namespace ml: "
                "HTTP 502"
            ),
        ),
        (Answer(status(404, "NotFound", "gone"), 404), "there is no PromotionRequest go in namespace ml"),
    ],
    ids=["policy", "policy-invalid", "rbac", "credentials", "broken", "deleted"],
)
def test_a_refusal_is_one_line_for_the_person(
    site: Site,
    stub: HttpStub,
    kubeconfig: str,
    answer: Answer,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site.written = answer

    assert run(kubeconfig, "approve", "go", "--evidence", EVIDENCE) == 2

    told = capsys.readouterr()
    assert told.err == f"modelalias: {words}\n"
    assert "hunter2" not in told.out + told.err
    assert stub.uri not in told.out + told.err
    assert told.out.splitlines()[0] == "request go: Promote of churn-champion, version 4, champion 3"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status", "none"], "there is no ModelAlias and no PromotionRequest none in namespace ml"),
        (["status", ""], "is empty"),
        (["promote", "none", "--version", "4"], "no ModelAlias none in namespace ml"),
        (["history", "none", "-n", "risk"], "no ModelAlias none in namespace risk"),
        (["status", "go", "--context", "b"], "the kubeconfig has no context b"),
        (["promote", "churn-champion", "--version", "4", "-o", "yaml"], "-o yaml needs --dry-run"),
        (
            ["promote", "churn-champion", "--version", "4", "--dry-run", "--wait"],
            "--wait has nothing to wait for",
        ),
    ],
)
def test_what_is_not_there_is_named(
    kubeconfig: str, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(kubeconfig, *arguments) == 2

    told = capsys.readouterr()
    assert told.out == ""
    assert words in told.err
    assert told.err.count("\n") == 1


def test_a_server_that_is_not_there_is_status_2(
    stub: HttpStub, kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(kubeconfig)
    path.write_text(path.read_text().replace(stub.uri, "http://127.0.0.1:1"))

    assert run(kubeconfig, "status", "go", "--wait", "--timeout", "5s") == 2

    told = capsys.readouterr().err
    assert told.startswith(
        "modelalias: the API server cannot be reached: get promotionrequests.modelalias.dev"
    )
    assert told.count("\n") == 1


def test_an_object_of_a_newer_release_is_no_traceback(
    site: Site, kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site.read = Answer(body({"colour": "blue"}))

    assert run(kubeconfig, "status", "go") == 2
    assert capsys.readouterr().err == (
        "modelalias: this release cannot read PromotionRequest go: spec.colour: Extra inputs are not "
        "permitted\n"
    )


@pytest.mark.parametrize(("phase", "expected"), [("Succeeded", 0), ("Rejected", 1)])
def test_the_status_of_waiting_is_the_requests_end(
    site: Site, kubeconfig: str, phase: str, expected: int, capsys: pytest.CaptureFixture[str]
) -> None:
    site.read = Answer(body(**ended(phase, "so it was")))

    assert run(kubeconfig, "status", "go") == 0
    assert run(kubeconfig, "status", "go", "--wait") == expected
    assert capsys.readouterr().err == f"{phase}: so it was\n"


def test_what_was_judged_again_since_it_was_shown_is_not_approved(
    site: Site, kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def judge_again() -> None:
        site.read = Answer(
            body(resolved={"version": "4", "champion": "5", "from": "version 4", "evidence": OTHER_EVIDENCE})
        )

    site.on_write, site.written = (
        judge_again,
        Answer(status(422, "Invalid", "the server rejected our request"), 422),
    )

    assert run(kubeconfig, "approve", "go", "--evidence", EVIDENCE) == 2
    assert f"the evidence of request go has changed to {OTHER_EVIDENCE}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "answer",
    [Answer(status(403, "Forbidden", RBAC), 403), Answer({**OWNER, "spec": {"colour": "blue"}})],
    ids=["not-allowed", "of-a-newer-release"],
)
def test_an_alias_that_cannot_be_read_keeps_nobody_from_asking(
    site: Site, kubeconfig: str, answer: Answer
) -> None:
    site.alias = answer

    assert run(kubeconfig, "promote", "churn-champion", "--version", "4") == 0
    assert run(kubeconfig, "approve", "go", "--evidence", EVIDENCE) == 0


@pytest.mark.parametrize(
    ("command", "pin"),
    [
        (["rollback", "churn-champion", "-m", "slow"], "modelalias pin churn-champion VERSION -n ml"),
        (["promote", "churn-champion", "--version", "4"], "modelalias pin churn-champion 4 -n ml"),
    ],
    ids=["rollback", "promote"],
)
def test_what_a_quota_refuses_can_be_pinned(
    site: Site, kubeconfig: str, command: list[str], pin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    quota = 'promotionrequests.modelalias.dev "x" is forbidden: exceeded quota: modelalias, requested: 1'
    site.written = Answer(status(403, "Forbidden", quota), 403)

    assert run(kubeconfig, *command) == 2

    told = capsys.readouterr().err
    assert "exceeded quota: modelalias" in told
    assert told.endswith(f"what takes no request, in an emergency: {pin}\n")


@pytest.mark.parametrize(
    "command",
    [
        ["list"],
        ["list", "-o", "json"],
        ["history", "churn-champion"],
        ["history", "churn-champion", "-o", "json"],
        ["serving", "churn-champion"],
    ],
    ids=" ".join,
)
def test_what_an_operator_says_that_is_silent_is_told_to_be_old(
    site: Site, kubeconfig: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    spec = {"holderIdentity": "pod", "renewTime": "2026-01-01T00:00:00.000000Z", "leaseDurationSeconds": 15}
    site.lease = {"metadata": {"name": "modelalias-operator", "resourceVersion": "1"}, "spec": spec}

    assert run(kubeconfig, *command, "--operator-namespace", "mlops") == 0
    told = capsys.readouterr()

    assert "the operator has not renewed its Lease since 00:00 UTC" in told.err
    assert "Lease" not in told.out
    assert run(kubeconfig, *command) == 0
    assert "Lease" not in capsys.readouterr().err


def test_the_newest_move_is_told_first(
    site: Site, kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    history = [
        {"to": to, "at": NOW, "operation": "Promote", "outcome": "Succeeded"} for to in ("1", "2", "3")
    ]
    site.alias = Answer({**OWNER, "status": {"history": history}})

    run(kubeconfig, "history", "churn-champion")
    table = capsys.readouterr().out
    run(kubeconfig, "history", "churn-champion", "-o", "json")
    entries = json.loads(capsys.readouterr().out)

    assert [line.split()[3] for line in table.splitlines()[1:]] == ["3", "2", "1"]
    assert [item["to"] for item in entries] == ["3", "2", "1"]
