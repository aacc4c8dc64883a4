"""Channels of a real operator: a promotion ends while none of them answers, and what they get is proved and whole."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_stub import Answer, HttpStub, Seen, http_stub
from tests.support.mlflow_server import Server
from tests.support.mounted_secret import MountedSecret
from tests.support.operator_process import OperatorProcess, config_for, running_operator
from tests.support.scraped import Page
from tests.support.seeding import Seeding
from tests.support.stage import Stage

ALIAS = "churn-champion"
CANARY = "c4n4ry"
KEY = f"{CANARY}-key"
SECONDS = 60.0


def _until(holds: Callable[[], bool], what: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)  # poll


def _counted(operator: OperatorProcess) -> Mapping[str, float]:
    """Return how many notices were sent or given up, by channel."""
    counts = {"chat": 0.0, "bus": 0.0}
    for labels, count in Page(operator.scrape()).series("modelalias_notifications_total").items():
        counts[dict(labels)["channel"]] += count
    return counts


def _types(stub: HttpStub) -> list[str]:
    """Return the types of the events, each once however often it was tried."""
    return list({str(seen.values["id"]): str(seen.values["type"]) for seen in list(stub.seen)}.values())


@pytest.mark.usefixtures("kube_api")
def test_a_promotion_ends_while_every_channel_hangs(
    kubeconfig: str, namespace: str, stage: Stage, seeded: Seeding, mlflow_server: Server, tmp_path: Path
) -> None:
    for auc in (0.8, 0.9):
        seeded.version(val_auc=auc)
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion"})
    answering = threading.Event()

    def answer(_: Seen) -> Answer:
        answering.wait(SECONDS)
        return Answer()

    with http_stub(answer) as chat, http_stub(answer) as bus:
        secret = MountedSecret(
            tmp_path / "notify",
            {
                "chat": f"json://{chat.uri.rpartition('/')[2]}/{CANARY}",
                "bus": f"{bus.uri}/{CANARY}",
                "key": KEY,
            },
        )
        config: dict[str, Any] = {
            **config_for(namespace, mlflow_server.uri),
            "logLevel": "DEBUG",
            "notifications": {
                "cluster": "here",
                "channels": {
                    "chat": {"apprise": {"urlFile": str(secret.path("chat"))}},
                    "bus": {
                        "cloudEvents": {
                            "urlFile": str(secret.path("bus")),
                            "hmacKeyFile": str(secret.path("key")),
                        }
                    },
                },
                "routes": [{"namespaces": [namespace], "events": ["*"], "to": ["chat", "bus"]}],
            },
        }
        with running_operator(kubeconfig, config, tmp_path) as operator:
            stage.request("churn-v1", ALIAS, source={"version": "1"})
            stage.complete("churn-v1")
            _until(lambda: bool(bus.seen and chat.seen), operator.tail)
            stage.request("churn-v2", ALIAS, source={"version": "2"})
            stage.complete("churn-v2")
            assert _counted(operator) == {"chat": 0, "bus": 0}, "nothing was waited for"
            assert stage.get("PromotionRequest", "churn-v2")["status"]["phase"] == "Succeeded"

            answering.set()
            request, alias = "dev.modelalias.request.succeeded", "dev.modelalias.alias.moved"
            _until(lambda: sorted(_types(bus)) == [alias] * 2 + [request] * 2, lambda: _types(bus))
            _until(lambda: _counted(operator)["chat"] == 4, operator.tail)
            assert operator.stop() == 0
            log = operator.log.read_text(encoding="utf-8")

    assert CANARY not in log
    assert f"127.0.0.1:{chat.uri.rpartition(':')[2]}" not in log
    for seen in bus.seen:
        body = json.dumps(seen.values, separators=(",", ":")).encode()
        signed = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
        assert seen.headers["X-Signature"] == f"sha256={signed}"
        assert seen.values["source"] == f"/clusters/here/namespaces/{namespace}/modelaliases/{ALIAS}"
    assert {seen.values["title"].partition(":")[0] for seen in chat.seen} == {"Moved", "Succeeded"}
