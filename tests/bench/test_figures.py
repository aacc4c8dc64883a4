"""An interval for a counted share is Wilson's."""

import pytest

from tests.bench.figures import wilson


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(1000, 10_000, 0.0943, 0.1060), (81, 263, 0.2553, 0.3662), (0, 20, 0.0, 0.1611), (20, 20, 0.8389, 1.0)],
)
def test_the_interval_is_wilsons(count: int, of: int, low: float, high: float) -> None:
    assert wilson(count, of) == pytest.approx((low, high), abs=5e-5)
