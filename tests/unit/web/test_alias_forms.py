"""What people do with a ModelAlias from the page: what the command line writes, or the same page with why not."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from modelalias.api.metadata import ACKNOWLEDGE_DRIFT, PINNED_BY, RELEASE_HOLD
from modelalias.cli import kubeconfig, main
from modelalias.cli.cluster import Kind
from modelalias.cli.kubeconfig import Flags
from modelalias.core.errors import OperatorError, Refused, Unavailable
from modelalias.web import rendering
from modelalias.web.alias_acts import AliasDeed
from modelalias.web.app import app
from modelalias.web.identity import Person
from modelalias.web.local_session import LocalSession
from modelalias.web.reading import Readers
from modelalias.web.visit import Site
from tests.support.cli_cluster import body as request_body
from tests.support.cli_cluster import condition, ended
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub
from tests.support.web_site import ORIGIN, Cluster, alias, browser

AT = "2026-01-01T00:00:00Z"
UID = "u-churn-champion"
HEADERS = {"Origin": ORIGIN}
PATH = "/a/ml/churn-champion"
HOLD: dict[str, Any] = {"hold": {"reason": "RolledBack", "since": AT}}
DRIFT: dict[str, Any] = {"observed": {"version": "9", "at": AT, "epoch": 3}}
HISTORY: dict[str, Any] = {
    "history": [
        {
            "from": left,
            "to": to,
            "at": AT,
            "operation": "Promote",
            "outcome": "Succeeded",
            "actor": "ana",
            "reason": "retrained",
        }
        for left, to in (("1", "2"), ("2", "3"))
    ]
}


def _written(cluster: Cluster) -> Mapping[str, Any]:
    found: Mapping[str, Any] = cluster.bodies[Kind.ALIASES][0]
    return found


def _filed(cluster: Cluster) -> list[Mapping[str, Any]]:
    return [*cluster.bodies[Kind.REQUESTS]]


def _hidden(text: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', text))


def _autofocused(text: str) -> list[str]:
    return re.findall(r'id="([^"]*)"[^>]* autofocus', text)


class TestTheSameAsTheCommandLine:
    """One API server, asked by the command and by the page."""

    @pytest.fixture
    def stands(self) -> dict[str, Any]:
        """The ModelAlias, which each test makes as its command needs it."""
        return alias(**HISTORY)

    @pytest.fixture
    def stub(self, stands: dict[str, Any]) -> Iterator[HttpStub]:
        def respond(seen: Seen) -> Answer:
            if seen.path.endswith("/selfsubjectreviews"):
                return Answer({"status": {"userInfo": {"username": "bo"}}}, 201)
            if seen.path.endswith("/selfsubjectaccessreviews"):
                return Answer({"status": {"allowed": True}}, 201)
            if seen.method == "POST":
                return Answer(request_body(), 201)
            if seen.method == "PATCH":  # the operator has acted at once
                stands["status"].pop("hold", None)
                stands["status"].pop("observed", None)
                done = {"type": "InSync", "status": "True", "reason": "InSync", "lastTransitionTime": AT}
                stands["status"]["conditions"] = [done]
            return Answer(stands)

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
        ("command", "form", "spec", "status"),
        [
            pytest.param(
                ["promote", "--version", "4", "--reason", "retrained\non Q3"],
                {"version": "4", "message": " retrained\r\non Q3 "},
                {},
                {},
                id="promote",
            ),
            pytest.param(["promote", "--version", "12"], {"number": "12"}, {}, {}, id="promote-without-why"),
            pytest.param(
                [
                    *("promote", "--version", "4", "--verdict-only"),
                    *("--ttl-seconds-after-finished", "3600"),
                ],
                {"version": "4", "step": "judge"},
                {},
                {},
                id="dry-run",
            ),
            pytest.param(
                ["rollback", "--to-version", "2", "-m", "slow"],
                {"version": "2", "message": "slow"},
                {},
                {},
                id="rollback",
            ),
            pytest.param(["pin", "4"], {"version": "", "number": "4"}, {}, {}, id="pin"),
            pytest.param(["pin", "4"], {"version": "4", "seen": "3"}, {"version": "3"}, {}, id="pin-anew"),
            pytest.param(["unpin"], {"seen": "3"}, {"version": "3"}, {}, id="unpin"),
            pytest.param(["suspend"], {}, {}, {}, id="suspend"),
            pytest.param(["suspend"], {}, {"suspend": False}, {}, id="suspend-what-said-no"),
            pytest.param(["resume"], {}, {"suspend": True}, {}, id="resume"),
            pytest.param(["release"], {"seen": AT}, {}, HOLD, id="release"),
            pytest.param(["ack"], {"seen": "9@3"}, {"drift": "Restore"}, DRIFT, id="ack"),
        ],
    )
    def test_a_form_sends_what_the_command_sends(
        self,
        command: list[str],
        form: dict[str, str],
        spec: dict[str, Any],
        status: dict[str, Any],
        stands: dict[str, Any],
        stub: HttpStub,
        config: Path,
    ) -> None:
        verb, *words = command
        stands["spec"].update(spec)
        stands["status"].update(status)
        assert main.main([verb, "churn-champion", *words, "--kubeconfig", str(config)]) == 0
        (by_command,) = _writes(stub)
        stub.seen.clear()
        stands["status"].update(status)
        session = LocalSession(
            Person(kubeconfig.read(Flags(kubeconfig=str(config)), {}, config.parent)), 8300
        )

        with TestClient(
            app(Site(session, Readers(), rendering.environment())), base_url=ORIGIN, follow_redirects=False
        ) as client:
            client.get("/", params={"token": session.token})
            answer = client.post(f"{PATH}/{verb}", data={"uid": UID, **form}, headers=HEADERS)

        (by_form,) = _writes(stub)
        assert answer.status_code == 303
        assert by_form == by_command


def _writes(stub: HttpStub) -> list[tuple[Any, ...]]:
    kept = ("authorization", "content-type", "user-agent")
    return [
        (
            seen.method,
            seen.path,
            seen.values,
            sorted((key, value) for key, value in seen.headers.items() if key.lower() in kept),
        )
        for seen in stub.seen
        if seen.method in {"PATCH", "POST"} and "selfsubject" not in seen.path
    ]


def test_the_page_offers_what_makes_sense_now() -> None:
    text = browser(Cluster([alias(**HISTORY, **HOLD)])).get(PATH).text

    assert re.findall(rf'href="{PATH}/([a-z]+)"', text) == [
        "promote",
        "rollback",
        "release",
        "pin",
        "suspend",
        "release",
    ]


def test_who_may_not_promote_gets_the_command_instead() -> None:
    cluster = Cluster([alias(**HISTORY)])
    cluster.lacks = {"promote"}
    client = browser(cluster)

    page, form = client.get(PATH).text, client.get(f"{PATH}/promote?version=4").text

    assert "You may not promote modelaliases/churn-champion." in page
    assert "<code>modelalias promote churn-champion -n ml --version N --reason WHY</code>" in page
    assert re.findall(rf'href="{PATH}/([a-z]+)"', page) == ["rollback", "pin", "suspend"]
    assert "<code>modelalias promote churn-champion -n ml --version 4 --reason WHY</code>" in form
    assert "<form" not in form


def test_what_takes_rights_that_one_lacks_stands_together() -> None:
    cluster = Cluster([alias(**HISTORY)])
    cluster.lacks = {"promote", "rollback", "patch"}

    page = browser(cluster).get(PATH).text

    assert page.count('<details class="obstacle"') == 1
    assert "What can be done here takes rights that you lack." in page
    for verb in ("promote", "rollback", "patch"):
        assert f"<p>You may not {verb} modelaliases/churn-champion." in page
    assert page.count("<code>modelalias ") >= 4


@pytest.mark.parametrize("deed", ["pin", "suspend"])
def test_who_may_not_edit_the_alias_gets_the_command_instead(deed: str) -> None:
    cluster = Cluster([alias()])
    cluster.lacks = {"patch"}

    form = browser(cluster).get(f"{PATH}/{deed}").text

    assert "You may not patch modelaliases/churn-champion." in form
    assert f"<code>modelalias {deed} churn-champion -n ml" in form
    assert "<form" not in form


@pytest.mark.parametrize("deed", AliasDeed)
def test_where_only_looking_is_allowed_there_is_the_command(deed: AliasDeed) -> None:
    is_pinned, is_suspended = deed is AliasDeed.UNPIN, deed is AliasDeed.RESUME
    spec = {"drift": "Restore", **({"version": "3"} if is_pinned else {}), "suspend": is_suspended}
    cluster = Cluster([alias(spec=spec, **HISTORY, **HOLD, **DRIFT)])
    client = browser(cluster, may_write=False)

    page = client.get(f"{PATH}/{deed}").text
    answer = client.post(f"{PATH}/{deed}", data={"uid": UID}, headers=HEADERS)

    assert f"<code>modelalias {deed} churn-champion -n ml" in page
    assert "<form" not in page
    assert answer.status_code == 403
    assert not cluster.patches
    assert not _filed(cluster)


class TestPromoting:
    """Choose, see the verdict, file."""

    def test_the_versions_that_the_page_knows_can_be_chosen(self) -> None:
        judged = [{"metric": "val_auc", "value": "0.9"}]
        staging = alias("churn-staging", current={"version": "5", "since": AT, "judged": judged})
        text = browser(Cluster([alias(**HISTORY), staging])).get(f"{PATH}/promote").text

        found = re.findall(r'<input type="radio" name="version" value="(\d+)"', text)
        assert found == ["5", "2"]
        assert re.findall(r'<span class="sub">([^<]*)</span>', text) == [
            "churn-staging: current",
            "previous",
        ]
        assert "val_auc 0.9" in text
        assert 'name="number"' in text
        assert " checked" not in text

    def test_a_dry_run_is_filed_first_and_its_verdict_shown_on_the_form(self) -> None:
        cluster = Cluster([alias()])
        client = browser(cluster)
        form = client.get(f"{PATH}/promote").text

        answer = client.post(f"{PATH}/promote", data={**_hidden(form), "number": "4"}, headers=HEADERS)

        (filed,) = _filed(cluster)
        name = filed["metadata"]["name"]
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            f"{PATH}/promote?version=4&once={name[-5:]}&judged={name}",
        )
        assert filed["spec"] == {
            "aliasRef": {"name": "churn-champion"},
            "source": {"version": "4"},
            "requestedBy": "ana",
            "dryRun": True,
            "ttlSecondsAfterFinished": 3600,
        }
        assert "has not looked at this request yet" in client.get(answer.headers["location"]).text

        resolved = {"version": "4", "champion": "3", "from": "version 4", "evidence": "sha256:" + "1" * 64}
        told = request_body(**ended("Succeeded", "version 4 would replace 3", resolved=resolved))["status"]
        cluster.bodies[Kind.REQUESTS] = [{**filed, "status": told}]
        shown = client.get(answer.headers["location"]).text

        assert "version 4 would replace 3" in shown
        assert ">0.9<" in shown
        assert "Promote as ana" in shown

    def test_what_is_filed_has_a_page_to_which_the_form_leads(self) -> None:
        cluster = Cluster([alias()])
        client = browser(cluster)
        form = client.get(f"{PATH}/promote?version=4").text
        fields = {"uid": UID, "version": "4", "message": "retrained", "once": _hidden(form)["once"]}

        first = client.post(f"{PATH}/promote", data=fields, headers=HEADERS)
        second = client.post(f"{PATH}/promote", data=fields, headers=HEADERS)

        (filed,) = _filed(cluster)
        name = filed["metadata"]["name"]
        assert re.fullmatch(r"churn-champion-v4-[a-z0-9]{5}", name)
        assert (first.status_code, first.headers["location"]) == (303, f"/r/ml/{name}")
        assert second.headers["location"] == f"/r/ml/{name}", "a form that is sent twice files one request"
        assert filed["spec"]["reason"] == "retrained"

    def test_the_name_of_another_request_is_not_taken_for_ones_own(self) -> None:
        cluster = Cluster([alias()])
        client = browser(cluster)
        fields = {"uid": UID, "version": "4", "once": "bcdfg"}
        client.post(f"{PATH}/promote", data=fields, headers=HEADERS)

        answer = client.post(f"{PATH}/promote", data={**fields, "message": "mine"}, headers=HEADERS)

        assert answer.status_code == 409
        assert "mine</textarea>" in answer.text
        assert len(_filed(cluster)) == 1

    @pytest.mark.parametrize(
        ("spec", "uid"),
        [
            pytest.param({"source": {"version": "5"}}, UID, id="version"),
            pytest.param({"dryRun": False}, UID, id="no-dry-run"),
            pytest.param({"operation": "Rollback", "reason": "slow"}, UID, id="not-judged"),
            pytest.param({"skipGates": True, "reason": "now"}, UID, id="gates-skipped"),
            pytest.param({}, "u-of-a-namesake", id="alias-made-anew"),
        ],
    )
    def test_a_verdict_on_something_else_is_not_shown(self, spec: dict[str, Any], uid: str) -> None:
        resolved = {"version": "4", "champion": "3", "from": "version 4", "aliasUid": uid}
        cluster = Cluster([alias()], [request_body({"dryRun": True, **spec}, resolved=resolved)])

        text = browser(cluster).get(f"{PATH}/promote?version=4&judged=go").text

        assert "There is no verdict to see." in text
        assert ">0.9<" not in text

    @pytest.mark.parametrize("address", ["promote", "promote?version=4", "rollback"])
    def test_back_leads_a_browser_to_the_same_form_which_files_the_same_request(self, address: str) -> None:
        cluster = Cluster([alias(**HISTORY)])
        client = browser(cluster)
        client.headers["Accept"] = "text/html,*/*"
        first = client.get(f"{PATH}/{address}")
        place = first.headers["location"]

        for _ in range(2):
            form = client.get(place)
            assert form.status_code == 200
            fields = {"version": "2", "message": "slow", **_hidden(form.text)}
            answer = client.post(place, data=fields, headers=HEADERS)
            assert answer.status_code == 303

        assert first.status_code == 303
        assert re.fullmatch(rf"{re.escape(f'{PATH}/{address}')}[?&]once=[a-z0-9]{{5}}", place)
        assert len(_filed(cluster)) == 1

    def test_what_is_filed_after_a_verdict_is_another_request_than_the_dry_run(self) -> None:
        cluster = Cluster([alias()])
        client = browser(cluster)
        form = client.get(f"{PATH}/promote").text
        judged = client.post(f"{PATH}/promote", data={**_hidden(form), "number": "4"}, headers=HEADERS)
        fields = _hidden(client.get(judged.headers["location"]).text)

        for _ in range(2):
            client.post(f"{PATH}/promote", data=fields, headers=HEADERS)

        assert [item["spec"].get("dryRun", False) for item in _filed(cluster)] == [True, False]

    def test_who_files_learns_what_stands_before_it_and_what_asks_for_the_same(self) -> None:
        waits = request_body()
        other = request_body({"source": {"version": "5"}}, resolved=None, phase="Queued")
        over, dry = request_body(**ended()), request_body({"dryRun": True})
        for name, body in (("first", waits), ("second", other), ("over", over), ("dry", dry)):
            body["metadata"]["name"] = name
        client = browser(Cluster([alias()], [waits, other, over, dry]))

        text = re.sub(r"<[^>]*>", "", client.get(f"{PATH}/promote?version=4").text)

        assert "Behind first Awaiting approval, second Queued in the queue: it is judged again" in text
        assert "Version 4 is asked for already: first Awaiting approval\n" in text

    def test_where_newer_requests_supersede_nobody_is_said_to_stand_before_them(self) -> None:
        cluster = Cluster([alias(spec={"policy": {"concurrency": "Supersede"}})], [request_body()])

        text = re.sub(r"<[^>]*>", "", browser(cluster).get(f"{PATH}/promote?version=4").text)

        assert "It takes the place of go Awaiting approval once it can go" in text
        assert "Behind" not in text

    @pytest.mark.parametrize(
        ("told", "says", "buttons"),
        [
            pytest.param(ended("Rejected"), "It will be refused", ['class="plain"'], id="refused"),
            pytest.param(
                {**ended("Succeeded"), "conditions": [condition("Complete", "True", "NoOp")]},
                "there is nothing to file",
                [],
                id="there-already",
            ),
            pytest.param(ended("Succeeded"), "Would pass", [""], id="passes"),
        ],
    )
    def test_a_button_stands_out_only_where_the_verdict_lets_it(
        self, told: dict[str, Any], says: str, buttons: list[str]
    ) -> None:
        cluster = Cluster([alias()], [request_body({"dryRun": True}, **told)])

        text = browser(cluster).get(f"{PATH}/promote?version=4&judged=go").text

        assert says in text
        assert [item.strip() for item in re.findall(r"<button([^>]*)>Promote as", text)] == buttons

    def test_the_browser_goes_to_the_verdict_and_a_live_page_leaves_it_where_it_is(self) -> None:
        cluster = Cluster([alias()], [request_body({"dryRun": True}, **ended("Succeeded"))])

        text = browser(cluster).get(f"{PATH}/promote?version=4&judged=go").text

        assert _autofocused(text) == ["verdict"]
        assert "autofocus" not in browser(cluster).get("/r/ml/go").text

    def test_whoever_files_while_it_is_suspended_is_told(self) -> None:
        text = browser(Cluster([alias(spec={"suspend": True})])).get(f"{PATH}/promote?version=4").text

        assert "It is suspended: what you file waits until it is resumed" in text

    @pytest.mark.parametrize(("is_suspended", "times"), [(True, 1), (False, 0)])
    def test_a_pin_of_what_is_suspended_is_said_to_wait(self, is_suspended: bool, times: int) -> None:
        text = browser(Cluster([alias(spec={"suspend": is_suspended})])).get(f"{PATH}/pin").text

        assert text.count("It is suspended: the alias goes there once it is resumed.") == times

    def test_requests_are_rejected_while_it_is_pinned_so_there_is_no_form(self) -> None:
        text = browser(Cluster([alias(spec={"version": "3"})])).get(f"{PATH}/promote").text

        assert "It is pinned: requests are rejected until it is unpinned." in text
        assert "<form" not in text


def test_going_back_offers_what_was_accepted_with_the_one_before_chosen() -> None:
    text = browser(Cluster([alias(**HISTORY)])).get(f"{PATH}/rollback").text

    assert re.findall(r'type="radio" name="version" value="(\d+)"( checked)?', text) == [("2", " checked")]
    assert "retrained" in text
    assert "Go back as ana" in text


@pytest.mark.parametrize(
    ("deed", "form", "field", "sentence"),
    [
        ("promote", {}, "number", "Choose a version, or type its number."),
        ("promote", {"number": "four"}, "number", "give a number such as 4."),
        ("promote", {"version": "4", "message": "x" * 1025}, "message", "At most 1024 characters"),
        ("rollback", {"version": "2"}, "message", "Say why: the reason is kept in the history."),
        ("rollback", {"message": "slow"}, "version", "Choose a version."),
        ("pin", {"version": "3", "number": "4"}, "number", "Version 3 is chosen and 4 typed: which one?"),
        ("pin", {"number": "<b>4"}, "number", "is not a version of a model"),
        ("pin", {}, "number", "Choose a version, or type its number."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_browser_goes_there(
    deed: str, form: dict[str, str], field: str, sentence: str
) -> None:
    cluster = Cluster([alias(**HISTORY)])

    answer = browser(cluster).post(f"{PATH}/{deed}", data={"uid": UID, **form}, headers=HEADERS)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert "<b>4" not in answer.text
    assert _autofocused(answer.text) == [field]
    assert f'aria-describedby="problem-{field}"' in answer.text
    assert not cluster.patches
    assert not _filed(cluster)


@pytest.mark.parametrize(
    ("deed", "form"),
    [
        ("promote", {"version": "4", "message": "not before the holidays"}),
        ("rollback", {"version": "2", "message": "not before the holidays"}),
        ("pin", {"number": "41"}),
        ("suspend", {}),
    ],
)
@pytest.mark.parametrize(
    ("error", "status"), [(Refused("bo may not do that"), 403), (Unavailable("no answer"), 503)]
)
def test_a_refusal_is_told_on_the_same_page_with_what_was_typed(
    deed: str, form: dict[str, str], error: OperatorError, status: int
) -> None:
    cluster = Cluster([alias(**HISTORY)])
    cluster.on_patch = _raising(error)

    answer = browser(cluster).post(f"{PATH}/{deed}", data={"uid": UID, **form}, headers=HEADERS)

    assert answer.status_code == status
    assert f"autofocus>{str(error).capitalize()}</p>" in answer.text
    assert ("not before the holidays</textarea>" in answer.text) is ("message" in form)
    assert ('value="41"' in answer.text) is ("number" in form)


def _raising(error: OperatorError) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize("deed", AliasDeed)
def test_another_alias_of_the_name_is_left_alone(deed: AliasDeed) -> None:
    cluster = Cluster([alias(**HISTORY, **HOLD, **DRIFT)])

    answer = browser(cluster).post(
        f"{PATH}/{deed}", data={"uid": "u-0", "version": "2", "message": "x", "seen": AT}, headers=HEADERS
    )

    assert answer.status_code == 404
    assert "was deleted, and another one was created with its name" in answer.text
    assert not cluster.patches
    assert not _filed(cluster)


@pytest.mark.parametrize(
    ("deed", "spec", "status"),
    [
        ("pin", {"version": "5"}, {}),
        ("unpin", {"version": "5"}, {}),
        ("release", {}, HOLD),
        ("ack", {"drift": "Restore"}, DRIFT),
    ],
)
@pytest.mark.parametrize("is_late", [False, True], ids=["before", "while-it-is-written"])
def test_what_somebody_changed_since_it_was_seen_is_left_alone(
    deed: str, spec: dict[str, Any], status: dict[str, Any], is_late: bool
) -> None:
    now = alias(spec=spec, **status)
    seen = alias(
        spec={**spec, **({"version": "3"} if "version" in spec else {})},
        **{
            **status,
            **({"hold": {"reason": "Failed", "since": "2025-12-31T00:00:00Z"}} if "hold" in status else {}),
            **({"observed": {**DRIFT["observed"], "epoch": 2}} if "observed" in status else {}),
        },
    )
    cluster = Cluster([seen])
    client = browser(cluster)
    form = {**_hidden(client.get(f"{PATH}/{deed}").text), "number": "4"}

    def change() -> None:
        cluster.bodies[Kind.ALIASES] = [{**now, "metadata": {**now["metadata"], "annotations": {"a": "b"}}}]

    if is_late:
        cluster.on_patch = change
    else:
        change()
    answer = client.post(f"{PATH}/{deed}", data=form, headers=HEADERS)

    assert answer.status_code == 422
    assert "Somebody has changed it since you looked, so nothing was written." in answer.text
    assert _written(cluster)["spec"] == now["spec"]
    assert _written(cluster)["metadata"]["annotations"] == {"a": "b"}


@pytest.mark.parametrize(
    ("deed", "form"),
    [("unpin", {"seen": "3"}), ("release", {"seen": AT}), ("ack", {"seen": "9@3"}), ("resume", {})],
)
def test_what_has_ended_by_itself_is_not_an_error(deed: str, form: dict[str, str]) -> None:
    cluster = Cluster([alias()])

    answer = browser(cluster).post(f"{PATH}/{deed}", data={"uid": UID, **form}, headers=HEADERS)

    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    assert not cluster.patches


def test_a_drift_that_cannot_be_acknowledged_while_something_moves_is_not_passed_over() -> None:
    plan = {
        "operation": "Promote",
        "aliases": [{"name": "champion", "from": "3", "to": "4"}],
        "startedAt": AT,
    }
    cluster = Cluster([alias(spec={"drift": "Restore"}, plan=plan, **DRIFT)])

    answer = browser(cluster).post(f"{PATH}/ack", data={"uid": UID, "seen": "9@3"}, headers=HEADERS)

    assert answer.status_code == 422
    assert "so nothing was written." in answer.text
    assert not cluster.patches


def test_a_pin_is_signed_and_what_is_said_has_ones_own_name() -> None:
    cluster = Cluster([alias(spec={"drift": "Restore"}, **HOLD, **DRIFT)])
    client = browser(cluster)

    for deed in ("pin", "release", "ack"):
        form = _hidden(client.get(f"{PATH}/{deed}").text)
        answer = client.post(f"{PATH}/{deed}", data={**form, "version": "3"}, headers=HEADERS)
        assert (answer.status_code, answer.headers["location"]) == (303, PATH)

    assert _written(cluster)["spec"]["version"] == "3"
    assert _written(cluster)["metadata"]["annotations"] == {
        PINNED_BY: "ana",
        RELEASE_HOLD: f"{AT} ana",
        ACKNOWLEDGE_DRIFT: "9@3 ana",
    }
    page = client.get(PATH).text
    assert "The end of the hold was asked for by ana; the operator acts on it." in page


def test_a_program_gets_the_problem_as_json() -> None:
    answer = browser(Cluster([alias(**HISTORY)])).post(
        f"{PATH}/rollback",
        data={"uid": UID, "version": "2"},
        headers={**HEADERS, "Accept": "application/json"},
    )

    assert answer.status_code == 422
    assert answer.json()["problem"] == {
        "text": "Say why: the reason is kept in the history.",
        "field": "message",
    }
    assert [item["version"] for item in answer.json()["targets"]] == ["2"]
