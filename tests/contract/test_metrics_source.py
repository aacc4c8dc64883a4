"""What the monitors may expect of a Prometheus, on the fake and on Debian's own; and what Debian's own makes of
queries that a version was put into."""

import asyncio
import json
import math
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelalias.adapters.prometheus import Prometheus
from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from modelalias.core.monitoring.promql import names_version, render
from modelalias.ports import MetricsSource
from modelalias.servers import Credentials, PrometheusSettings
from tests.support.fake_prometheus import FakePrometheus
from tests.support.http_stub import Answer, http_stub
from tests.support.prometheus_server import PASSWORD, USER, PrometheusServer, running_prometheus

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 30.0
HOSTILE: Final = (
    "churn",
    'say "no"',
    "it's",
    "`raw`",
    "back\\slash\\",
    '"} or vector(1) #',
    "two\nlines",
    "#no comment",
    "$1 $model",
    ".*",
    "a|b",
    "[a-z]+(",
    "\\E.*",
    "ünï✓ \U0001f600\ufffd",
)
NUMBERS: Final = {
    'ratio{version="3"}': 0.25,
    'ratio{version="9"}': None,
    "unknown": None,
    "sum(ratio)": 0.75,
    "infinite": math.inf,
    "-infinite": -math.inf,
    "1 + 1": 2.0,
    "scalar(unknown)": math.nan,
    "broken": math.nan,
    '# of "all\nmax(ratio)': 0.5,
}
WRONG: Final = {
    "ratio": "yields 2 series",
    "ratio[1m]": "yields a range of values",
    '"3"': "yields a string",
    "sum(": "parse error",
    "ratio{version=3}": "parse error",
    'ratio{version=~"("}': "parse error",
    'label_replace(ratio, "a b", "c", "d", "e")': "invalid destination label name",
    "": "parse error",
}
"""What the refusal of each query says."""


def exposition() -> bytes:
    """Return what the exporter shows: the numbers above, and a series for each hostile name."""
    escaped = (name.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"') for name in HOSTILE)
    lines = [
        'ratio{version="3"} 0.25',
        'ratio{version="4"} 0.5',
        "infinite +Inf",
        "broken NaN",
        *(f'hostile{{model="{name}"}} {number}' for number, name in enumerate(escaped)),
    ]
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture(scope="module")
def exporter() -> Iterator[str]:
    answer = Answer(exposition(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
    with http_stub(lambda _: answer) as stub:
        yield stub.uri.removeprefix("http://")


@pytest.fixture(scope="module")
def server(exporter: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), [exporter]) as running:
        deadline = time.monotonic() + PATIENCE
        while not (found := asked(running, "hostile")["result"]):
            assert time.monotonic() < deadline, f"nothing was scraped: {found}"
            time.sleep(0.1)  # poll
        yield running


def asked(server: PrometheusServer, query: str) -> Any:
    """Ask past the adapter, which takes numbers alone."""
    with urlopen(f"{server.uri}/api/v1/query", urlencode({"query": query}).encode()) as answer:  # noqa: S310
        return json.load(answer)["data"]


def documented() -> Sequence[str]:
    """Return the queries of the page on monitors."""
    text = (ROOT / "docs" / "monitors.md").read_text(encoding="utf-8")
    return re.findall(r"^```promql\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


class World(Protocol):
    source: MetricsSource

    def goes_away(self) -> None: ...


class FakeWorld:
    def __init__(self) -> None:
        self.fake = FakePrometheus()
        self.fake.numbers.update(NUMBERS)
        self.fake.wrong.update(WRONG)
        self.source: MetricsSource = self.fake

    def goes_away(self) -> None:
        self.fake.fail_next(Unavailable("Prometheus cannot be reached"))


class RealWorld:
    def __init__(self, uri: str) -> None:
        self.settings = PrometheusSettings(uri=uri)
        self.source: MetricsSource = Prometheus(self.settings)

    def goes_away(self) -> None:
        """Ask where nothing listens from now on: the server is the other tests' too."""
        self.source = Prometheus(PrometheusSettings(uri="http://127.0.0.1:9"))


@pytest.fixture
async def source(server: PrometheusServer) -> AsyncIterator[Prometheus]:
    opened = Prometheus(PrometheusSettings(uri=server.uri))
    yield opened
    await opened.close()


@pytest.fixture(params=["fake", "real"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    found: World = (
        FakeWorld() if request.param == "fake" else RealWorld(request.getfixturevalue("server").uri)
    )
    first = found.source
    yield found
    await first.close()
    await found.source.close()


@pytest.mark.parametrize("query", NUMBERS)
async def test_a_query_yields_one_number_or_none(world: World, query: str) -> None:
    assert await world.source.query(query) == pytest.approx(NUMBERS[query], nan_ok=True)


@pytest.mark.parametrize("query", WRONG)
async def test_a_query_that_is_wrong_or_yields_more_is_for_a_person_to_edit(world: World, query: str) -> None:
    with pytest.raises(InvalidRequest, match=WRONG[query]) as caught:
        await world.source.query(query)

    assert "127.0.0.1" not in str(caught.value)


async def test_queries_at_once_are_each_answered(world: World) -> None:
    queries = 20 * ['ratio{version="3"}', "sum(ratio)"]

    assert await asyncio.gather(*map(world.source.query, queries)) == [NUMBERS[query] for query in queries]


async def test_one_that_is_away_is_unavailable(world: World) -> None:
    world.goes_away()

    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        await world.source.query("sum(ratio)")

    assert "127.0.0.1" not in str(caught.value)


async def test_one_that_is_closed_is_unavailable_and_closes_again(world: World) -> None:
    await world.source.close()

    with pytest.raises(Unavailable, match="closed"):
        await world.source.query("sum(ratio)")
    await world.source.close()


async def test_a_prometheus_that_wants_a_password_is_given_it(tmp_path: Path) -> None:
    (tmp_path / "user").write_text(USER)
    (tmp_path / "password").write_text(PASSWORD)
    files = Credentials(username_file=tmp_path / "user", password_file=tmp_path / "password")

    with running_prometheus(tmp_path / "prometheus", authenticates=True) as strict:
        known = Prometheus(PrometheusSettings(uri=strict.uri, credentials=files))
        unknown = Prometheus(PrometheusSettings(uri=strict.uri))
        try:
            assert await known.query("vector(1)") == 1.0
            with pytest.raises(Refused, match="does not accept the credentials"):
                await unknown.query("vector(1)")
        finally:
            await known.close()
            await unknown.close()


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "matcher",
    [
        '="$model"',
        "='${model}'",
        "=`$model`",
        '=~"$model"',
        "=~`(nobody|$model)`",
        "!~\"nobody\", model=~'$model{1}'",
    ],
)
async def test_a_hostile_name_finds_its_own_series_alone(source: Prometheus, matcher: str, name: str) -> None:
    query = render(f"hostile{{model{matcher}}}", version="3", model=name, namespace="ml")

    assert await source.query(query) == HOSTILE.index(name)


@pytest.mark.parametrize("query", documented(), ids=range(len(documented())))
async def test_a_documented_query_is_one_and_yields_nothing_where_nothing_is(
    source: Prometheus, query: str
) -> None:
    assert names_version(query)
    assert await source.query(render(query, version="3", model='a"} or vector(1) #', namespace="ml")) is None


@given(name=st.one_of(st.text(max_size=20), st.sampled_from(HOSTILE)), quote=st.sampled_from("\"'`"))
@settings(max_examples=150)
def test_prometheus_reads_in_a_string_just_what_was_put_into_it(
    server: PrometheusServer, name: str, quote: str
) -> None:
    query = render(f"{quote}é $model{quote} # {quote}", version="3", model=name, namespace="ml")

    assert asked(server, query) == {
        "resultType": "string",
        "result": [pytest.approx(0, abs=1e12), f"é {name}"],
    }


@given(name=st.one_of(st.text(max_size=20), st.sampled_from(HOSTILE)))
@settings(max_examples=150)
def test_prometheus_puts_in_and_matches_just_what_was_put_into_label_replace(
    server: PrometheusServer, name: str
) -> None:
    named = 'label_replace(vector(1), "a", "$model", "", "")'
    matched = f'label_replace({named}, "b", "found", "a", "$model")'
    query = render(
        f'label_replace({matched}, "c", "found", "a", ".$model|$model.")',
        version="3",
        model=name,
        namespace="ml",
    )

    (series,) = asked(server, query)["result"]
    assert series["metric"] == ({"a": name, "b": "found"} if name else {"b": "found"})
