"""A source alias that never was: "nothing to do" is a success, and whoever misspelt it learns so."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelalias.cli import main
from tests.support.cli_cluster import body, condition, ended
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub

NAMESPACE = "/apis/modelalias.dev/v1alpha1/namespaces/ml"
OWNER = {"metadata": {"name": "churn-champion"}, "spec": {"model": "churn", "alias": "champion"}}
FROM = {"source": {"alias": "nobody"}}
WAIT = ("promote", "churn-champion", "--from-alias", "nobody", "--wait")
WARNING = (
    "warning: nothing was promoted: the model has no alias nobody, and no request for churn-champion ever found "
    "it; is the name right? (--must-exist makes this exit status 1)"
)


def _nothing_to_do(spec: Mapping[str, Any] = FROM) -> dict[str, Any]:
    conditions = [
        condition("Complete", "True", "NoChallenger"),
        condition("Succeeded", "True", "NoChallenger"),
    ]
    explanation = "nothing to do: churn has no alias nobody"
    return body(spec, **{**ended("Succeeded", explanation), "conditions": conditions}, resolved=None)


def _found(alias: str = "nobody", of: str = "churn-champion") -> dict[str, Any]:
    """Return an older request that found an alias."""
    return body({"source": {"alias": alias}, "aliasRef": {"name": of}}, **ended("Succeeded"))


class Site:
    """An API server on which every request ends because the source alias is missing."""

    def __init__(self) -> None:
        self.others: list[dict[str, Any]] | None = []

    def __call__(self, seen: Seen) -> Answer:
        if seen.path.endswith("/selfsubjectreviews"):
            return Answer({"status": {"userInfo": {"username": "ana"}}}, 201)
        if seen.path == f"{NAMESPACE}/modelaliases/churn-champion":
            return Answer(OWNER)
        if seen.path == f"{NAMESPACE}/promotionrequests" and seen.method == "GET":
            if self.others is None:
                return Answer({"kind": "Status", "reason": "Forbidden", "message": "no", "code": 403}, 403)
            return self._page(seen)
        return Answer(_nothing_to_do())

    def _page(self, seen: Seen) -> Answer:
        """Answer with one request a page."""
        others = [*(self.others or ()), _nothing_to_do()]
        number = int(seen.values.get("continue", "0"))
        more = {"continue": str(number + 1)} if number + 1 < len(others) else {}
        return Answer({"metadata": more, "items": [others[number]]})


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def stub(site: Site) -> Iterator[HttpStub]:
    with http_stub(site) as found:
        yield found


@pytest.fixture
def typed(stub: HttpStub, tmp_path: Path) -> Callable[..., int]:
    path = tmp_path / "config"
    path.write_text(
        f"""\
current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a, namespace: ml}}}}]
clusters: [{{name: a, cluster: {{server: "{stub.uri}"}}}}]
users: [{{name: a, user: {{token: hunter2}}}}]
"""
    )
    return lambda *arguments: main.main([*arguments, "--kubeconfig", str(path)])


def test_an_alias_that_nobody_ever_found_is_a_success_with_a_warning(
    typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(*WAIT) == 0
    assert WARNING in capsys.readouterr().err.splitlines()


def test_a_script_that_wants_it_to_be_there_fails(typed: Callable[..., int]) -> None:
    assert typed(*WAIT, "--must-exist") == 1


def test_an_alias_that_was_promoted_from_before_is_a_success_without_a_warning(
    site: Site, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    site.others = [_found()]

    assert typed(*WAIT) == 0
    assert "warning" not in capsys.readouterr().err
    assert typed(*WAIT, "--must-exist") == 1


@pytest.mark.parametrize(
    "others",
    [[_found("challenger")], [_found(of="churn-staging")], None],
    ids=["another-alias", "of-another-resource", "may-not-be-listed"],
)
def test_what_others_found_says_nothing(
    site: Site,
    typed: Callable[..., int],
    others: list[dict[str, Any]] | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site.others = others

    assert typed(*WAIT) == 0
    assert WARNING in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from-alias", "nobody", "--must-exist"),
        ("--version", "4", "--wait", "--must-exist"),
    ],
)
def test_what_only_the_operator_can_find_out_has_to_be_waited_for(
    typed: Callable[..., int], arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("promote", "churn-champion", *arguments) == 2
    assert "--must-exist needs --from-alias and --wait" in capsys.readouterr().err
