"""There is one comment for each alias on a pull request, written by the job alone, and edited from then on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.actions_runner import ROOT, Ran, Runner
from tests.support.forges import BOT, GitHub
from tests.support.http_stub import Answer, HttpStub, http_stub

MARKER = "<!-- modelalias: ml/churn-champion -->"
FORBIDDEN = "403 Resource not accessible by integration"
SCRIPT = 'python3 "$ACTION/comment.py"'


class Job:
    """A job that has a summary to tell."""

    def __init__(self, home: Path, stub: HttpStub, github: GitHub) -> None:
        self.stub, self.github = stub, github
        github.uri = stub.uri
        self.event = home / "event.json"
        self.event.write_text(json.dumps({"pull_request": {"number": 12, "title": "$(touch owned)"}}))
        self.summary = home / "summary.md"
        self.runner = Runner(home, stub.uri, self.event)
        self.environ = {
            "ACTION": str(ROOT / ".github" / "actions" / "promote"),
            "GITHUB_TOKEN": self.runner.token,
            "INPUT_ALIAS": "churn-champion",
            "INPUT_NAMESPACE": "ml",
            "INPUT_SUMMARY": str(self.summary),
            "INPUT_COMMENT_AUTHOR": BOT,
        }

    def comment(self, text: str, **environ: str) -> Ran:
        self.summary.write_text(text)
        ran = self.runner.script(SCRIPT, **{**self.environ, **environ})
        assert self.runner.token not in ran.log
        assert (ran.status, "Traceback" in ran.log) == (0, False), ran.log
        return ran

    @property
    def sent(self) -> list[str]:
        return [f"{seen.method} {seen.path.removeprefix('/repos/example/churn/')}" for seen in self.stub.seen]


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    github = GitHub("ghs_the-token-of-the-job")
    with http_stub(github) as stub:
        yield Job(tmp_path, stub, github)


def test_the_second_run_edits_what_the_first_wrote(job: Job) -> None:
    job.github.comment("a word of somebody", "ana")

    job.comment("### Rejected")
    job.comment("### Succeeded")

    assert [item["user"]["login"] for item in job.github.comments] == ["ana", BOT]
    assert job.github.comments[1]["body"] == (
        f"{MARKER}\n### Succeeded\n[run 77](https://github.example.com/example/churn/actions/runs/77)\n"
    )
    assert [item for item in job.sent if not item.startswith("GET")] == [
        "POST issues/12/comments",
        "PATCH issues/comments/1001",
    ]


def test_it_is_found_behind_many_others(job: Job) -> None:
    for number in range(150):
        job.github.comment(f"word {number}", "ana")
    ours = job.github.comment(f"{MARKER}\nold", BOT)

    job.comment("new")

    assert ours["body"].startswith(f"{MARKER}\nnew")
    assert len(job.github.comments) == 151
    assert job.sent == ["GET issues/12/comments"] * 2 + [f"PATCH issues/comments/{ours['id']}"]


@pytest.mark.parametrize(
    ("body", "login"),
    [(f"{MARKER}\nfaked", "eve"), (f"> {MARKER}\nquoted", BOT), ("<!-- modelalias: ml/other -->", BOT)],
    ids=["of somebody else", "quoted", "of another alias"],
)
def test_a_comment_that_is_not_its_own_is_left_alone(job: Job, body: str, login: str) -> None:
    other = job.github.comment(body, login)

    job.comment("ours")

    assert other["body"] == body
    assert job.github.comments[1]["body"].startswith(f"{MARKER}\nours")


def test_one_that_was_deleted_meanwhile_is_written_anew(job: Job) -> None:
    job.github.comment(f"{MARKER}\nold", BOT)
    job.github.busy = [Answer(list(job.github.comments)), Answer({"message": "Not Found"}, 404)]

    job.comment("new")

    assert job.github.comments[-1]["body"].startswith(f"{MARKER}\nnew")


def test_what_github_refuses_is_a_warning_and_fails_nothing(job: Job) -> None:
    job.github.may_write = False
    forbidden = job.comment("x")
    job.github.may_write = True
    too_long = job.comment("x" * 70_000)
    job.environ.update(GITHUB_TOKEN="")
    wrong_token = job.comment("x")

    assert forbidden.commands == [
        f"::warning title=No comment::{FORBIDDEN}: it takes `permissions: pull-requests: write`"
    ]
    assert too_long.commands[0].startswith("::warning title=No comment::422 Validation Failed")
    assert wrong_token.commands[0].startswith("::warning title=No comment::401 Bad credentials")
    assert job.github.comments == []


def test_where_github_says_when_it_is_tried_again(job: Job) -> None:
    job.github.busy = [Answer({"message": "slow down"}, 403, {"Retry-After": "0"})]

    ran = job.comment("x")

    assert (ran.commands, len(job.github.comments)) == ([], 1)


def test_the_token_follows_no_redirect_and_no_foreign_page(job: Job) -> None:
    with http_stub(lambda _: Answer([])) as elsewhere:
        moved = {"Location": f"{elsewhere.uri}/repos/example/churn/issues/12/comments"}
        job.github.busy = [Answer({"message": "Moved"}, 301, moved)]
        redirected = job.comment("x")
        job.github.busy = [Answer([], headers={"Link": f'<{elsewhere.uri}/x>; rel="next"'})]
        led_away = job.comment("x")

        assert elsewhere.seen == []
    assert "301 Moved" in redirected.commands[0]
    assert "another address" in led_away.commands[0]


def test_without_a_pull_request_there_is_nothing_to_comment_on(job: Job) -> None:
    job.event.write_text(json.dumps({"ref": "refs/heads/main"}))

    ran = job.comment("x")
    given = job.comment("x", INPUT_PULL_REQUEST="12")

    assert ran.commands == ["::notice title=No comment::this run belongs to no pull request"]
    assert (given.commands, len(job.github.comments)) == ([], 1)


@pytest.mark.parametrize(
    "environ",
    [
        {"INPUT_PULL_REQUEST": "12/../../releases"},
        {"INPUT_ALIAS": "x --> <script>"},
        {"INPUT_NAMESPACE": "$(touch owned)"},
    ],
    ids=lambda item: next(iter(item)),
)
def test_inputs_that_are_no_names_and_numbers_go_nowhere(job: Job, environ: dict[str, str]) -> None:
    ran = job.comment("x", **environ)

    assert ran.commands[0].startswith("::warning title=No comment::")
    assert job.sent == []


def test_a_server_that_is_not_there_is_a_warning(job: Job) -> None:
    ran = job.comment("x", GITHUB_API_URL="http://127.0.0.1:1")

    assert ran.commands[0].startswith("::warning title=No comment::GitHub's API does not answer")
