"""Figures from samples: pure functions, so that what is printed can be checked without a run."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist, median
from typing import Any


def spread(samples: Sequence[float]) -> Mapping[str, float]:
    """Return min, median, p99 and max; the percentile is the nearest rank, so of 20 samples it is the
    largest."""
    ordered = sorted(samples)
    return {
        "min": round(ordered[0], 2),
        "median": round(median(ordered), 2),
        "p99": round(ordered[math.ceil(0.99 * len(ordered)) - 1], 2),
        "max": round(ordered[-1], 2),
    }


def wilson(count: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval for a share of which so many were counted."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, square = count / of, z * z
    middle = share + square / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return (middle - half) / (1 + square / of), (middle + half) / (1 + square / of)


def ratios(samples: Sequence[float], baseline: Sequence[float]) -> Mapping[str, float]:
    """Return the ratio of the medians, and the spread of the ratios of the pairs that were taken one after
    the other."""
    pairs = spread([one / other for one, other in zip(samples, baseline, strict=True)])
    return {
        "of_medians": round(median(samples) / median(baseline), 2),
        **{f"pair_{key}": pairs[key] for key in pairs},
    }


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return aligned lines, the first column to the left and the figures to the right."""
    texts = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(cells)
        )
        for cells in (tuple(zip(row, widths, strict=True)) for row in texts)
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
