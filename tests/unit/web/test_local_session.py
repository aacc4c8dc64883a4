"""Who gets in on a person's own machine, and what is refused at the door."""

from collections.abc import Mapping

import pytest
from starlette.testclient import TestClient

from modelalias.web.app import HEADERS, app
from tests.support.web_site import HOST, ORIGIN, Cluster, alias, browser, site, stranger

SAME = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


def test_the_printed_address_opens_the_pages_once() -> None:
    pages, session = site(Cluster([alias()]))
    first, second = (TestClient(app(pages), base_url=ORIGIN) for _ in range(2))
    token = session.token

    before = first.get("/").status_code
    opened = first.get("/", params={"token": token})
    used = second.get("/", params={"token": token})

    assert before == 401
    assert opened.status_code == 200
    assert opened.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert str(token) not in opened.text
    assert first.get("/").status_code == 200
    assert used.status_code == 401
    assert "modelalias dashboard" in used.text
    assert second.get("/").status_code == 401


def test_the_same_browser_may_open_the_address_again() -> None:
    pages, session = site(Cluster())
    client, token = TestClient(app(pages), base_url=ORIGIN), session.token
    client.get("/", params={"token": token})

    assert client.get("/", params={"token": token}).status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", "ä"])
def test_another_token_opens_nothing_and_uses_nothing_up(token: str) -> None:
    pages, session = site(Cluster())
    client, right = TestClient(app(pages), base_url=ORIGIN), session.token

    assert client.get("/", params={"token": token}).status_code == 401
    assert client.head("/", params={"token": right}).status_code == 401
    assert client.get("/", params={"token": right}).status_code == 200


@pytest.mark.parametrize(
    "cookie", ["", "modelalias-8300=wrong", "modelalias-8300", "modelalias-8300=ä", "=;=", "a b"]
)
def test_another_cookie_is_no_session(cookie: str) -> None:
    assert stranger(Cluster()).get("/", headers={b"Cookie": cookie.encode()}).status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (HOST, 200),
        ("localhost:8300", 200),
        ("localhost:9000", 200),
        ("[::1]:8300", 200),
        ("evil.example:8300", 400),
        ("127.0.0.1.evil.example", 400),
        ("localhost.evil.example:8300", 400),
        ("127.0.0.1:8300@evil.example", 400),
        ("", 400),
    ],
)
def test_another_host_is_refused(host: str, status: int) -> None:
    client = browser(Cluster())
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())

    assert client.get("/", headers={"Host": host, "Cookie": cookies}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-site"}, 403),
        ({**SAME, "Sec-Fetch-Site": "cross-site"}, 403),
        ({**SAME, "Sec-Fetch-Site": "none"}, 403),
        (SAME, 405),
        ({"Origin": ORIGIN}, 405),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_changes_something_must_come_from_our_page(
    method: str, headers: Mapping[str, str], status: int
) -> None:
    assert browser(Cluster()).request(method, "/", headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/", "/nope", "/healthz", "/static/page.css", "/static/nope", "/a/ml/nope"])
def test_every_answer_has_the_headers(path: str) -> None:
    answer = browser(Cluster()).get(path)

    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    kept = "private, max-age=604800" if path.startswith("/static/") else "no-store"
    assert answer.headers["cache-control"] == kept


def test_a_refusal_at_the_door_has_the_headers_too() -> None:
    answer = stranger(Cluster()).get("/", headers={"Host": "evil.example"})

    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_a_large_body_is_not_read() -> None:
    answer = browser(Cluster()).post("/", headers=SAME, content=b"x" * 300_000)

    assert answer.status_code == 413
