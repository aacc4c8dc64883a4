"""An end is counted once, with what tells a promotion from a look at the verdict."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelalias.adapters.prometheus_telemetry import PrometheusTelemetry
from modelalias.api.request import PromotionRequest
from modelalias.reconcile import tallies
from tests.support.cli_cluster import body, condition
from tests.support.scraped import Page


def _refused(**spec: Any) -> PromotionRequest:
    conditions = [condition("Complete", "True", "GatesFailed")]
    return PromotionRequest.model_validate(body(spec, phase="Rejected", conditions=conditions))


@pytest.mark.parametrize(
    ("spec", "reason"), [({}, "GatesFailed"), ({"dryRun": True}, "DryRun")], ids=["promotion", "dry-run"]
)
def test_a_refusal_is_told_from_a_dry_run_that_would_be_refused(spec: Mapping[str, Any], reason: str) -> None:
    telemetry = PrometheusTelemetry()

    tallies.of_request(telemetry, PromotionRequest.model_validate(body(spec)), _refused(**spec).status)

    counted = Page.of(telemetry).series("modelalias_requests_total")
    assert [dict(labels)["reason"] for labels, times in counted.items() if times] == [reason]
