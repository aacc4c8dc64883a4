"""Where credentials come from, when they are read again, and that no other source has a say."""

import asyncio
import base64
import os
from pathlib import Path

import pytest

from modelalias.adapters.mlflow_registry import open_registry
from modelalias.core.errors import Refused, Unavailable
from modelalias.servers import Credentials
from modelalias.settings import RegistrySettings
from tests.support.certificates import certificate_of_nobody
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub
from tests.support.mounted_secret import MountedSecret

MODEL = {"registered_model": {"name": "churn"}}


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first-token\n")
    return path


async def read(uri: str, credentials: Credentials, times: int = 1) -> None:
    registry = open_registry(RegistrySettings(uri=uri, credentials=credentials))
    try:
        for _ in range(times):
            await registry.aliases("churn")
    finally:
        await registry.close()


def sent(stub: HttpStub) -> list[str | None]:
    return [seen.headers.get("Authorization") for seen in stub.seen]


async def test_a_token_is_a_bearer(token_file: Path) -> None:
    with http_stub(lambda _: Answer(MODEL)) as stub:
        await read(stub.uri, Credentials(token_file=token_file))

    assert sent(stub) == ["Bearer first-token"]


async def test_name_and_password_are_basic(tmp_path: Path) -> None:
    user, password = tmp_path / "user", tmp_path / "password"
    user.write_text("ana")
    password.write_text("pä:ss\n")

    with http_stub(lambda _: Answer(MODEL)) as stub:
        await read(stub.uri, Credentials(username_file=user, password_file=password))

    assert sent(stub) == ["Basic " + base64.b64encode("ana:pä:ss".encode()).decode()]


async def test_nothing_is_taken_from_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password from-netrc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "from-the-environment")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "eve")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "from-the-environment")
    monkeypatch.setenv("MLFLOW_TRACKING_AUTH", "from-the-environment")
    monkeypatch.setenv("MLFLOW_TRACKING_AWS_SIGV4", "true")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "from-the-environment")

    with http_stub(lambda _: Answer(MODEL)) as stub:
        await read(stub.uri, Credentials())

    (seen,) = stub.seen
    assert {name.lower() for name in seen.headers} == {
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "connection",
    }
    assert seen.headers["User-Agent"] == "modelalias"


async def test_a_workspace_is_the_registrys_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_WORKSPACE", "from-the-environment")

    with http_stub(lambda _: Answer(MODEL)) as stub:
        registry = open_registry(RegistrySettings(uri=stub.uri, workspace="risk"))
        await registry.aliases("churn")
        await registry.close()

    assert [
        seen.headers.get("X-Mlflow-Workspace") or seen.headers.get("X-MLFLOW-WORKSPACE") for seen in stub.seen
    ] == ["risk"]


async def test_many_calls_of_two_registries_at_one_address_keep_their_own(
    tmp_path: Path, token_file: Path
) -> None:
    """Each asks for another model, so that what arrived says who had asked; calls go out from all threads at
    once."""
    other = tmp_path / "other"
    other.write_text("other-token")
    files = {"ours": token_file, "theirs": other}

    def respond(seen: Seen) -> Answer:
        return Answer(
            {
                "model_version": {"name": seen.values["name"], "version": "1", "status": "READY"},
                "artifact_uri": "a:/b",
            },
            headers={"Set-Cookie": f"session={seen.values['name']}"},
        )

    with http_stub(respond) as stub:
        registries = {
            model: open_registry(RegistrySettings(uri=stub.uri, credentials=Credentials(token_file=file)))
            for model, file in files.items()
        }
        await asyncio.gather(
            *(registries[model].artifact_address(model, "1") for _ in range(50) for model in files)
        )
        for registry in registries.values():
            await registry.close()

    sent = [seen for seen in stub.seen if seen.path.endswith("/get-download-uri")]
    asked = {(seen.values["name"], seen.headers.get("Authorization")) for seen in sent}
    assert len(sent) == 100
    assert asked == {("ours", "Bearer first-token"), ("theirs", "Bearer other-token")}
    assert [seen for seen in stub.seen if "Cookie" in seen.headers] == []


async def test_a_file_that_the_kubelet_swaps_is_used_from_the_next_call(tmp_path: Path) -> None:
    mounted = MountedSecret(tmp_path / "mounted", {"token": "first-token"})

    def respond(_: Seen) -> Answer:
        mounted.replace({"token": "other-token"})
        return Answer(MODEL)

    with http_stub(respond) as stub:
        await read(stub.uri, Credentials(token_file=mounted.path("token")), times=2)

    assert sent(stub) == ["Bearer first-token", "Bearer other-token"]


async def test_name_and_password_that_change_between_two_reads_are_read_again(tmp_path: Path) -> None:
    """A swap may come after the name was read and before the password is: the refusal has both read afresh."""
    mounted = MountedSecret(tmp_path / "mounted", {"user": "ana", "password": "new-password"})
    credentials = Credentials(username_file=mounted.path("user"), password_file=mounted.path("password"))
    right = "Basic " + base64.b64encode(b"bo:new-password").decode()

    def respond(seen: Seen) -> Answer:
        if seen.headers.get("Authorization") == right:
            return Answer(MODEL)
        mounted.replace({"user": "bo", "password": "new-password"})
        return Answer(b"", 401)

    with http_stub(respond) as stub:
        await read(stub.uri, credentials)

    assert len(stub.seen) == 2


async def test_a_token_that_no_header_may_carry_is_refused_and_not_repeated(tmp_path: Path) -> None:
    mounted = MountedSecret(tmp_path / "mounted", {"token": "t\u00f6ken"})

    with http_stub(lambda _: Answer(MODEL)) as stub, pytest.raises(Refused, match="token") as failure:
        await read(stub.uri, Credentials(token_file=mounted.path("token")))

    assert stub.seen == []
    assert "t\u00f6ken" not in str(failure.value)


async def test_a_changed_file_is_used_from_the_next_call(token_file: Path) -> None:
    def respond(_: Seen) -> Answer:
        token_file.write_text("second-token, longer")
        return Answer(MODEL)

    with http_stub(respond) as stub:
        await read(stub.uri, Credentials(token_file=token_file), times=2)

    assert sent(stub) == ["Bearer first-token", "Bearer second-token, longer"]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_reads_the_file_once_more(token_file: Path, status: int) -> None:
    """The new token has the old one's length and time, so that only the refusal can make it seen."""

    def respond(seen: Seen) -> Answer:
        if seen.headers.get("Authorization") == "Bearer other-token":
            return Answer(MODEL)
        stamp = token_file.stat()
        with token_file.open("r+") as file:
            file.write("other-token\n")
        os.utime(token_file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        return Answer(b"expired", status)

    with http_stub(respond) as stub:
        await read(stub.uri, Credentials(token_file=token_file))

    assert sent(stub) == ["Bearer first-token", "Bearer other-token"]


@pytest.mark.parametrize("status", [401, 403])
async def test_the_same_credentials_are_not_tried_again(token_file: Path, status: int) -> None:
    answer = Answer({"message": "first-token is bad"}, status)

    with http_stub(lambda _: answer) as stub, pytest.raises(Refused, match=str(status)) as failure:
        await read(stub.uri, Credentials(token_file=token_file))

    assert len(stub.seen) == 1
    assert "first-token" not in str(failure.value)


async def test_new_credentials_that_are_refused_too_are_the_last_try(token_file: Path) -> None:
    tries = iter(range(10))

    def respond(_: Seen) -> Answer:
        token_file.write_text(f"token-number-{next(tries)}")
        return Answer(b"expired", 401)

    with http_stub(respond) as stub, pytest.raises(Refused):
        await read(stub.uri, Credentials(token_file=token_file))

    assert len(stub.seen) == 2


@pytest.mark.parametrize("content", [None, b"", b"\n", b"two\nlines", b"\xff\xfe", b"nul\x00"])
async def test_a_file_that_holds_no_credential_is_refused_before_anything_is_sent(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)

    with (
        http_stub(lambda _: Answer(MODEL)) as stub,
        pytest.raises(Refused, match="credentials file token") as failure,
    ):
        await read(stub.uri, Credentials(token_file=path))

    assert stub.seen == []
    assert str(tmp_path) not in str(failure.value)


async def test_a_ca_file_is_what_the_connection_is_trusted_by(tmp_path: Path) -> None:
    certificate, tls = certificate_of_nobody(tmp_path)

    with http_stub(lambda _: Answer(MODEL), tls=tls) as stub:
        await read(stub.uri, Credentials(ca_file=certificate))
        with pytest.raises(Unavailable, match="caFile"):
            await read(stub.uri, Credentials())

    assert len(stub.seen) == 1


async def test_a_changed_ca_file_is_what_the_next_call_is_trusted_by(tmp_path: Path) -> None:
    """The connection is kept alive, so that without a look at the file the old trust would go on."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    certificate, tls = certificate_of_nobody(tmp_path / "a")
    stranger, _ = certificate_of_nobody(tmp_path / "b")
    mounted = MountedSecret(tmp_path / "mounted", {"ca": certificate.read_text()})

    with http_stub(lambda _: Answer(MODEL), tls=tls) as stub:
        registry = open_registry(
            RegistrySettings(uri=stub.uri, credentials=Credentials(ca_file=mounted.path("ca")))
        )
        await registry.aliases("churn")
        mounted.replace({"ca": stranger.read_text()})
        with pytest.raises(Unavailable, match="caFile"):
            await registry.aliases("churn")
        mounted.replace({"ca": certificate.read_text()})
        await registry.aliases("churn")
        await registry.close()

    assert len(stub.seen) == 2


async def test_a_ca_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        http_stub(lambda _: Answer(MODEL)) as stub,
        pytest.raises(Refused, match=r"credentials file ca\.crt") as failure,
    ):
        await read(stub.uri, Credentials(ca_file=tmp_path / "ca.crt"))

    assert str(tmp_path) not in str(failure.value)
