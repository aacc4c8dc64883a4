"""GitHub's and GitLab's APIs as far as pipelines use them, with their own answers to what is wrong."""

import re
from collections.abc import Mapping
from typing import Any, Final

from tests.support.http_stub import Answer, Seen

Item = dict[str, Any]
LONGEST_COMMENT: Final = 65_536
BOT: Final = "github-actions[bot]"


class GitHub:
    """One repository with one pull request, number 12."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.comments: list[Item] = []
        self.releases: list[Item] = []
        self.uri = ""
        """Where it is reached; links in answers begin with it."""
        self.identity, self.asks_with = "", ""
        """The token that a job gets when it asks who it is, and the one with which it asks."""
        self.may_write = True
        self.busy: list[Answer] = []
        """What the next requests are answered instead."""

    def comment(self, body: str, login: str) -> Item:
        made = {"id": 1000 + len(self.comments), "body": body, "user": {"login": login}}
        self.comments.append(made)
        return made

    def __call__(self, seen: Seen) -> Answer:
        path = seen.path
        if path == "/identity":
            return self._identity(seen)
        if seen.headers.get("Authorization") != f"Bearer {self._token}":
            return Answer({"message": "Bad credentials"}, 401)
        if self.busy:
            return self.busy.pop(0)
        if seen.method != "GET" and not self.may_write:
            return Answer({"message": "Resource not accessible by integration"}, 403)
        if path.startswith("/uploads/"):
            return self._upload(seen)
        path = path.removeprefix("/repos/example/churn/")
        if path == "issues/12/comments":
            return self._listed(seen) if seen.method == "GET" else self._commented(seen)
        if edited := re.fullmatch(r"issues/comments/(\d+)", path):
            return self._edited(int(edited.group(1)), seen)
        return self._released(seen) if seen.method == "POST" else self._release(path)

    def _identity(self, seen: Seen) -> Answer:
        if seen.headers.get("Authorization") != f"Bearer {self.asks_with}" or not seen.values.get("audience"):
            return Answer({"message": "Unauthorized"}, 401)
        return Answer({"value": self.identity})

    def _listed(self, seen: Seen) -> Answer:
        size, page = int(seen.values.get("per_page", 30)), int(seen.values.get("page", 1))
        here = self.comments[(page - 1) * size : page * size]
        more = len(self.comments) > page * size
        link = f'<{self.uri}{seen.path}?per_page={size}&page={page + 1}>; rel="next"'
        return Answer(here, headers={"Link": link} if more else {})

    def _commented(self, seen: Seen) -> Answer:
        if len(seen.values["body"]) > LONGEST_COMMENT:
            return Answer({"message": "Validation Failed"}, 422)
        return Answer(self.comment(seen.values["body"], BOT), 201)

    def _edited(self, number: int, seen: Seen) -> Answer:
        found = [item for item in self.comments if item["id"] == number]
        if not found:
            return Answer({"message": "Not Found"}, 404)
        found[0]["body"] = seen.values["body"]
        return Answer(found[0])

    def _released(self, seen: Seen) -> Answer:
        tag = seen.values["tag_name"]
        if any(item["tag_name"] == tag for item in self.releases):
            return Answer({"message": "Validation Failed", "errors": [{"code": "already_exists"}]}, 422)
        number = len(self.releases)
        made = {
            **seen.values,
            "assets": [],
            "upload_url": f"{self.uri}/uploads/{number}/assets{{?name,label}}",
            "html_url": f"https://github.example.com/example/churn/releases/tag/{tag}",
        }
        self.releases.append(made)
        return Answer(made, 201)

    def _release(self, path: str) -> Answer:
        found = [item for item in self.releases if path == f"releases/tags/{item['tag_name']}"]
        return Answer(found[0]) if found else Answer({"message": "Not Found"}, 404)

    def _upload(self, seen: Seen) -> Answer:
        assets = self.releases[int(seen.path.split("/")[2])]["assets"]
        if any(item["name"] == seen.values["name"] for item in assets):
            return Answer({"message": "Validation Failed", "errors": [{"code": "already_exists"}]}, 422)
        content = {key: value for key, value in seen.values.items() if key != "name"}
        assets.append({"name": seen.values["name"], "content": content})
        return Answer(assets[-1], 201)


class GitLab:
    """One project with one merge request, number 12."""

    def __init__(self, token: str, job_token: str) -> None:
        self._token, self._job_token = token, job_token
        self.notes: list[Item] = []
        self.packages: dict[str, Mapping[str, Any]] = {}
        self.releases: list[Mapping[str, Any]] = []

    def __call__(self, seen: Seen) -> Answer:
        path = seen.path.removeprefix("/projects/7/")
        if path.startswith(("packages/", "releases")):
            if seen.headers.get("JOB-TOKEN") != self._job_token:
                return Answer({"message": "401 Unauthorized"}, 401)
            return self._published(path, seen)
        if seen.headers.get("PRIVATE-TOKEN") != self._token:
            return Answer({"message": "401 Unauthorized"}, 401)
        if path == "/user":
            return Answer({"id": 5})
        if path == "merge_requests/12/notes" and seen.method == "GET":
            return self._listed(seen)
        if path == "merge_requests/12/notes" and seen.method == "POST":
            return Answer(self.note(seen.values["body"], 5), 201)
        found = [item for item in self.notes if path == f"merge_requests/12/notes/{item['id']}"]
        if seen.method == "PUT" and found:
            found[0]["body"] = seen.values["body"]
            return Answer(found[0])
        return Answer({"message": "404 Not Found"}, 404)

    def note(self, body: str, author: int) -> Item:
        made = {"id": 300 + len(self.notes), "body": body, "author": {"id": author}}
        self.notes.insert(0, made)  # the newest is first
        return made

    def _listed(self, seen: Seen) -> Answer:
        size, page = int(seen.values.get("per_page", 20)), int(seen.values.get("page", 1))
        return Answer(self.notes[(page - 1) * size : page * size])

    def _published(self, path: str, seen: Seen) -> Answer:
        if seen.method == "PUT":
            self.packages[path.removeprefix("packages/generic/")] = seen.values
            return Answer({"message": "201 Created"}, 201)
        if any(item["tag_name"] == seen.values["tag_name"] for item in self.releases):
            return Answer({"message": "Release already exists"}, 409)
        self.releases.append(seen.values)
        return Answer(seen.values, 201)
