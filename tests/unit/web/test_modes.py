"""Who is looking at a dashboard that is deployed, and what each mode believes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from modelalias.cli import main
from modelalias.cli.kubeconfig import Access
from modelalias.core.errors import InvalidRequest
from modelalias.web import app as pages
from modelalias.web import config as configuration
from modelalias.web.app import HEADERS
from modelalias.web.config import DashboardConfig
from modelalias.web.deployed import deployed
from modelalias.web.identity import Person
from modelalias.web.reading import Reader
from modelalias.web.visit import Visit
from tests.support.web_site import Cluster, alias

HOST: Final = "models.example"
ORIGIN: Final = f"https://{HOST}"
OWN: Final = Access("ml", {"server": "https://10.0.0.1"}, {"token": "the-dashboards-own"})
POD: Final = Access("ml")
ENVIRON: Final = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
PROXIED: Final = {"X-Forwarded-User": "ana", "X-Forwarded-Groups": "ml-leads,everybody"}
BEARER: Final = {"Authorization": "Bearer abc.def-g_h"}


class Deployment:
    """A dashboard, and who has looked."""

    def __init__(self, mode: str, own: Access = OWN, **auth: Any) -> None:
        self.people: list[Person] = []
        self.cluster = Cluster([alias()])
        config = DashboardConfig.model_validate(
            {
                "auth": {"mode": mode, **auth},
                "hosts": [HOST, "localhost"],
                "mlflow": {"default": "https://ml"},
            }
        )
        self.client = TestClient(deployed(config, own, ENVIRON, self._opened), base_url=ORIGIN)

    def _opened(self, person: Person) -> Reader:
        self.people.append(person)
        return self.cluster

    def code(self, headers: Mapping[str, str], path: str = "/") -> int:
        return self.client.get(path, headers=headers).status_code


@pytest.fixture
def form(monkeypatch: pytest.MonkeyPatch) -> list[Person]:
    """A form that takes anything, and who has sent it."""
    sent: list[Person] = []

    async def take(visit: Visit) -> Any:
        sent.append(visit.person)
        return PlainTextResponse("done")

    monkeypatch.setattr(pages, "FORMS", {"/do": take})
    return sent


def test_a_viewer_sees_what_the_dashboard_may_and_changes_nothing(form: list[Person]) -> None:
    viewer = Deployment("viewer")

    text = viewer.client.get("/", headers={**PROXIED, **BEARER}).text
    sent = viewer.client.post("/do", headers={"Origin": ORIGIN})

    assert "read only" in text
    assert [person.access for person in viewer.people] == [Access("default", OWN.cluster, OWN.user)]
    assert sent.status_code == 403
    assert not form


def test_a_bearer_acts_with_the_forwarded_token_and_with_nothing_else() -> None:
    bearer = Deployment("bearer", replace(OWN, acts_as="admin", groups=("admins",)))

    assert bearer.code(BEARER) == 200
    assert [person.access for person in bearer.people] == [
        Access("default", OWN.cluster, {"token": "abc.def-g_h"})
    ]
    assert bearer.people[0].may_write


def test_a_bearer_in_a_pod_never_uses_the_pods_account() -> None:
    bearer = Deployment("bearer", POD)
    bearer.code(BEARER)

    (person,) = bearer.people
    assert person.access.cluster == {
        "server": "https://[fd00::1]:6443",
        "certificate-authority": "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
    }
    assert person.access.user == {"token": "abc.def-g_h"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer a b"},
        {"Authorization": "Bearer a, Bearer b"},
        {"Authorization": f"Bearer {'a' * 20_000}"},
        PROXIED,
        {"Cookie": "token=abc"},
    ],
    ids=lambda value: str(value)[:40],
)
def test_without_a_token_nobody_is_signed_in(headers: Mapping[str, str]) -> None:
    bearer = Deployment("bearer")

    answer = bearer.client.get("/", headers=headers)

    assert answer.status_code == 401
    assert "Authorization: Bearer" in answer.text
    assert not bearer.people


def test_links_to_mlflow_lead_where_the_configuration_says() -> None:
    assert 'href="https://ml/#/models/churn"' in Deployment("viewer").client.get("/m/default/churn").text


def test_no_person_is_written_with_their_token() -> None:
    bearer = Deployment("bearer")
    bearer.code(BEARER)

    assert "abc" not in repr(bearer.people)


def test_the_impersonated_are_whom_the_proxy_names(form: list[Person]) -> None:
    acting = Deployment("impersonate")

    assert acting.code(PROXIED) == 200
    assert acting.client.post("/do", headers={**PROXIED, "Origin": ORIGIN}).status_code == 403
    (person,) = acting.people
    assert person.access == Access("default", OWN.cluster, OWN.user, "ana", ("everybody", "ml-leads"))
    assert not person.may_write
    assert not form


def test_the_impersonated_write_where_that_was_chosen(form: list[Person]) -> None:
    acting = Deployment("impersonate", writes=True)

    assert acting.client.post("/do", headers={**PROXIED, "Origin": ORIGIN}).status_code == 200
    assert [person.access.acts_as for person in form] == ["ana"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 401),
        ({"X-Forwarded-User": " "}, 401),
        ({"X-Forwarded-Groups": "ml-leads"}, 401),
        (BEARER, 401),
        ({"X-Forwarded-User": "system:admin"}, 403),
        ({"X-Forwarded-User": "System:Admin"}, 403),
        ({"X-Forwarded-User": "system:serviceaccount:ml:default"}, 403),
        ({"X-Forwarded-User": "ana", "X-Forwarded-Groups": "a, system:masters"}, 403),
        ({"X-Forwarded-User": "an\u00e4"}, 403),
        ({"X-Forwarded-User": "a" * 254}, 403),
        ({"X-Forwarded-User": "ana", "X-Forwarded-Groups": ",".join(map(str, range(201)))}, 403),
    ],
    ids=lambda value: str(value)[:60],
)
def test_nobody_else_is_impersonated(headers: Mapping[str, str], code: int) -> None:
    acting = Deployment("impersonate")

    sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}

    assert acting.client.get("/", headers=sent).status_code == code
    assert not acting.people


@pytest.mark.parametrize(
    "name", ["X-Forwarded-User", "X-Forwarded-Groups", "Authorization", "Host", "Origin"]
)
def test_a_header_that_is_believed_stands_once(name: str) -> None:
    acting = Deployment("impersonate")
    twice = [*PROXIED.items(), ("Host", HOST), (name, HOST if name == "Host" else "bo")]
    if name not in {*PROXIED, "Host"}:
        twice.append((name, "bo"))

    answer = acting.client.get("/", headers=twice)

    assert answer.status_code == 400
    assert "more than one" in answer.text
    assert not acting.people


@pytest.mark.parametrize("mode", ["viewer", "bearer", "impersonate"])
@pytest.mark.parametrize(
    ("host", "code"),
    [
        (HOST, 200),
        (f"{HOST}:8443", 200),
        ("MODELS.example", 200),
        ("localhost:8300", 200),
        ("10.1.2.3:8300", 400),
        (f"{HOST}.evil.example", 400),
        (f"evil.example@{HOST}", 400),
        (f"{HOST}:x", 400),
        (f"{HOST}/", 400),
        ("", 400),
    ],
)
def test_only_names_of_the_dashboard_are_answered(mode: str, host: str, code: int) -> None:
    answer = Deployment(mode).client.get("/", headers={**PROXIED, **BEARER, "Host": host})

    assert answer.status_code == code
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_the_kubelet_asks_by_any_name() -> None:
    assert Deployment("bearer").code({"Host": "10.1.2.3:8300"}, "/healthz") == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Origin": ORIGIN}, 200),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Host": "localhost:8300", "Origin": "http://localhost:8300"}, 200),
        ({}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": f"http://{HOST}"}, 403),
        ({"Origin": f"{ORIGIN}:8443"}, 403),
        ({"Origin": "https://localhost"}, 403),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "none"}, 403),
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["bearer", "impersonate"])
def test_what_changes_something_comes_from_our_page(
    mode: str, headers: Mapping[str, str], code: int, form: list[Person]
) -> None:
    auth: dict[str, Any] = {"writes": True} if mode == "impersonate" else {}
    whose = {"bearer": BEARER, "impersonate": PROXIED}[mode]

    answer = Deployment(mode, **auth).client.post("/do", headers={**whose, **headers})

    assert answer.status_code == code
    assert bool(form) is (code == 200)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", ["auth", "hosts"]),
        ("a: [", ["not YAML"]),
        ("auth: {mode: local}\nhosts: [a]", ["auth.mode", "viewer"]),
        ("auth: {mode: viewer}", ["hosts"]),
        ("auth: {mode: viewer}\nhosts: []", ["hosts"]),
        ("auth: {mode: viewer}\nhosts: ['https://a']", ["hosts.0"]),
        ("auth: {mode: viewer, token: x}\nhosts: [a]", ["auth.token"]),
        ("auth: {mode: viewer, writes: true}\nhosts: [a]", ["mode viewer never writes"]),
        ("auth: {mode: bearer, writes: false}\nhosts: [a]", ["mode bearer always writes"]),
        ("auth: {mode: impersonate}\nhosts: [a]\nlisten: {address: 0.0.0.0}", ["has to be 127.0.0.1"]),
        ("auth: {mode: impersonate}\nhosts: [a]\nlisten: {address: '::'}", ["has to be 127.0.0.1"]),
        ("auth: {mode: viewer}\nhosts: [a]\nlisten: {address: localhost}", ["IP address"]),
        ("auth: {mode: viewer}\nhosts: [a]\nlisten: {port: 70000}", ["listen.port"]),
        (
            "auth: {mode: viewer}\nhosts: [a]\nmlflow: {default: 'https://a:b@c'}",
            ["mlflow", "without credentials"],
        ),
    ],
)
def test_a_configuration_that_is_wrong_says_where(tmp_path: Path, body: str, words: Sequence[str]) -> None:
    path = tmp_path / "dashboard.yaml"
    path.write_text(body)

    with pytest.raises(InvalidRequest) as raised:
        configuration.read(path)

    assert all(word in str(raised.value) for word in words), raised.value


@pytest.mark.parametrize(
    "more", [["--port", "1"], ["--read-only"], ["--as", "bo"], ["-n", "ml"], ["--operator-namespace", "o"]]
)
def test_what_is_for_oneself_does_not_go_with_a_configuration(
    more: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = main.main(["dashboard", "--config", "nowhere.yaml", *more])

    assert code == 2
    assert "for yourself: --config has" in capsys.readouterr().err


def test_a_configuration_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["dashboard", "--config", "nowhere.yaml"]) == 2
    assert "nowhere.yaml" in capsys.readouterr().err
