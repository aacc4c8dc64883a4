"""A figure over time as SVG that follows the reader's light or dark, with a mark where another process began."""

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

from hack.bench.bars import LEFT, RIGHT, STYLE, TOP, WIDTH

HEIGHT: Final = 110
GAP: Final = 34


class Curve(NamedTuple):
    """One figure: its name with the unit, and (seconds, figure, process) of each sample."""

    label: str
    samples: Sequence[tuple[float, float, int]]


def drawn(title: str, curves: Sequence[Curve]) -> str:
    """Return the picture: a curve below the other, each from 0 to its maximum, minutes along the bottom."""
    width, height = LEFT + WIDTH + RIGHT, TOP + (HEIGHT + GAP) * len(curves) + 14
    end = max(at for curve in curves for at, _, _ in curve.samples) or 1.0
    lines = [
        "<!-- Drawn by `python -m hack.bench` from docs/benchmarks. -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}.curve{{fill:none;stroke:#0969da;stroke-width:1.6}}</style>",
        f'<rect class="paper" width="{width}" height="{height}" rx="8"/>',
        f'<text class="head" x="16" y="26">{escape(title)}</text>',
    ]
    for number, curve in enumerate(curves):
        bottom = TOP + (HEIGHT + GAP) * number + HEIGHT
        most = max(figure for _, figure, _ in curve.samples) or 1.0
        places = [
            (LEFT + WIDTH * at / end, bottom - HEIGHT * figure / most, process)
            for at, figure, process in curve.samples
        ]
        lines += [
            f'<text x="{LEFT - 10}" y="{bottom - HEIGHT // 2}" style="text-anchor:end">{escape(curve.label)}</text>',
            f'<path class="range" d="M{LEFT} {bottom}H{LEFT + WIDTH}"/>',
            f'<path class="curve" d="{_path(places)}"/>',
            f'<text class="value" x="{LEFT + WIDTH + 8}" y="{places[-1][1]:.1f}">{curve.samples[-1][1]:g}</text>',
            f'<text class="value" x="{LEFT}" y="{bottom + 16}">0</text>',
            f'<text class="value" x="{LEFT + WIDTH}" y="{bottom + 16}" style="text-anchor:end">{end / 60:.0f} min</text>',
        ]
    return "\n".join([*lines, "</svg>\n"])


def _path(places: Sequence[tuple[float, float, int]]) -> str:
    """Join the samples of each process; between two processes the curve is broken."""
    parts: list[str] = []
    before: int | None = None
    for across, down, process in places:
        parts.append(f"{'L' if process == before else 'M'}{across:.1f} {down:.1f}")
        before = process
    return "".join(parts)
