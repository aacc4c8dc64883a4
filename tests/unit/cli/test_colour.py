"""Words that say how something stands have a colour on a terminal, and nothing else has."""

from collections.abc import Mapping

import pytest

from modelalias.api.alias_status import AliasPhase
from modelalias.api.conditions import AliasCondition, RequestCondition
from modelalias.api.history import Outcome
from modelalias.api.request_status import GateResult, Phase
from modelalias.api.serving_status import ServingState
from modelalias.cli import colour, output
from modelalias.cli.diagnosis import State

GREEN, RED, YELLOW = (f"\x1b[{code}m" for code in (32, 31, 33))
END = "\x1b[0m"
NEUTRAL = {"Reconciling"}


class _Stream:
    def __init__(self, *, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize("words", [AliasPhase, Phase, Outcome, ServingState, GateResult, State])
def test_each_word_of_the_api_has_a_colour_or_is_plain(words: type[AliasPhase]) -> None:
    assert {str(word) for word in words} - colour.COLOURS.keys() <= colour.PLAIN


def test_each_condition_is_good_or_bad() -> None:
    kinds = {str(kind) for kind in (*AliasCondition, *RequestCondition)} - NEUTRAL

    plain = {kind for kind in kinds if colour.painted(f"{kind}   True   X\n") == f"{kind}   True   X\n"}

    assert plain == set()


@pytest.mark.parametrize(
    ("line", "painted"),
    [
        ("phase: Ready", f"phase: {GREEN}Ready{END}"),
        ("phase: AwaitingApproval", f"phase: {YELLOW}AwaitingApproval{END}"),
        ("auc   Failed   0.7", f"auc   {RED}Failed{END}   0.7"),
        ("churn   4   Ready", f"churn   4   {GREEN}Ready{END}"),
        ("InSync   False     Drifted     -", f"InSync   {RED}False{END}     {YELLOW}Drifted{END}     -"),
        ("Held     True      RolledBack   m", f"Held     {YELLOW}True{END}      {RED}RolledBack{END}   m"),
        ("Held     False     Released   m", "Held     False     Released   m"),
    ],
)
def test_a_word_that_is_a_cell_is_coloured(line: str, painted: str) -> None:
    assert colour.painted(f"{line}\n") == f"{painted}\n"


@pytest.mark.parametrize(
    "line",
    [
        "Ready   4",
        "it Failed to start",
        "a: Ready",
        "phase: Ready to go",
        "its phase: Ready",
        '  "phase": "Ready",',
        "phase   Readying   x",
    ],
)
def test_a_name_or_a_sentence_is_not(line: str) -> None:
    assert colour.painted(f"{line}\n") == f"{line}\n"


@pytest.mark.parametrize(
    ("is_terminal", "environ", "wanted"),
    [
        (True, {}, True),
        (True, {"TERM": "xterm"}, True),
        (True, {"NO_COLOR": ""}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    is_terminal: bool, environ: Mapping[str, str], wanted: bool
) -> None:
    assert colour.is_wanted(_Stream(is_terminal=is_terminal), environ) is wanted


def test_what_a_tenant_writes_brings_no_colour_along() -> None:
    assert "\x1b" not in colour.painted(output.lines(["name   \x1b[31mReady\x1b[0m   x"]))


def test_elsewhere_than_on_a_terminal_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    output.show("phase: Ready\n")

    assert capsys.readouterr().out == "phase: Ready\n"
