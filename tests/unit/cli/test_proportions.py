"""Two proportions: values that books and other programs have printed, and what must hold for all of them."""

import sys
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelalias.cli.proportions import Aims, Count, Verdict, compare
from modelalias.core.errors import InvalidRequest


@st.composite
def counts(draw: st.DrawFn) -> Count:
    trials = draw(st.integers(1, 100_000))
    return Count(trials, draw(st.integers(0, trials)))


class TestKnownValues:
    @pytest.mark.parametrize(
        ("challenger", "champion", "low", "high"),
        [
            (Count(70, 56), Count(80, 48), 0.0524, 0.3339),
            (Count(10, 9), Count(10, 3), 0.1705, 0.8090),
            (Count(7, 6), Count(7, 2), 0.0582, 0.8062),
            (Count(56, 5), Count(29, 0), -0.0381, 0.1926),
            (Count(10, 0), Count(20, 0), -0.1611, 0.2775),
            (Count(10, 0), Count(10, 0), -0.2775, 0.2775),
            (Count(10, 10), Count(20, 0), 0.6791, 1.0),
            (Count(10, 10), Count(10, 0), 0.6075, 1.0),
        ],
    )
    def test_intervals_of_a_difference_are_those_of_newcombe_1998_method_10(
        self, challenger: Count, champion: Count, low: float, high: float
    ) -> None:
        found = compare(champion, challenger, Aims())

        assert found.interval == pytest.approx((low, high), abs=0.00006)

    @pytest.mark.parametrize(
        ("count", "low", "high"),
        [
            (Count(263, 81), 0.2553, 0.3662),
            (Count(148, 15), 0.0624, 0.1605),
            (Count(20, 0), 0.0, 0.1611),
            (Count(29, 1), 0.0061, 0.1718),
        ],
    )
    def test_intervals_of_a_rate_are_those_of_wilson_as_newcombe_1998_lists_them(
        self, count: Count, low: float, high: float
    ) -> None:
        found = compare(count, count, Aims())

        assert found.champion == found.challenger == pytest.approx((low, high), abs=0.00006)

    @pytest.mark.parametrize("events", [(48, 56), (8, 5), (100, 1)])
    def test_the_p_value_is_that_of_the_chi_squared_test(self, events: tuple[int, int]) -> None:
        champion, challenger = Count(900, events[0]), Count(100, events[1])
        chi2_contingency = import_module("scipy.stats").chi2_contingency  # takes a second, in each process
        table = [[count.events, count.trials - count.events] for count in (champion, challenger)]

        found = compare(champion, challenger, Aims())

        assert found.p_value == pytest.approx(chi2_contingency(table, correction=False).pvalue)

    def test_the_number_of_trials_is_that_of_power_prop_test_in_r(self) -> None:
        """power.prop.test(p1 = .50, p2 = .75, power = .90) says n = 76.7 in each group."""
        found = compare(Count(20, 15), Count(20, 10), Aims(power=0.9))

        assert found.more == 77 - 20

    def test_trials_in_unequal_numbers_keep_their_proportion(self) -> None:
        """Fleiss, Levin and Paik (2003), formula 4.19 without continuity correction, worked out by hand."""
        low, high, ratio = 0.01, 0.02, 9
        mean = (high + ratio * low) / (1 + ratio)
        null = (mean * (1 - mean) * (1 + 1 / ratio)) ** 0.5
        other = (high * (1 - high) + low * (1 - low) / ratio) ** 0.5
        needed = ((1.959964 * null + 0.841621 * other) / (high - low)) ** 2

        found = compare(Count(900, 9), Count(100, 2), Aims())

        assert found.more == pytest.approx(needed - 100, abs=1)


class TestVerdict:
    @pytest.mark.parametrize(
        ("challenger", "aims", "verdict"),
        [
            (Count(1000, 40), Aims(), Verdict.WORSE),
            (Count(1000, 40), Aims(higher_is_better=True), Verdict.BETTER),
            (Count(1000, 0), Aims(), Verdict.BETTER),
            (Count(1000, 0), Aims(higher_is_better=True), Verdict.WORSE),
            (Count(1000, 12), Aims(), Verdict.UNDECIDED),
            (Count(1000, 40), Aims(alpha=1e-20), Verdict.UNDECIDED),
            (Count(1000, 10), Aims(min_effect=0.02), Verdict.NEGLIGIBLE),
            (Count(1000, 10), Aims(min_effect=0.005), Verdict.UNDECIDED),
            (Count(1000, 40), Aims(min_effect=0.5), Verdict.NEGLIGIBLE),
            (Count(1000, 40), Aims(min_effect=0.02), Verdict.WORSE),
        ],
    )
    def test_is_what_the_interval_allows(self, challenger: Count, aims: Aims, verdict: Verdict) -> None:
        assert compare(Count(9000, 90), challenger, aims).verdict is verdict

    @pytest.mark.parametrize(
        ("champion", "challenger", "is_significant"),
        [(Count(30, 0), Count(30, 4), True), (Count(50, 19), Count(500, 126), False)],
    )
    def test_test_and_interval_have_to_agree(
        self, champion: Count, challenger: Count, is_significant: bool
    ) -> None:
        found = compare(champion, challenger, Aims())

        assert (found.p_value < 0.05) is is_significant
        assert (found.interval.low <= 0 <= found.interval.high) is is_significant
        assert found.verdict is Verdict.UNDECIDED

    def test_nothing_needs_more_trials_where_the_rates_are_the_same(self) -> None:
        found = compare(Count(900, 9), Count(100, 1), Aims())

        assert (found.effect, found.more) == (None, None)

    def test_a_difference_that_no_rate_can_have_needs_no_number(self) -> None:
        assert compare(Count(10, 5), Count(10, 5), Aims(min_effect=0.6)).more is None

    def test_of_the_two_ways_that_a_difference_can_go_the_longer_one_counts(self) -> None:
        up = compare(Count(1000, 50), Count(1000, 70), Aims()).more
        down = compare(Count(1000, 50), Count(1000, 30), Aims()).more

        either = compare(Count(1000, 50), Count(1000, 50), Aims(min_effect=0.02)).more

        assert up is not None
        assert down is not None
        assert either == max(up, down) > min(up, down)

    @pytest.mark.parametrize(
        ("challenger", "is_rough"),
        [(Count(100, 1), True), (Count(1000, 10), False), (Count(100, 100), False)],
    )
    def test_few_events_are_said(self, challenger: Count, is_rough: bool) -> None:
        assert compare(Count(900, 9), challenger, Aims()).is_rough is is_rough

    def test_a_missing_library_names_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "statsmodels.stats", None)

        with pytest.raises(InvalidRequest, match=r"pip install 'modelalias\[statistics\]'"):
            compare(Count(10, 1), Count(10, 1), Aims())


class TestAlways:
    @given(counts(), counts())
    @settings(deadline=None)
    def test_swapping_the_sides_mirrors_the_difference(self, one: Count, other: Count) -> None:
        there, back = compare(one, other, Aims()), compare(other, one, Aims())

        assert there.difference == -back.difference
        assert there.interval == pytest.approx((-back.interval.high, -back.interval.low), abs=1e-11)
        assert there.p_value == pytest.approx(back.p_value)
        assert {there.verdict, back.verdict} in (
            {Verdict.UNDECIDED},
            {Verdict.WORSE, Verdict.BETTER},
        )

    @given(counts(), counts())
    @settings(deadline=None)
    def test_the_other_event_mirrors_the_difference(self, one: Count, other: Count) -> None:
        found = compare(one, other, Aims())

        one, other = (Count(count.trials, count.trials - count.events) for count in (one, other))
        mirrored = compare(one, other, Aims())

        assert found.interval == pytest.approx((-mirrored.interval.high, -mirrored.interval.low), abs=1e-9)

    @given(counts(), counts(), st.floats(0.001, 0.3))
    @settings(deadline=None)
    def test_an_interval_holds_its_value_and_lies_within_what_is_possible(
        self, one: Count, other: Count, alpha: float
    ) -> None:
        found = compare(one, other, Aims(alpha=alpha))

        assert -1 <= found.interval.low <= found.difference + 1e-12
        assert found.difference - 1e-12 <= found.interval.high <= 1
        assert 0 <= found.champion.low <= one.rate + 1e-12
        assert one.rate - 1e-12 <= found.champion.high <= 1
        assert 0 <= found.p_value <= 1

    @given(counts(), counts(), st.floats(0.001, 0.2), st.floats(1.1, 4))
    @settings(deadline=None)
    def test_a_smaller_difference_takes_more_trials(
        self, one: Count, other: Count, effect: float, times: float
    ) -> None:
        large, small = (compare(one, other, Aims(min_effect=size)) for size in (effect, effect / times))

        if large.more is not None:
            assert small.more is not None
            assert small.more >= large.more
