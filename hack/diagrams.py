"""The diagrams of the documentation, drawn from boxes and arrows: `python -m hack.diagrams [--check]`.

SVG, because GitHub, Sphinx and a browser without network show it alike. It follows the reader's light or dark.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "docs" / "diagrams"
COLUMN: Final = 190
ROW: Final = 104
WIDTH: Final = 142
HEIGHT: Final = 62
MARGIN: Final = 16
STYLE: Final = """\
text{font:13px system-ui,sans-serif;fill:#1f2328;text-anchor:middle}.head{font-weight:600}.small{font-size:11.5px;fill:#59636e}
.paper{fill:#fff}.box{fill:#f6f8fa;stroke:#818b98}.person{fill:#fff8c5;stroke:#9a6700}.good{fill:#dafbe1;stroke:#1a7f37}
.bad{fill:#ffebe9;stroke:#cf222e}.ours{fill:#ddf4ff;stroke:#0969da}.arrow{stroke:#59636e;fill:none;stroke-width:1.4}.tip{fill:#59636e}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.paper{fill:#131416}.box{fill:#212830;stroke:#656c76}
.person{fill:#3b2e0a;stroke:#d29922}.good{fill:#12301c;stroke:#3fb950}.bad{fill:#3c1618;stroke:#f85149}.ours{fill:#10243e;stroke:#4493f8}
.arrow{stroke:#9198a1}.tip{fill:#9198a1}}
"""


@dataclass(frozen=True)
class Box:
    """A box in a cell of the grid: a head, and up to two lines below."""

    column: float
    row: float
    head: str
    lines: Sequence[str] = ()
    kind: str = "box"

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the box in pixels."""
        return MARGIN + self.column * COLUMN + WIDTH / 2, MARGIN + self.row * ROW + HEIGHT / 2


@dataclass(frozen=True)
class Arrow:
    """An arrow from a box to another one, straight, along the row or the column that both stand in."""

    start: str
    end: str
    label: str = ""


@dataclass(frozen=True)
class Diagram:
    """A picture, and what it says for those who do not see it."""

    title: str
    boxes: Mapping[str, Box]
    arrows: Sequence[Arrow]

    def svg(self) -> str:
        """Return the file."""
        width = MARGIN * 2 + max(box.column for box in self.boxes.values()) * COLUMN + WIDTH
        height = MARGIN * 2 + max(box.row for box in self.boxes.values()) * ROW + HEIGHT
        return "\n".join(
            [
                "<!-- Drawn by `python -m hack.diagrams`; edit hack/diagrams.py and draw again. -->",
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img">',
                f"<title>{escape(self.title)}</title>\n<style>{STYLE}</style>",
                (
                    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
                    'orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
                ),
                f'<rect class="paper" width="{width:g}" height="{height:g}" rx="8"/>',
                *(line for arrow in self.arrows for line in self._arrow(arrow)),
                *(line for box in self.boxes.values() for line in _box(box)),
                "</svg>\n",
            ]
        )

    def _arrow(self, arrow: Arrow) -> Iterator[str]:
        (x1, y1), (x2, y2) = self.boxes[arrow.start].middle, self.boxes[arrow.end].middle
        along = abs(x2 - x1) > abs(y2 - y1)
        if along:
            side = WIDTH / 2 * (1 if x2 > x1 else -1)
            x1, x2 = x1 + side, x2 - side
        else:
            side = HEIGHT / 2 * (1 if y2 > y1 else -1)
            y1, y2 = y1 + side, y2 - side
        yield f'<path class="arrow" marker-end="url(#tip)" d="M{x1:g} {y1:g}L{x2:g} {y2:g}"/>'
        if arrow.label:
            x, y = (x1 + x2) / 2, (y1 + y2) / 2
            where = (
                f'x="{x:g}" y="{y - 6:g}"'
                if along
                else f'x="{x + 6:g}" y="{y + 4:g}" style="text-anchor:start"'
            )
            yield f'<text class="small" {where}>{escape(arrow.label)}</text>'


def _box(box: Box) -> Iterator[str]:
    x, y = box.middle
    left, top = x - WIDTH / 2, y - HEIGHT / 2
    yield f'<rect class="{box.kind}" x="{left:g}" y="{top:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
    first = y + 4 - 8 * len(box.lines)
    yield f'<text class="head" x="{x:g}" y="{first:g}">{escape(box.head)}</text>'
    for number, line in enumerate(box.lines, 1):
        yield f'<text class="small" x="{x:g}" y="{first + 16 * number:g}">{escape(line)}</text>'


DIAGRAMS: Final[Mapping[str, Diagram]] = {
    "promotion": Diagram(
        "A person or a pipeline files a request; the operator judges the version on MLflow's metrics, moves the alias and "
        "rolls the pods. A refused version changes nothing, and a rollout that fails moves alias and pods back.",
        {
            "ask": Box(0, 0, "Request", ("a person, a pipeline,", "or the operator itself"), "person"),
            "judge": Box(1, 0, "Verdict", ("gates on metrics,", "people approve"), "ours"),
            "move": Box(2, 0, "Alias moves", ("champion: 3 → 4", "in MLflow"), "ours"),
            "roll": Box(3, 0, "Pods roll", ("and say that they", "serve version 4"), "ours"),
            "done": Box(4, 0, "Succeeded", ("signed record", "on the version"), "good"),
            "refused": Box(1, 1, "Rejected", ("with the numbers;", "nothing was changed"), "bad"),
            "fails": Box(3, 1, "Both go back", ("champion: 4 → 3,", "pods to version 3"), "ours"),
            "undone": Box(4, 1, "Rolled back", ("automatic steps", "are on hold"), "bad"),
        },
        [
            Arrow("ask", "judge"),
            Arrow("judge", "move", "passed"),
            Arrow("move", "roll"),
            Arrow("roll", "done", "ready"),
            Arrow("judge", "refused", "refused"),
            Arrow("roll", "fails", "rollout fails"),
            Arrow("fails", "undone"),
        ],
    ),
    "phases": Diagram(
        "The phases of a request. Pending or Queued, then Evaluating, AwaitingApproval, Promoting and RollingOut to "
        "Succeeded. It ends Rejected or Expired before anything moves, and RolledBack after.",
        {
            "pending": Box(0, 0, "Pending, Queued", ("for something outside,", "or for its turn")),
            "evaluating": Box(1, 0, "Evaluating", ("Jobs measure", "both versions"), "ours"),
            "awaiting": Box(2, 0, "AwaitingApproval", ("people are asked",), "person"),
            "promoting": Box(3, 0, "Promoting", ("the alias moves",), "ours"),
            "rolling": Box(4, 0, "RollingOut", ("wave by wave,", "then verified"), "ours"),
            "rejected": Box(1, 1, "Rejected", ("by a gate, a rule", "or a person"), "bad"),
            "expired": Box(2, 1, "Expired", ("nobody answered",), "bad"),
            "back": Box(4, 1, "RollingBack", ("what was begun", "is undone"), "ours"),
            "succeeded": Box(5, 0, "Succeeded", (), "good"),
            "undone": Box(5, 1, "RolledBack", ("or Aborted",), "bad"),
        },
        [
            Arrow("pending", "evaluating"),
            Arrow("evaluating", "awaiting"),
            Arrow("awaiting", "promoting"),
            Arrow("promoting", "rolling"),
            Arrow("evaluating", "rejected", "refused"),
            Arrow("awaiting", "expired", "72h"),
            Arrow("rolling", "succeeded", "ready"),
            Arrow("rolling", "back", "fails, abort"),
            Arrow("back", "undone"),
        ],
    ),
    "trust": Diagram(
        "Who writes where. People and pipelines write resources, and the API server's admission policies prove their names. "
        "The operator alone writes statuses, patches workloads, moves aliases and signs records. Training writes metrics to "
        "MLflow, which the operator believes.",
        {
            "people": Box(0, 0, "People, pipelines", ("write resources",), "person"),
            "api": Box(1.25, 0, "API server", ("proves who wrote,", "and whether they may")),
            "operator": Box(2.5, 0, "Operator", ("the only one that", "writes a status"), "ours"),
            "workloads": Box(3.75, 0, "Workloads", ("one annotation,", "configured variables")),
            "training": Box(0, 1, "Training", ("logs metrics, tags",), "person"),
            "mlflow": Box(2.5, 1, "MLflow", ("believed for what", "candidates are")),
            "record": Box(3.75, 1, "Record", ("signed; checked", "without a cluster"), "good"),
        },
        [
            Arrow("people", "api", "request"),
            Arrow("api", "operator", "proved"),
            Arrow("operator", "workloads", "rolls"),
            Arrow("training", "mlflow", "writes"),
            Arrow("operator", "mlflow", "moves the alias, signs"),
            Arrow("mlflow", "record", "tag"),
        ],
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the diagrams, or compare them and return 1 if one differs."""
    options = argparse.ArgumentParser(prog="python -m hack.diagrams", description=__doc__)
    options.add_argument("--check", action="store_true", help="write nothing; exit 1 if one is out of date")
    is_check = options.parse_args(arguments).check
    for name, diagram in DIAGRAMS.items():
        path = FOLDER / f"{name}.svg"
        if is_check and (not path.exists() or path.read_text(encoding="utf-8") != diagram.svg()):
            sys.stderr.write(f"{path.name} is out of date: run python -m hack.diagrams\n")
            return 1
        if not is_check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(diagram.svg(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
