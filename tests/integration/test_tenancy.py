"""Teams that share an operator: each registry has an account of its own, which may change at any time and is
never told."""

import base64
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from modelalias.reconcile.registry_watch import PROBE
from tests.support.guarded_mlflow import guarded
from tests.support.http_stub import Answer, http_stub
from tests.support.kube_api import KubeApi
from tests.support.mlflow_server import Server, free_port
from tests.support.mounted_secret import MountedSecret
from tests.support.operator_process import config_for, running_operator
from tests.support.seeding import Seeding
from tests.support.stage import WAIT_SECONDS, Stage, condition

ALIAS: Final = "churn-champion"
CONCURRENCY: Final = 6


@pytest.fixture
def neighbour(kubeconfig: str, kube_api: KubeApi) -> Iterator[Stage]:
    """Another team's namespace, which comes second by name: of two claims from the same second the first by
    name is older."""
    stage = Stage(kubeconfig, f"test-z{secrets.token_hex(4)}", kube_api.who_am_i())
    stage.kubectl("create", "namespace", stage.namespace)
    yield stage
    stage.kubectl("delete", "namespace", stage.namespace, "--wait=false")


def _config(namespaces: tuple[str, ...], registries: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a configuration whose registries are looked at often."""
    often = {
        name: {"snapshotInterval": "1s", "concurrency": CONCURRENCY, **item}
        for name, item in registries.items()
    }
    return {
        **config_for(namespaces[0], ""),
        "registries": often,
        "namespaces": [*namespaces],
        "logLevel": "DEBUG",
    }


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _poll(holds: Callable[[], bool], what: str, state: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {WAIT_SECONDS:g} s: {what}\n{state()}"
        time.sleep(0.1)  # poll


def _versions(seeded: Seeding, count: int) -> Mapping[str, Mapping[str, Any]]:
    """Register versions and return a request for each, by name."""
    return {f"v{seeded.version()}": {"source": {"version": str(number + 1)}} for number in range(count)}


def test_a_token_is_rotated_while_promotions_go_on(
    kubeconfig: str, stage: Stage, seeded: Seeding, mlflow_server: Server, tmp_path: Path
) -> None:
    """First as it should be, the old token accepted until the new one is in use; then as it happens, revoked
    at once."""
    mounted = MountedSecret(tmp_path / "mounted", {"token": "first\n"})
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion"})
    with guarded(mlflow_server.uri, "Bearer first", "Bearer second") as guard, ExitStack() as running:
        account = {"uri": guard.uri, "credentials": {"tokenFile": str(mounted.path("token"))}}
        config = _config((stage.namespace,), {"default": account})
        running.enter_context(running_operator(kubeconfig, config, tmp_path))
        early = _versions(seeded, 4)
        stage.requests(ALIAS, early)
        mounted.replace({"token": "second\n"})
        _poll(lambda: "Bearer second" in guard.let_in, "the second token is used", lambda: guard.let_in)
        ended = dict(stage.ended(*early))
        in_good_order = list(guard.turned_away)

        guard.accept("Bearer third")
        began = time.monotonic()
        late = {f"late-{name}": spec for name, spec in early.items()}
        stage.requests(ALIAS, late)
        away = stage.until(
            "modelalias",
            ALIAS,
            lambda it: condition(it["status"], "RegistryReachable")[0] == "False",
            "the refusal is told",
        )
        refused, seconds = list(guard.turned_away), time.monotonic() - began
        mounted.replace({"token": "third\n"})
        ended |= stage.ended(*late)
        after = stage.status("modelalias", ALIAS)

    assert in_good_order == []
    assert {status["phase"] for status in ended.values()} == {"Succeeded"}
    assert condition(away["status"], "RegistryReachable") == ("False", "AuthFailed")
    assert set(refused) == {"Bearer second"}
    assert len(refused) <= 2 * CONCURRENCY + 2 * seconds / PROBE.total_seconds(), (
        "a refusal is probed, not hammered at"
    )
    assert guard.let_in[-1] == "Bearer third"
    assert condition(after, "RegistryReachable") == ("True", "Reachable")
    assert seeded.aliases() == {"champion": "4"}


def test_teams_keep_their_accounts_their_models_and_their_names_to_themselves(
    kubeconfig: str,
    stage: Stage,
    neighbour: Stage,
    seeded: Seeding,
    mlflow_server: Server,
    tmp_path: Path,
) -> None:
    files = MountedSecret(
        tmp_path / "mounted", {"token": "ours", "user": "risk", "password": "theirs", "lent": "lent"}
    )
    theirs = Seeding(mlflow_server.uri, f"fraud-{secrets.token_hex(4)}")
    by_password = {"usernameFile": str(files.path("user")), "passwordFile": str(files.path("password"))}
    with guarded(mlflow_server.uri, "Bearer ours", "Bearer lent") as our_guard, ExitStack() as running:
        their_guard = running.enter_context(guarded(mlflow_server.uri, _basic("risk", "theirs")))
        may = {"namespaces": [neighbour.namespace], "models": ["*"]}
        registries: dict[str, Any] = {
            "ours": {
                "uri": our_guard.uri,
                "allow": [{"namespaces": [stage.namespace], "models": ["churn-*"]}],
                "credentials": {"tokenFile": str(files.path("token"))},
            },
            "lent": {
                "uri": f"{our_guard.uri}/",
                "allow": [may],
                "credentials": {"tokenFile": str(files.path("lent"))},
            },
            "theirs": {"uri": their_guard.uri, "allow": [may], "credentials": by_password},
        }
        stage.apply("ModelAlias", ALIAS, {"registry": "ours", "model": seeded.model, "alias": "champion"})
        neighbour.apply(
            "ModelAlias", "own", {"registry": "theirs", "model": theirs.model, "alias": "champion"}
        )
        neighbour.apply(
            "ModelAlias", "foreign", {"registry": "ours", "model": seeded.model, "alias": "other"}
        )
        neighbour.apply(
            "ModelAlias", "second", {"registry": "lent", "model": seeded.model, "alias": "champion"}
        )
        config = _config((stage.namespace, neighbour.namespace), registries)
        with pytest.MonkeyPatch.context() as environment:
            for name in (
                "TRACKING_TOKEN",
                "TRACKING_USERNAME",
                "TRACKING_PASSWORD",
                "TRACKING_AUTH",
                "WORKSPACE",
            ):
                environment.setenv(f"MLFLOW_{name}", "from-the-environment")
            running.enter_context(running_operator(kubeconfig, config, tmp_path))
        ours, fraud = _versions(seeded, 4), _versions(theirs, 4)
        stage.requests(ALIAS, ours)
        neighbour.requests("own", fraud)
        neighbour.request("foreign-v1", "foreign", source={"version": "1"})
        neighbour.request("second-v1", "second", source={"version": "1"})
        ended = [*stage.ended(*ours).values(), *neighbour.ended(*fraud).values()]
        waits = {
            name: neighbour.until(
                "promotionrequest", f"{name}-v1", lambda it: "phase" in it.get("status", {}), "it is told"
            )
            for name in ("foreign", "second")
        }

    assert {status["phase"] for status in ended} == {"Succeeded"}
    assert (set(our_guard.let_in), our_guard.turned_away) == ({"Bearer ours", "Bearer lent"}, [])
    assert (set(their_guard.let_in), their_guard.turned_away) == ({_basic("risk", "theirs")}, [])
    assert seeded.aliases() == {"champion": "4"}
    assert theirs.aliases() == {"champion": "4"}
    assert {name: condition(it["status"], "Complete")[1] for name, it in waits.items()} == {
        "foreign": "ModelNotAllowed",
        "second": "Conflict",
    }
    told = _told(neighbour)
    assert "an older ModelAlias of another namespace claims the same alias" in told
    assert stage.namespace not in told
    assert ALIAS not in told


def test_no_secret_is_told(
    kubeconfig: str, stage: Stage, seeded: Seeding, mlflow_server: Server, tmp_path: Path
) -> None:
    """A registry that works, one that refuses, one that answers with nonsense, one that is away; each address
    has a secret."""
    mounted = MountedSecret(
        tmp_path / "mounted", {"token": "t0ken-value", "user": "the-user", "password": "passw0rd-value"}
    )
    token = {"tokenFile": str(mounted.path("token"))}
    password = {"usernameFile": str(mounted.path("user")), "passwordFile": str(mounted.path("password"))}
    word, path = _basic("the-user", "passw0rd-value"), "/s3cret-path"
    nonsense = Answer({"message": f"{word} {path}"}, 500, {"X-Odd": f"1\r\n{word} is no header"})
    with guarded(mlflow_server.uri, word, prefix=path) as working, ExitStack() as running:
        refusing = running.enter_context(guarded(mlflow_server.uri, prefix=path))
        broken = running.enter_context(http_stub(lambda _: nonsense))
        registries = {
            "working": {"uri": working.uri, "credentials": password},
            "refusing": {"uri": refusing.uri, "credentials": token},
            "broken": {"uri": broken.uri + path, "credentials": password},
            "away": {"uri": f"http://127.0.0.1:{free_port()}{path}", "credentials": token},
            "unreadable": {
                "uri": working.uri,
                "credentials": {"tokenFile": str(tmp_path / "s3cret-path" / "token")},
            },
        }
        process = running.enter_context(
            running_operator(kubeconfig, _config((stage.namespace,), registries), tmp_path)
        )
        seeded.version()
        for name in registries:
            stage.apply("ModelAlias", name, {"registry": name, "model": seeded.model, "alias": name})
            stage.request(f"{name}-v1", name, source={"version": "1"})
        ended = stage.complete("working-v1")
        found = {
            name: stage.until("modelalias", name, _tells_why, "it says why", 30)
            for name in registries
            if name != "working"
        }
        log = process.log.read_text()

    assert ended["phase"] == "Succeeded"
    assert {name: condition(it["status"], "RegistryReachable")[1] for name, it in found.items()} == {
        "refusing": "AuthFailed",
        "broken": "Unreachable",
        "away": "Unreachable",
        "unreadable": "AuthFailed",
    }
    told = _told(stage)
    encoded = word.removeprefix("Basic ")
    for secret in ("t0ken-value", "passw0rd-value", "the-user", encoded, "s3cret-path"):
        assert secret not in log, _around(log, secret)
        assert secret not in told, _around(told, secret)


def _tells_why(found: Mapping[str, Any]) -> bool:
    return condition(found.get("status", {}), "RegistryReachable")[0] == "False"


def _told(stage: Stage) -> str:
    """Return all that a team can read of what the operator writes: its objects and events."""
    return stage.kubectl("get", "modelaliases,promotionrequests,events", "-o", "json")


def _around(text: str, secret: str) -> str:
    return text[max(text.index(secret) - 500, 0) :][:1000]
