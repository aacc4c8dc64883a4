"""No status that the API's models accept makes the page of a ModelAlias fail, or loses a number."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

from hypothesis import HealthCheck, given, settings

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest
from modelalias.cli.cluster import Kind
from modelalias.cli.kubeconfig import Access
from modelalias.web import alias_acts, alias_view, plot, rendering
from modelalias.web.alias_acts import AliasDeed
from modelalias.web.alias_view import AliasView, Read
from modelalias.web.identity import Person
from tests.support.any_status import aliases, requests
from tests.support.web_site import Cluster, browser

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TEMPLATES = rendering.environment()
CLUSTER = Cluster()
BROWSER = browser(CLUSTER)
COORDINATE = re.compile(r'\s(?:x|y|x1|x2|y1|y2|cx|cy|d|width)="([^"]*)"')


def _page(view: AliasView) -> str:
    context = {
        "view": view,
        "user": "ana",
        "person": Person(Access(namespace="ml")),
        "now": NOW,
        "path": "/a/ml/x",
    }
    return TEMPLATES.get_template("alias.html").render(context)


@given(alias=aliases(), bodies=requests())
@settings(max_examples=150, deadline=timedelta(seconds=5), suppress_health_check=[HealthCheck.too_slow])
def test_every_status_is_a_page_with_its_numbers(
    alias: ModelAlias, bodies: Sequence[Mapping[str, Any]]
) -> None:
    found = [PromotionRequest.model_validate(body) for body in bodies]

    view = alias_view.view(Read(alias, alias, found, bodies), NOW)
    text = unescape(_page(view))

    assert view.model_dump(mode="json", by_alias=True)
    assert len(view.ledger.entries) == len(alias.status.history)
    for entry in view.ledger.entries:
        assert f"{entry.at:%Y-%m-%d %H:%M:%S} UTC" in text
        assert all(
            f"<b>{one.value}</b>" in text for one in entry.numbers if entry.gates == () and _plain(one.value)
        )
    for chart in view.gates.charts:
        assert all(
            point.value is None or not _plain(point.value) or point.value in text for point in chart.points
        )
        assert chart.drawing is not None or all(plot.number(item.value) is None for item in chart.points)
    for monitor in view.monitors:
        assert monitor.value is None or not _plain(monitor.value) or f"<b>{monitor.value}</b>" in text
    assert not re.search(r"\b(?:nan|inf)\b", " ".join(COORDINATE.findall(text)))


@given(alias=aliases())
@settings(max_examples=40, deadline=timedelta(seconds=5), suppress_health_check=[HealthCheck.too_slow])
def test_every_status_has_its_forms(alias: ModelAlias) -> None:
    body = alias.model_dump(mode="json", by_alias=True, exclude_unset=True)
    body["metadata"].update(namespace="ml", name="x")
    CLUSTER.bodies[Kind.ALIASES] = [body]
    alias = ModelAlias.model_validate(body)

    for deed in AliasDeed:
        answer = BROWSER.get(f"/a/ml/x/{deed}")

        assert answer.status_code == 200
        assert ("<form" in answer.text) is alias_acts.makes_sense(
            deed, alias
        ) or "operator acts" in answer.text
        assert not re.search("<script>alert|\u202e", answer.text)


def _plain(value: str) -> bool:
    """Return whether a text is shown as it is: markup is escaped, and what cannot be seen is replaced."""
    return value != "" and value.isprintable() and not re.search(r"[<>&'\"]", value)
