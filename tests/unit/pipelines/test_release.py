"""A release has the result of a promotion as a file, once for each tag."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.actions_runner import Ran, Runner
from tests.support.forges import GitHub
from tests.support.http_stub import http_stub

RESULT = {"request": "churn-v4", "phase": "Succeeded", "version": "4"}


class Releasing:
    """A job with the result of a promotion at hand."""

    def __init__(self, home: Path, uri: str, github: GitHub) -> None:
        self.github = github
        github.uri = uri
        self.result, self.notes = home / "result.json", home / "notes.md"
        self.result.write_text(json.dumps(RESULT))
        self.notes.write_text("### Succeeded")
        self._runner = Runner(home, uri, home / "event.json")

    def run(self, **inputs: str) -> Ran:
        given = {
            "tag": "churn-v4",
            "result_json": str(self.result),
            "notes": str(self.notes),
            "target": "c0ffee",
            "name": "churn 4 $(touch owned)",
        }
        ran = self._runner.run("release", **{**given, **inputs})
        assert self._runner.token not in ran.log
        assert "Traceback" not in ran.log, ran.log
        return ran


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Releasing]:
    github = GitHub("ghs_the-token-of-the-job")
    with http_stub(github) as stub:
        yield Releasing(tmp_path, stub.uri, github)


def test_the_release_has_the_result_and_what_people_read(job: Releasing) -> None:
    ran = job.run()

    assert ran.outputs == {"url": "https://github.example.com/example/churn/releases/tag/churn-v4"}
    (release,) = job.github.releases
    assert (release["tag_name"], release["target_commitish"], release["body"], release["name"]) == (
        "churn-v4",
        "c0ffee",
        "### Succeeded",
        "churn 4 $(touch owned)",
    )
    assert release["assets"] == [{"name": "result.json", "content": RESULT}]


def test_a_second_run_for_the_tag_adds_what_the_first_left_out_and_nothing_else(job: Releasing) -> None:
    job.run()
    job.github.releases[0]["assets"].clear()  # the first run ended before the upload

    again = [job.run(), job.run()]

    assert [ran.failed for ran in again] == [False, False]
    assert [len(item["assets"]) for item in job.github.releases] == [1]


def test_a_job_that_may_not_release_fails_and_says_what_it_takes(job: Releasing) -> None:
    job.github.may_write = False

    ran = job.run()

    assert (ran.failed, ran.status) == (True, 1)
    assert ran.commands == [
        "::error title=No release::403 Resource not accessible by integration: it takes `permissions: contents: write`"
    ]


@pytest.mark.parametrize(
    "inputs",
    [{"tag": "../../x y"}, {"asset": "a&name=b"}, {"result_json": "/nowhere/result.json"}],
    ids=["tag", "asset", "no result"],
)
def test_what_cannot_be_released_is_refused_before_anything_is_sent(
    job: Releasing, inputs: dict[str, str]
) -> None:
    ran = job.run(**inputs)

    assert (ran.status, job.github.releases) == (2, [])
    assert ran.commands[0].startswith("::error title=No release::")
