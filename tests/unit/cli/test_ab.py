"""`modelalias ab`: what is asked of Prometheus, and what is said of the answers or of there being none."""

import argparse
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import cmarkgfm
import pytest

from modelalias.api.alias import ModelAlias
from modelalias.api.alias_status import ModelAliasStatus
from modelalias.cli import ab, proportions, split_sides
from modelalias.cli.main import parser
from modelalias.cli.proportions import Aims
from modelalias.cli.split_metric import BUILT_IN, Metric, question
from modelalias.cli.split_report import ROUGH, ROUNDED, Report
from modelalias.cli.split_sides import Split
from modelalias.core.errors import InvalidRequest, Unavailable
from tests.support.fake_prometheus import FakePrometheus

BEGAN: Final = "2026-01-01T10:00:00Z"
NOW: Final = datetime(2026, 1, 1, 10, 12, tzinfo=UTC)
TRIALS: Final = 'sum(increase(model_requests_total{model="fraud", version="%s"}[720s]))'
FAILED: Final = 'sum(increase(model_requests_total{model="fraud", version="%s", outcome="failed"}[720s]))'

_AS_SEEN: Final = "as large as this one, 0.2 percentage points"
_MORE: Final = (
    "more requests to the challenger ({} in all, split as so far) would be needed to show a difference {}, "
    "with a probability of {}"
)


def alias(traffic: Mapping[str, Any] | None = None, **status: Any) -> ModelAlias:
    """A ModelAlias whose requests are split 90/10 between versions 4 and 5."""
    told = {
        "current": {"version": "4", "since": "2026-01-01T08:00:00Z"},
        "traffic": {
            "httpRoute": "fraud",
            "split": "90/10",
            "version": "5",
            "since": BEGAN,
            "reason": "Split",
            **(traffic or {}),
        },
        **status,
    }
    backends = [
        {"service": "fraud-champion", "weight": 90},
        {"service": "fraud-challenger", "alias": "challenger", "weight": 10},
    ]
    spec = {
        "model": "fraud",
        "alias": "champion",
        "serving": [{"name": "fraud-champion"}],
        "traffic": {"httpRoute": "fraud", "backends": backends},
    }
    body = {"metadata": {"name": "fraud-champion", "namespace": "ml"}, "spec": spec, "status": told}
    return ModelAlias.model_validate(body)


def prometheus(champion: tuple[float, float], challenger: tuple[float, float]) -> FakePrometheus:
    """Requests, and how many of them failed, of versions 4 and 5."""
    fake = FakePrometheus()
    for version, (trials, events) in (("4", champion), ("5", challenger)):
        fake.numbers |= {TRIALS % version: trials, FAILED % version: events}
    return fake


async def report(
    source: FakePrometheus, aims: Aims | None = None, *, split: Split | None = None, metric: str = "failed"
) -> Report:
    split = split or split_sides.of(alias(), NOW, None)
    counts = await split_sides.counted(source, split, BUILT_IN[metric])
    aims = aims or Aims()
    return Report(split, BUILT_IN[metric], aims, *counts, proportions.compare(*counts, aims))


def options(*words: str) -> argparse.Namespace:
    return parser().parse_args(["ab", "fraud-champion", *words])


class TestAsking:
    async def test_both_versions_are_asked_about_since_the_split_began(self) -> None:
        source = prometheus((900, 8), (100, 5))

        found = await report(source)

        assert sorted(source.queries) == sorted([TRIALS % "4", FAILED % "4", TRIALS % "5", FAILED % "5"])
        assert (found.champion, found.challenger) == ((900, 8), (100, 5))

    def test_requests_to_an_older_champion_are_not_counted(self) -> None:
        moved = alias(current={"version": "4", "since": "2026-01-01T10:10:00Z"})

        assert split_sides.of(moved, NOW, None).window == timedelta(minutes=2)

    def test_somebody_can_look_back_as_far_as_they_like_and_is_told_what_that_mixes(self) -> None:
        within = split_sides.of(alias(), NOW, timedelta(minutes=12))
        beyond = split_sides.of(alias(), NOW, timedelta(hours=1))

        assert (within.is_mixed, beyond.is_mixed) == (False, True)

    def test_what_a_query_of_ones_own_says_is_escaped_as_in_monitors(self) -> None:
        metric = Metric(
            "own", 'a{m="$model",v="$version"}[${window}]', 'b{n="$namespace",v=~"$version"}[$window]'
        )

        asked = question(metric, "5", 'fr"aud', "ml", timedelta(seconds=90))

        assert asked == ('a{m="fr\\"aud",v="5"}[90s]', 'b{n="ml",v=~"(?:5)"}[90s]')

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("sum(errors)", 'write version="\\$version"'),
            ("sum(errors{version=$version})", "stands outside of a string"),
            ('sum(errors{version="$version"}[$windows])', "stands outside of a string"),
        ],
    )
    def test_a_query_that_does_not_ask_for_one_version_is_refused(self, query: str, message: str) -> None:
        with pytest.raises(InvalidRequest, match=message):
            question(Metric("own", query, query), "5", "fraud", "ml", timedelta(seconds=90))


class TestNothingToCompare:
    """Each of these is said, and none of them is a verdict."""

    @pytest.mark.parametrize(
        ("item", "message"),
        [
            (alias({"version": None, "message": "all requests go to Service a"}), "now: all requests go to"),
            (alias().model_copy(update={"status": ModelAliasStatus()}), "does not split requests"),
            (alias(current=None), "does not split requests"),
            (alias({"since": "2026-01-01T10:12:00Z"}), "ask again later"),
            (alias().model_copy(update={"spec": alias().spec.changed(traffic=None)}), "no spec.traffic"),
        ],
        ids=["challenger-left", "not-looked-at", "no-champion", "just-begun", "no-traffic"],
    )
    def test_without_a_split(self, item: ModelAlias, message: str) -> None:
        with pytest.raises(InvalidRequest, match=message):
            split_sides.of(item, NOW, None)

    @pytest.mark.parametrize(
        ("numbers", "message"),
        [
            ({TRIALS % "5": None}, "no data: the query for requests of version 5 yields no series"),
            ({FAILED % "4": None}, "no data: the query for events of version 4 yields no series"),
            ({TRIALS % "5": math.nan}, "no data: the query for requests of version 5 yields nan"),
            ({FAILED % "5": math.inf}, "no data: the query for events of version 5 yields inf"),
            ({TRIALS % "4": -1.0}, "no data: the query for requests of version 4 yields -1"),
            ({TRIALS % "5": 0.4, FAILED % "5": 0.0}, "version 5 had no requests"),
            ({FAILED % "5": 101.0}, "version 5 has 101 events of 100 requests"),
        ],
    )
    async def test_without_two_counts(self, numbers: Mapping[str, float | None], message: str) -> None:
        source = prometheus((900, 8), (100, 5))
        source.numbers.update(numbers)

        with pytest.raises(InvalidRequest, match=message):
            await report(source)

    async def test_without_prometheus(self) -> None:
        source = prometheus((900, 8), (100, 5))
        source.go_away()

        with pytest.raises(Unavailable):
            await report(source)


class TestReport:
    async def test_a_table(self) -> None:
        found = await report(prometheus((900.4, 8.1), (99.8, 4.9)), Aims(min_effect=0.001))

        assert found.table.splitlines() == [
            "failed of model fraud, split 90/10, requests since 2026-01-01T10:00:00Z",
            "SIDE         SERVICE            VERSION   REQUESTS   EVENTS   RATE      95 % INTERVAL",
            "champion     fraud-champion     4         900        8        0.889 %   0.451 % to 1.74 %",
            "challenger   fraud-challenger   5         100        5        5 %       2.15 % to 11.2 %",
            "difference (challenger - champion): 4.11 percentage points, 95 % interval 1.14 to 10.3, p = 0.00058",
            "version 5 is worse by 4.11 percentage points (95 % interval 1.14 to 10.3)",
            ROUNDED,
            ROUGH,
        ]

    @pytest.mark.parametrize(
        ("challenger", "aims", "sentence"),
        [
            ((1000, 0), Aims(), "version 5 is better by 1 percentage points (95 % interval 0.575 to 1.23)"),
            (
                (1000, 40),
                Aims(alpha=0.1, higher_is_better=True),
                "version 5 is better by 3 percentage points (90 % interval 2.08 to 4.16)",
            ),
            (
                (1000, 12),
                Aims(),
                f"no difference is shown; about 22,011 {_MORE.format('220,110', _AS_SEEN, 0.8)}",
            ),
            (
                (1000, 12),
                Aims(min_effect=0.01, power=0.9),
                f"no difference is shown; about 599 {_MORE.format('5,990', 'of 1 percentage points', 0.9)}",
            ),
            (
                (1000, 16),
                Aims(min_effect=0.011),
                "no difference is shown, with as many requests as a difference of 1.1 percentage points needs",
            ),
            (
                (1000, 10),
                Aims(),
                "no difference is shown: the rates are the same; say with --min-effect which difference would matter",
            ),
            (
                (1000, 10),
                Aims(min_effect=0.05),
                "version 5 differs by less than 5 percentage points (95 % interval -0.51 to 0.851)",
            ),
        ],
    )
    async def test_says_in_one_sentence_what_follows(
        self, challenger: tuple[float, float], aims: Aims, sentence: str
    ) -> None:
        found = await report(prometheus((9000, 90), challenger), aims)

        assert found.conclusion == sentence

    async def test_a_difference_that_cannot_be_is_said(self) -> None:
        found = await report(prometheus((2, 1), (2, 1)), Aims(min_effect=0.51))

        assert found.conclusion.endswith("a difference of 51 percentage points is not possible")

    async def test_json_has_every_digit(self) -> None:
        found = await report(prometheus((9000, 90), (1000, 12)))

        result = json.loads(json.dumps(found.result))
        assert result["sides"][1]["rate"] == 0.012
        assert result["verdict"] == "Undecided"
        assert result["moreRequests"] == {"challenger": 22011, "inAll": 220110}
        assert result["difference"]["pValue"] == found.comparison.p_value
        assert result["windowSeconds"] == 720

    async def test_nothing_more_is_asked_for_once_it_is_decided(self) -> None:
        found = await report(prometheus((9000, 90), (1000, 40)))

        assert found.result["moreRequests"] is None

    async def test_markdown_is_a_table_and_a_list(self) -> None:
        page = cmarkgfm.github_flavored_markdown_to_html(
            (await report(prometheus((900, 8), (100, 5)))).markdown
        )

        assert page.count("<tr>") == 3
        assert "<li>version 5 is worse by 4.11 percentage points" in page

    async def test_a_window_that_mixes_splits_says_so(self) -> None:
        split = split_sides.of(alias({"since": "2026-01-01T10:05:00Z"}), NOW, timedelta(minutes=12))

        found = await report(prometheus((900, 8), (100, 5)), split=split)

        assert "from before 2026-01-01T10:05:00Z are counted too" in found.table


class TestCalls:
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ((), "give --metric, or both"),
            (("--events", "x"), "give --metric, or both"),
            (("--metric", "failed", "--trials", "x"), "give either"),
            (("--metric", "latency"), "there are failed, refused"),
            (("--metric", "failed", "--alpha", "nan"), "--alpha takes a number between 0 and 1"),
            (("--metric", "failed", "--power", "1"), "--power takes a number between 0 and 1"),
            (("--metric", "failed", "--min-effect", "0"), "--min-effect takes a number between 0 and 1"),
            (("--metric", "failed", "--since", "yesterday"), "--since takes a duration"),
            (("--metric", "failed"), "which Prometheus"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(
        self, words: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("MODELALIAS_PROMETHEUS_URI", raising=False)

        with pytest.raises(InvalidRequest, match=message):
            ab.run(options(*words))

    def test_address_and_credentials_are_the_users_own(self) -> None:
        environ = {
            "MODELALIAS_PROMETHEUS_URI": "https://metrics.example.com/query",
            "MODELALIAS_PROMETHEUS_TOKEN_FILE": "/run/token",
            "MODELALIAS_PROMETHEUS_CA_FILE": "/run/ca.crt",
        }

        found, other = ab.prometheus(None, environ), ab.prometheus("http://localhost:9090", environ)

        assert found.uri == "https://metrics.example.com/query"
        assert (found.credentials.token_file, found.credentials.ca_file) == (
            Path("/run/token"),
            Path("/run/ca.crt"),
        )
        assert other.uri == "http://localhost:9090"

    def test_an_address_with_a_password_is_refused_and_not_repeated(self) -> None:
        with pytest.raises(InvalidRequest) as refused:
            ab.prometheus("http://me:secret@metrics.example.com", {})

        assert "secret" not in str(refused.value)
