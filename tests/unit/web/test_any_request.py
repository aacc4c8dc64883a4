"""Whatever a status says, its pages are there, with every number that was judged, and text stays text."""

import html
import re
from typing import Any

from hypothesis import HealthCheck, given, settings

from modelalias.api.request import PromotionRequest
from modelalias.cli.cluster import Kind
from modelalias.core.judging import numbers
from modelalias.web.acts import Deed
from tests.support.any_request import bodies
from tests.support.web_site import Cluster, alias, browser

PAGES = ["/r/ml/go", *(f"/r/ml/go/{deed}" for deed in Deed), "/approvals"]
CLUSTER = Cluster([alias()])
BROWSER = browser(CLUSTER)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=80)
@given(bodies)
def test_each_page_is_there_with_its_numbers(body: dict[str, Any]) -> None:
    CLUSTER.bodies[Kind.REQUESTS] = [body]
    request = PromotionRequest.model_validate(body)

    texts = {path: _page(path) for path in PAGES}

    for path, text in texts.items():
        assert "<script>alert" not in text, path
        assert not re.search(r"[\u202e\x07]", text), path
    for path in ("/r/ml/go", "/r/ml/go/approve"):
        shown = _rows(texts[path])
        for finding in request.status.gates:
            row = shown[finding.name]
            assert (numbers.candidate(finding) or "no value") in row
            assert (numbers.champion(finding) or "none") in row
            assert (numbers.difference(finding) or "none") in row
            assert finding.metric in row
            assert finding.result in row


def _page(path: str) -> str:
    answer = BROWSER.get(path)
    assert answer.status_code == 200, (path, answer.text)
    return answer.text


def _rows(text: str) -> dict[str, str]:
    """Return the text of each row of the verdict by the name of its gate."""
    table = re.search(r'<table class="rows verdict".*?</table>', text, re.DOTALL)
    rows = (
        re.findall(
            r'<tr role="row">\s*<th role="rowheader" scope="row">(.*?)<span(.*?)</tr>', table[0], re.DOTALL
        )
        if table
        else []
    )
    return {
        html.unescape(name): html.unescape(re.sub(r"<[^>]*>", " ", f"<span{rest}")) for name, rest in rows
    }
