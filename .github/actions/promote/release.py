"""Publish a release with the result of a promotion as JSON; a second time for the same tag adds nothing."""

import re
import sys
from pathlib import Path
from typing import Any, Final

import runner
from github_api import Api, ApiError
from runner import WrongInputError

_TAG: Final = re.compile(r"[A-Za-z0-9][-A-Za-z0-9._/]{0,199}")
_FILE: Final = re.compile(r"[A-Za-z0-9][-A-Za-z0-9._]{0,99}")
_EXISTS: Final = 422


def main() -> int:
    """Publish it, or say why it cannot be published."""
    try:
        tag, asset = _like(_TAG, "tag"), _like(_FILE, "asset")
        result = Path(runner.given("result-json")).read_bytes()
        notes = Path(runner.given("notes")).read_text(encoding="utf-8") if runner.given("notes") else ""
    except WrongInputError as error:
        runner.annotate("error", "No release", str(error))
        return 2
    except OSError as error:
        runner.annotate("error", "No release", f"cannot read {Path(error.filename).name}: {error.strerror}")
        return 2
    try:
        release = _publish(Api(), tag, asset, result, notes)
    except ApiError as error:
        runner.annotate("error", "No release", f"{error}: it takes `permissions: contents: write`")
        return 1
    runner.output(url=str(release.get("html_url") or ""))
    return 0


def _publish(api: Api, tag: str, asset: str, result: bytes, notes: str) -> Any:
    wanted = {"tag_name": tag, "name": runner.given("name") or tag, "body": notes, "make_latest": "false"}
    target = runner.given("target")
    try:
        release = api.call("POST", "releases", {**wanted, **({"target_commitish": target} if target else {})})
    except ApiError as error:
        if error.status != _EXISTS:
            raise
        try:
            release = api.call("GET", f"releases/tags/{tag}")
        except ApiError:
            raise error from None  # what was wrong is another thing than that it exists
    if all(item.get("name") != asset for item in release.get("assets") or ()):
        api.upload(str(release["upload_url"]), asset, result)
    return release


def _like(wanted: re.Pattern[str], name: str) -> str:
    value = runner.given(name)
    if not wanted.fullmatch(value):
        raise WrongInputError(f"{name} cannot be {value!r}")
    return value


if __name__ == "__main__":
    sys.exit(main())
