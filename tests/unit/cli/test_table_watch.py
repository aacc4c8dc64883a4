"""A terminal is drawn anew when something has changed; elsewhere what is new is a line."""

from collections.abc import Mapping
from typing import Any

from modelalias.cli import output
from modelalias.cli.following import Key
from modelalias.cli.table_watch import Drawn, Report, Rows


class _Shown:
    def __init__(self, *, reads: bool = True) -> None:
        self.texts: list[str] = []
        self._reads = reads

    def __call__(self, text: str) -> bool:
        self.texts.append(text)
        return self._reads


def _objects(**versions: str) -> Mapping[Key, Any]:
    return {Key("ml", name): {"metadata": {"resourceVersion": version}} for name, version in versions.items()}


def _drawn(**cells: str) -> Drawn:
    return Drawn(("NAME", "VERSION"), {Key("ml", name): (name, cell) for name, cell in cells.items()})


def test_a_report_on_a_terminal_is_drawn_anew() -> None:
    shown = _Shown()
    report = Report(shown, redraws=True)

    for text in ("a\n", "a\n", "b\n"):
        report.look(text)

    assert shown.texts == [f"{output.CLEAR}a\n", f"{output.CLEAR}b\n"]


def test_a_report_elsewhere_says_what_is_new() -> None:
    shown = _Shown()
    report = Report(shown, redraws=False)

    report.look("phase: Ready\nname   x\n")
    report.look("phase: Promoting\nname      x\n")

    assert shown.texts == ["phase: Ready\nname   x\n", "phase: Promoting\n"]


def test_rows_elsewhere_are_those_that_changed() -> None:
    shown = _Shown()
    rows = Rows(shown, redraws=False)

    rows.look(_objects(a="1", churn="1"), _drawn(a="4", churn="7"))
    rows.look(_objects(a="1", churn="1"), _drawn(a="4", churn="7"))
    rows.look(_objects(a="2"), _drawn(a="5"))

    assert shown.texts == ["NAME    VERSION\na       4\nchurn   7\n", "a       5\nchurn   gone\n"]


def test_rows_on_a_terminal_are_the_whole_table() -> None:
    shown = _Shown()
    rows = Rows(shown, redraws=True)

    rows.look(_objects(a="1", b="1"), _drawn(a="4", b="7"))
    rows.look(_objects(a="1"), _drawn(a="4"))

    assert shown.texts[1] == f"{output.CLEAR}NAME   VERSION\na      4\n"


def test_a_namespace_stands_before_the_name_of_what_is_gone() -> None:
    shown = _Shown()
    rows = Rows(shown, redraws=False)

    rows.look(_objects(a="1"), Drawn(("NAMESPACE", "NAME", "X"), {Key("ml", "a"): ("ml", "a", "x")}))
    rows.look({}, Drawn(("NAMESPACE", "NAME", "X"), {}))

    assert shown.texts[1].split() == ["ml", "a", "gone"]


def test_whoever_stops_reading_is_told_of() -> None:
    assert not Report(_Shown(reads=False), redraws=False).look("a\n")
    assert not Rows(_Shown(reads=False), redraws=False).look(_objects(a="1"), _drawn(a="4"))
    assert Rows(_Shown(reads=False), redraws=False).look({}, _drawn())
