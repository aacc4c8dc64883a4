"""What a delivery of MLflow's webhooks has to show, against MLflow's own signing."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from mlflow.entities.webhook import Webhook, WebhookAction, WebhookEntity, WebhookEvent
from mlflow.webhooks import constants
from mlflow.webhooks import delivery as mlflows

from modelalias import webhook_deliveries
from modelalias.webhook_deliveries import Deliveries, Delivery, Verdict, signature_of

SHARED: Final = "s\N{LATIN SMALL LETTER E WITH ACUTE}cret"
NOW: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)
BODY: Final = json.dumps({"data": {"name": "churn", "alias": "champion", "version": "4"}}).encode()


class _Wall:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def _delivery(age: float = 0, **changes: Any) -> Delivery:
    """Return a delivery that MLflow signed so long ago, in which something was changed afterwards."""
    timestamp = str(int((NOW - timedelta(seconds=age)).timestamp()))
    signed = mlflows._generate_hmac_signature(  # noqa: SLF001 - there is no public name for it
        SHARED, "id-1", timestamp, BODY.decode()
    )
    return Delivery("id-1", timestamp, signed, BODY)._replace(**changes)


def _signed(delivery_id: str, timestamp: str, body: bytes = BODY, key: str = SHARED) -> Delivery:
    delivery = Delivery(delivery_id, timestamp, "", body)
    return delivery._replace(signature=signature_of(key.encode(), delivery).decode())


def _judge(delivery: Delivery, secret: str = SHARED) -> Verdict:
    return Deliveries(_Wall()).judge(secret.encode(), delivery)


def test_the_names_are_those_of_mlflow() -> None:
    assert (webhook_deliveries.SIGNATURE, webhook_deliveries.DELIVERY_ID, webhook_deliveries.TIMESTAMP) == (
        constants.WEBHOOK_SIGNATURE_HEADER,
        constants.WEBHOOK_DELIVERY_ID_HEADER,
        constants.WEBHOOK_TIMESTAMP_HEADER,
    )


def test_what_mlflow_sends_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of MLflow's sending, but for the wire."""
    sent: dict[str, Any] = {}

    class Session:
        def post(self, url: str, *, data: bytes, headers: Mapping[str, str], timeout: int) -> None:
            sent.update(url=url, timeout=timeout, headers=headers, body=data)

    monkeypatch.setattr(mlflows, "_validate_webhook_url", lambda _: None)
    event = WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.CREATED)
    webhook = Webhook("w", "hint", "https://op/webhooks/default", [event], 0, 0, secret=SHARED)
    payload = {"name": "ch\N{LATIN SMALL LETTER U WITH DIAERESIS}rn", "alias": "champion", "version": "4"}

    send = mlflows._send_webhook_request  # noqa: SLF001 - as above
    send(webhook, payload, event, Session())  # type: ignore[arg-type]  # a stand-in

    names = (webhook_deliveries.DELIVERY_ID, webhook_deliveries.TIMESTAMP, webhook_deliveries.SIGNATURE)
    delivery_id, timestamp, signature = (sent["headers"][name] for name in names)
    wall = _Wall()
    wall.now = datetime.fromtimestamp(int(timestamp), UTC)
    delivery = Delivery(delivery_id, timestamp, signature, sent["body"])
    assert Deliveries(wall).judge(SHARED.encode(), delivery) is Verdict.NEW


@pytest.mark.parametrize(
    "delivery",
    [
        _delivery(signature=""),
        _delivery(signature="v1,"),
        _delivery(signature=_delivery().signature[3:]),
        _delivery(signature=_delivery().signature.replace("v1", "v2")),
        _delivery(signature=_delivery().signature[:-1]),
        _delivery(signature=_delivery().signature + "="),
        _delivery(signature=f"v1,{hashlib.sha256(BODY).hexdigest()}"),
        _delivery(signature="v1,\udcff\N{CYRILLIC SMALL LETTER A}"),
        _delivery(id="id-2"),
        _delivery(id=""),
        _delivery(id="\udcff"),
        _delivery(timestamp=str(int(NOW.timestamp()) + 1)),
        _delivery(timestamp=""),
        _delivery(timestamp="\N{ARABIC-INDIC DIGIT ONE}"),
        _delivery(body=BODY + b" "),
        _delivery(body=b""),
        _signed("id-1", str(int(NOW.timestamp())), key="other"),
        _signed("id-1", f"-{int(NOW.timestamp())}"),
        _signed("id-1", f"{int(NOW.timestamp())}.0"),
        _signed("id-1", 400 * "9"),
        _signed("id.1", str(int(NOW.timestamp()))),
        _signed(129 * "i", str(int(NOW.timestamp()))),
    ],
)
def test_what_nobody_who_knows_the_secret_has_signed_is_not_proved(delivery: Delivery) -> None:
    assert _judge(delivery) is Verdict.UNPROVED


def test_the_end_of_the_id_is_no_part_of_the_time() -> None:
    """One signature proves one id, one time and one body."""
    at = str(int(NOW.timestamp()))
    first = _signed("id", "1", f"{at}.{{}}".encode())

    assert _judge(Delivery("id.1", at, first.signature, b"{}")) is Verdict.UNPROVED


def test_without_a_secret_nothing_is_proved() -> None:
    assert _judge(_signed("id-1", str(int(NOW.timestamp())), key=""), "") is Verdict.UNPROVED


@pytest.mark.parametrize(
    ("age", "verdict"),
    [(300, Verdict.NEW), (301, Verdict.OLD), (-300, Verdict.NEW), (-301, Verdict.OLD), (0, Verdict.NEW)],
)
def test_it_counts_within_five_minutes(age: float, verdict: Verdict) -> None:
    assert _judge(_delivery(age)) is verdict


def test_the_same_again_is_seen_as_long_as_it_would_count() -> None:
    wall = _Wall()
    deliveries, delivery = Deliveries(wall), _delivery(age=-300)

    verdicts = [deliveries.judge(SHARED.encode(), delivery)]
    for seconds in (0, 1, 300, 599, 600):
        wall.now = NOW + timedelta(seconds=seconds)
        deliveries.judge(SHARED.encode(), _signed(f"other-{seconds}", str(int(wall.now.timestamp()))))
        verdicts.append(deliveries.judge(SHARED.encode(), delivery))
    wall.now = NOW + timedelta(seconds=601)

    assert verdicts == [Verdict.NEW, *5 * [Verdict.SEEN]]
    assert deliveries.judge(SHARED.encode(), delivery) is Verdict.OLD


def test_what_is_not_proved_is_not_remembered() -> None:
    deliveries = Deliveries(_Wall())

    for forged in (_delivery(signature="v1,"), _delivery(age=9999)):
        deliveries.judge(SHARED.encode(), forged)

    assert deliveries.judge(SHARED.encode(), _delivery()) is Verdict.NEW


def test_so_many_are_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_deliveries, "MOST_REMEMBERED", 3)
    deliveries, at = Deliveries(_Wall()), str(int(NOW.timestamp()))
    for number in range(1, 5):
        assert deliveries.judge(SHARED.encode(), _signed(f"id-{number}", at)) is Verdict.NEW

    verdicts = {
        number: deliveries.judge(SHARED.encode(), _signed(f"id-{number}", at)) for number in (4, 3, 2, 1)
    }

    assert verdicts == {4: Verdict.SEEN, 3: Verdict.SEEN, 2: Verdict.SEEN, 1: Verdict.NEW}
