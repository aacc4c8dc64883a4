"""Keep one comment on the pull request: it is written once, and edited from then on.

A comment is known by a hidden marker in its first line and by its author. Without the author somebody else could write
one with the marker, and have the result shown under a name with which they could edit it again.
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import runner
from github_api import Api, ApiError
from runner import WrongInputError

_NAME: Final = re.compile(r"[-a-z0-9.]{0,253}")
_NOT_FOUND: Final = 404


def main() -> int:
    """Write or edit the comment; that it cannot be written fails no job."""
    try:
        number, marker = _pull_request(), _marker()
    except WrongInputError as error:
        runner.annotate("warning", "No comment", str(error))
        return 0
    if not number:
        runner.annotate("notice", "No comment", "this run belongs to no pull request")
        return 0
    body = f"{marker}\n{Path(runner.given('summary')).read_text(encoding='utf-8')}\n{_run()}\n"
    try:
        _keep(Api(), number, marker, body)
    except ApiError as error:
        runner.annotate("warning", "No comment", f"{error}: it takes `permissions: pull-requests: write`")
    return 0


def _keep(api: Api, number: int, marker: str, body: str) -> None:
    author = runner.given("comment-author")
    comments = api.every(f"issues/{number}/comments")
    found = next((item for item in comments if _is_ours(item, marker, author)), None)
    if found is not None:
        try:
            api.call("PATCH", f"issues/comments/{found['id']}", {"body": body})
        except ApiError as error:
            if error.status != _NOT_FOUND:  # deleted meanwhile
                raise
        else:
            return
    api.call("POST", f"issues/{number}/comments", {"body": body})


def _is_ours(comment: Mapping[str, Any], marker: str, author: str) -> bool:
    login = (comment.get("user") or {}).get("login")
    return login == author and str(comment.get("body") or "").splitlines()[:1] == [marker]


def _marker() -> str:
    """Return the line by which the comment on an alias is found again."""
    names = [runner.given("namespace"), runner.given("alias")]
    if not all(_NAME.fullmatch(name) for name in names):
        raise WrongInputError("alias and namespace are names of Kubernetes objects")
    return f"<!-- modelalias: {'/'.join(names)} -->"


def _pull_request() -> int:
    """Return the number of the pull request: as given, else that of the event; 0 if there is none."""
    wanted = runner.given("pull-request")
    if wanted:
        if not re.fullmatch(r"[1-9][0-9]{0,9}", wanted):
            raise WrongInputError(f"pull-request is a number, not {wanted!r}")
        return int(wanted)
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    return int((event.get("pull_request") or {}).get("number") or 0)


def _run() -> str:
    server, repository, run = (
        os.environ[f"GITHUB_{name}"] for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    return f"[run {run}]({server}/{repository}/actions/runs/{run})"


if __name__ == "__main__":
    sys.exit(main())
