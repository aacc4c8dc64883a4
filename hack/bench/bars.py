"""Bars beside each other, as SVG that follows the reader's light or dark: the median, and a line from min to max."""

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

from hack.bench.goals import Figure

LEFT: Final = 250
WIDTH: Final = 420
RIGHT: Final = 150
ROW: Final = 30
TOP: Final = 40
STYLE: Final = """\
text{font:13px system-ui,sans-serif;fill:#1f2328}.head{font-weight:600}.value{fill:#59636e}.paper{fill:#fff}.bar{fill:#818b98}
.ours{fill:#0969da}.range{stroke:#1f2328;stroke-width:1.4}@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.value{fill:#9198a1}
.paper{fill:#131416}.bar{fill:#656c76}.ours{fill:#4493f8}.range{stroke:#f0f6fc}}
"""


class Bar(NamedTuple):
    """One of them; ours has another colour."""

    label: str
    figure: Figure
    is_ours: bool = False


def drawn(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """Return the picture."""
    most = max(bar.figure.high for bar in bars) or 1.0
    width, height = LEFT + WIDTH + RIGHT, TOP + ROW * len(bars) + 14
    lines = [
        "<!-- Drawn by `python -m hack.bench` from docs/benchmarks. -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}" rx="8"/>',
        f'<text class="head" x="16" y="26">{escape(title)}</text>',
    ]
    for number, bar in enumerate(bars):
        top = TOP + ROW * number
        low, middle, high = (LEFT + WIDTH * value / most for value in bar.figure)
        kind = "ours" if bar.is_ours else "bar"
        lines += [
            f'<text x="{LEFT - 10}" y="{top + 17}" style="text-anchor:end">{escape(bar.label)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{top + 3}" width="{middle - LEFT:.1f}" height="{ROW - 10}" rx="3"/>',
            f'<path class="range" d="M{low:.1f} {top + 13}H{high:.1f}"/>',
            f'<text class="value" x="{high + 8:.1f}" y="{top + 17}">{escape(bar.figure.text(unit))}</text>',
        ]
    return "\n".join([*lines, "</svg>\n"])
