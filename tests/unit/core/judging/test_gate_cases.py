"""Gates by example: each case is a rule, two measured values and what is said of them, to be checked by hand.

A measured value is written `0.9`, `0.9 on val@1` (a dataset's name and digest), `0.9 on val@1, test@2` (one
value on two datasets) or `0.9 on val@1 | 0.8 on test@2` (one value on each of two). `missing` is one that was
not logged.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest

from modelalias.core.judging import gates
from modelalias.core.judging.metrics import Reading, Readings
from modelalias.ports import Dataset
from tests.support.world import gate

NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
LARGEST: Final = "1.7976931348623157E+308"
"""What MLflow stores for infinity."""


@dataclass(frozen=True)
class Case:
    """A gate, the values of candidate and champion (None: the alias names none), and how it comes out."""

    id: str
    gate: dict[str, Any]
    candidate: str
    champion: str | None
    result: str
    rule: str
    message: str = ""


def _at_least(threshold: float, **more: Any) -> dict[str, Any]:
    return {"direction": "HigherIsBetter", "threshold": threshold, **more}


def _at_most(threshold: float, **more: Any) -> dict[str, Any]:
    return {"direction": "LowerIsBetter", "threshold": threshold, **more}


def _higher(mode: str = "Absolute", **versus: float) -> dict[str, Any]:
    return {"direction": "HigherIsBetter", "champion": {**versus, "mode": mode}}


def _lower(mode: str = "Absolute", **versus: float) -> dict[str, Any]:
    return {"direction": "LowerIsBetter", "champion": {**versus, "mode": mode}}


SAME: Final = {"dataset": "SameAsChampion"}
EVALUATION: Final = {"metricFrom": "Evaluation"}
BETTER: Final = _higher(minImprovement=0.002)
UNCLEAR: Final = {"onMissing": "Inconclusive"}

NOT_LOGGED: Final = "the metric of the candidate was not logged"
CHAMPION_NOT_LOGGED: Final = "the metric of the champion was not logged"
NO_CHAMPION: Final = "no version was accepted yet, so there is no champion"
OF_ZERO: Final = "a relative distance to a champion of 0 means nothing"


def _not_comparable(side: str, value: str) -> str:
    return f"the metric of the {side} is {value}, which cannot be compared"


THRESHOLDS: Final = [
    Case("over the threshold", _at_least(0.85), "0.9", "0.95", "Passed", ">= 0.85"),
    Case("at the threshold", _at_least(0.85), "0.85", "0.95", "Passed", ">= 0.85"),
    Case("the double under the threshold", _at_least(0.85), "0.8499999999999999", "0.8", "Failed", ">= 0.85"),
    Case("at the threshold with a zero behind it", _at_least(0.85), "0.850", "0.8", "Passed", ">= 0.85"),
    Case("a loss under the threshold", _at_most(0.3), "0.29", "0.2", "Passed", "<= 0.3"),
    Case("a loss at the threshold", _at_most(0.3), "0.3", "0.2", "Passed", "<= 0.3"),
    Case(
        "the double over a loss's threshold", _at_most(0.3), "0.30000000000000004", "0.4", "Failed", "<= 0.3"
    ),
    Case("a threshold without a champion", _at_least(0.85), "0.85", None, "Passed", ">= 0.85"),
    Case("a threshold beside a champion that is NaN", _at_least(0.85), "0.85", "NaN", "Passed", ">= 0.85"),
    Case("a threshold of 0", _at_least(0), "0", "0", "Passed", ">= 0"),
    Case("minus 0 at a threshold of 0", _at_least(0), "-0.0", "0", "Passed", ">= 0"),
    Case("a whole number", _at_most(100), "100.0", "0", "Passed", "<= 100"),
    Case("RMSPE at 0.10", _at_most(0.10), "0.1", "0.09", "Passed", "<= 0.1"),
    Case("RMSPE over 0.10", _at_most(0.10), "0.1001", "0.2", "Failed", "<= 0.1"),
    Case("recall on its floor", _at_least(0.7), "0.7", "0.8", "Passed", ">= 0.7"),
    Case("recall through its floor", _at_least(0.7), "0.699", "0.6", "Failed", ">= 0.7"),
    Case("neg_log_loss at its bar", _at_least(-0.45), "-0.45", "-0.4", "Passed", ">= -0.45"),
    Case("neg_log_loss past its bar", _at_least(-0.45), "-0.4501", "-0.5", "Failed", ">= -0.45"),
    Case("a negative number that is to be low", _at_most(-1), "-1.5", "0", "Passed", "<= -1"),
    Case("tiny at a tiny threshold", _at_least(1e-300), "1E-300", "0", "Passed", ">= 1E-300"),
    Case("tiny under a tiny threshold", _at_least(1e-300), "9.99E-301", "0", "Failed", ">= 1E-300"),
    Case("huge at a huge threshold", _at_most(1e300), "1E+300", "0", "Passed", "<= 1E+300"),
    Case("huge over a huge threshold", _at_most(1e300), "1.0001E+300", "0", "Failed", "<= 1E+300"),
]

ABSOLUTE: Final = [
    Case(
        "improved by more than enough",
        BETTER,
        "0.871",
        "0.864",
        "Passed",
        ">= 0.866 (champion 0.864 + 0.002)",
    ),
    Case("improved by just enough", BETTER, "0.866", "0.864", "Passed", ">= 0.866 (champion 0.864 + 0.002)"),
    Case("improved by too little", BETTER, "0.8659", "0.864", "Failed", ">= 0.866 (champion 0.864 + 0.002)"),
    Case(
        "0.1 + 0.2 is 0.3", _higher(minImprovement=0.2), "0.3", "0.1", "Passed", ">= 0.3 (champion 0.1 + 0.2)"
    ),
    Case(
        "0.3 - 0.1 is 0.2", _lower(minImprovement=0.1), "0.2", "0.3", "Passed", "<= 0.2 (champion 0.3 - 0.1)"
    ),
    Case(
        "the same, no better asked",
        _higher(minImprovement=0),
        "0.864",
        "0.864",
        "Passed",
        ">= 0.864 (champion 0.864 + 0)",
    ),
    Case(
        "the same, no worse allowed",
        _higher(maxRegression=0),
        "0.864",
        "0.864",
        "Passed",
        ">= 0.864 (champion 0.864 - 0)",
    ),
    Case(
        "1e-17 better with no tolerance",
        _higher(maxRegression=0),
        "0.86400000000000001",
        "0.864",
        "Passed",
        ">= 0.864 (champion 0.864 - 0)",
    ),
    Case(
        "1e-17 worse with no tolerance",
        _higher(maxRegression=0),
        "0.86399999999999999",
        "0.864",
        "Failed",
        ">= 0.864 (champion 0.864 - 0)",
    ),
    Case(
        "a loss 1e-17 worse with no tolerance",
        _lower(maxRegression=0),
        "0.31200000000000001",
        "0.312",
        "Failed",
        "<= 0.312 (champion 0.312 + 0)",
    ),
    Case(
        "worse within the tolerance",
        _higher(maxRegression=0.01),
        "0.854",
        "0.864",
        "Passed",
        ">= 0.854 (champion 0.864 - 0.01)",
    ),
    Case(
        "worse beyond the tolerance",
        _higher(maxRegression=0.01),
        "0.853",
        "0.864",
        "Failed",
        ">= 0.854 (champion 0.864 - 0.01)",
    ),
    Case(
        "log loss on its tolerance",
        _lower(maxRegression=0.005),
        "0.417",
        "0.412",
        "Passed",
        "<= 0.417 (champion 0.412 + 0.005)",
    ),
    Case(
        "log loss past its tolerance",
        _lower(maxRegression=0.005),
        "0.4171",
        "0.412",
        "Failed",
        "<= 0.417 (champion 0.412 + 0.005)",
    ),
    Case(
        "RMSE better by just enough",
        _lower(minImprovement=0.5),
        "10",
        "10.5",
        "Passed",
        "<= 10 (champion 10.5 - 0.5)",
    ),
    Case(
        "RMSE better by too little",
        _lower(minImprovement=0.5),
        "10.01",
        "10.5",
        "Failed",
        "<= 10 (champion 10.5 - 0.5)",
    ),
    Case(
        "neg_mean_squared_error improved",
        _higher(minImprovement=0.5),
        "-10",
        "-10.5",
        "Passed",
        ">= -10 (champion -10.5 + 0.5)",
    ),
    Case(
        "neg_mean_squared_error not improved",
        _higher(minImprovement=0.5),
        "-10.1",
        "-10.5",
        "Failed",
        ">= -10 (champion -10.5 + 0.5)",
    ),
    Case(
        "neg_log_loss on its tolerance",
        _higher(maxRegression=0.005),
        "-0.417",
        "-0.412",
        "Passed",
        ">= -0.417 (champion -0.412 - 0.005)",
    ),
    Case(
        "neg_log_loss past its tolerance",
        _higher(maxRegression=0.005),
        "-0.418",
        "-0.412",
        "Failed",
        ">= -0.417 (champion -0.412 - 0.005)",
    ),
    Case(
        "a champion of 0", _higher(minImprovement=0.01), "0.01", "0", "Passed", ">= 0.01 (champion 0 + 0.01)"
    ),
    Case(
        "a champion of minus 0",
        _higher(minImprovement=0.01),
        "0.009",
        "-0.0",
        "Failed",
        ">= 0.01 (champion 0 + 0.01)",
    ),
    Case(
        "from below 0 to above",
        _higher(minImprovement=0.25),
        "0.2",
        "-0.05",
        "Passed",
        ">= 0.2 (champion -0.05 + 0.25)",
    ),
    Case(
        "1e300 and 1e-300 are both counted",
        _higher(minImprovement=1e-300),
        "1E+300",
        "1E+300",
        "Failed",
        f">= 1{'0' * 300}.{'0' * 299}1 (champion 1E+300 + 1E-300)",
    ),
    Case(
        "a bar beyond all doubles",
        _higher(minImprovement=1e308),
        "9.9E+307",
        "9.9E+307",
        "Failed",
        ">= Infinity (champion 9.9E+307 + 1E+308)",
    ),
]

RELATIVE: Final = [
    Case(
        "two percent better",
        _higher("Relative", minImprovement=0.02),
        "0.816",
        "0.8",
        "Passed",
        ">= 0.816 (champion 0.8 + 0.02 of it)",
    ),
    Case(
        "not two percent better",
        _higher("Relative", minImprovement=0.02),
        "0.8159",
        "0.8",
        "Failed",
        ">= 0.816 (champion 0.8 + 0.02 of it)",
    ),
    Case(
        "precision 1 % worse",
        _higher("Relative", maxRegression=0.01),
        "0.891",
        "0.9",
        "Passed",
        ">= 0.891 (champion 0.9 - 0.01 of it)",
    ),
    Case(
        "precision more than 1 % worse",
        _higher("Relative", maxRegression=0.01),
        "0.8909",
        "0.9",
        "Failed",
        ">= 0.891 (champion 0.9 - 0.01 of it)",
    ),
    Case(
        "RMSE 5 % better",
        _lower("Relative", minImprovement=0.05),
        "19",
        "20",
        "Passed",
        "<= 19 (champion 20 - 0.05 of it)",
    ),
    Case(
        "RMSE not 5 % better",
        _lower("Relative", minImprovement=0.05),
        "19.01",
        "20",
        "Failed",
        "<= 19 (champion 20 - 0.05 of it)",
    ),
    Case(
        "RMSE 10 % worse",
        _lower("Relative", maxRegression=0.1),
        "22",
        "20",
        "Passed",
        "<= 22 (champion 20 + 0.1 of it)",
    ),
    Case(
        "RMSE more than 10 % worse",
        _lower("Relative", maxRegression=0.1),
        "22.001",
        "20",
        "Failed",
        "<= 22 (champion 20 + 0.1 of it)",
    ),
    Case(
        "neg_log_loss 2 % better",
        _higher("Relative", minImprovement=0.02),
        "-0.49",
        "-0.5",
        "Passed",
        ">= -0.49 (champion -0.5 + 0.02 of it)",
    ),
    Case(
        "neg_log_loss not 2 % better",
        _higher("Relative", minImprovement=0.02),
        "-0.491",
        "-0.5",
        "Failed",
        ">= -0.49 (champion -0.5 + 0.02 of it)",
    ),
    Case(
        "neg_log_loss 2 % worse",
        _higher("Relative", maxRegression=0.02),
        "-0.51",
        "-0.5",
        "Passed",
        ">= -0.51 (champion -0.5 - 0.02 of it)",
    ),
    Case(
        "neg_log_loss more than 2 % worse",
        _higher("Relative", maxRegression=0.02),
        "-0.511",
        "-0.5",
        "Failed",
        ">= -0.51 (champion -0.5 - 0.02 of it)",
    ),
    Case(
        "neg_mean_squared_error 1 % better",
        _higher("Relative", minImprovement=0.01),
        "-99",
        "-100",
        "Passed",
        ">= -99 (champion -100 + 0.01 of it)",
    ),
    Case(
        "a negative loss 10 % worse",
        _lower("Relative", maxRegression=0.1),
        "-0.45",
        "-0.5",
        "Passed",
        "<= -0.45 (champion -0.5 + 0.1 of it)",
    ),
    Case(
        "a negative loss more than 10 % worse",
        _lower("Relative", maxRegression=0.1),
        "-0.44",
        "-0.5",
        "Failed",
        "<= -0.45 (champion -0.5 + 0.1 of it)",
    ),
    Case(
        "twice as good",
        _higher("Relative", minImprovement=1),
        "0.8",
        "0.4",
        "Passed",
        ">= 0.8 (champion 0.4 + 1 of it)",
    ),
    Case(
        "anything down to 0 is allowed",
        _higher("Relative", maxRegression=1),
        "0",
        "0.4",
        "Passed",
        ">= 0 (champion 0.4 - 1 of it)",
    ),
    Case(
        "the same, relative, no worse allowed",
        _higher("Relative", maxRegression=0),
        "-0.5",
        "-0.5",
        "Passed",
        ">= -0.5 (champion -0.5 - 0 of it)",
    ),
    Case(
        "10 % of a tiny champion",
        _higher("Relative", minImprovement=0.1),
        "1.1E-300",
        "1E-300",
        "Passed",
        ">= 1.1E-300 (champion 1E-300 + 0.1 of it)",
    ),
    Case(
        "not 10 % of a huge champion",
        _higher("Relative", minImprovement=0.1),
        "1.09E+300",
        "1E+300",
        "Failed",
        ">= 1.1E+300 (champion 1E+300 + 0.1 of it)",
    ),
    Case(
        "better than 0 by a share of it",
        _higher("Relative", minImprovement=0.02),
        "0.9",
        "0",
        "Inconclusive",
        ">= champion + 0.02 of it",
        OF_ZERO,
    ),
    Case(
        "no worse than 0 by a share of it",
        _lower("Relative", maxRegression=0),
        "0",
        "-0.0",
        "Inconclusive",
        "<= champion + 0 of it",
        OF_ZERO,
    ),
]

NOT_NUMBERS: Final = [
    Case("not logged", _at_least(0.85), "missing", "0.8", "Failed", ">= 0.85", NOT_LOGGED),
    Case(
        "not logged, to be asked",
        _at_least(0.85, **UNCLEAR),
        "missing",
        "0.8",
        "Inconclusive",
        ">= 0.85",
        NOT_LOGGED,
    ),
    Case("NaN", _at_least(0.85), "NaN", "0.8", "Failed", ">= 0.85", _not_comparable("candidate", "NaN")),
    Case(
        "NaN, to be asked",
        _at_least(0.85, **UNCLEAR),
        "NaN",
        "0.8",
        "Inconclusive",
        ">= 0.85",
        _not_comparable("candidate", "NaN"),
    ),
    Case(
        "infinity over a threshold",
        _at_least(0.85),
        "Infinity",
        "0.8",
        "Failed",
        ">= 0.85",
        _not_comparable("candidate", "Infinity"),
    ),
    Case(
        "minus infinity under a threshold",
        _at_most(0.3),
        "-Infinity",
        "0.8",
        "Failed",
        "<= 0.3",
        _not_comparable("candidate", "-Infinity"),
    ),
    Case(
        "MLflow's infinity over a threshold",
        _at_least(0.85),
        LARGEST,
        "0.8",
        "Failed",
        ">= 0.85",
        _not_comparable("candidate", "Infinity"),
    ),
    Case(
        "MLflow's minus infinity under a threshold",
        _at_most(0.3),
        f"-{LARGEST}",
        "0.8",
        "Failed",
        "<= 0.3",
        _not_comparable("candidate", "-Infinity"),
    ),
    Case("a very large number is one", _at_least(0.85), "9.9E+307", "0.8", "Passed", ">= 0.85"),
    Case(
        "somebody's own stand-in for infinity",
        _at_least(0.85),
        "1E+308",
        "0.8",
        "Failed",
        ">= 0.85",
        _not_comparable("candidate", "1E+308"),
    ),
    Case(
        "NaN beside a champion",
        BETTER,
        "NaN",
        "0.8",
        "Failed",
        ">= 0.802 (champion 0.8 + 0.002)",
        _not_comparable("candidate", "NaN"),
    ),
    Case(
        "champion not logged",
        BETTER,
        "0.9",
        "missing",
        "Inconclusive",
        ">= champion + 0.002",
        CHAMPION_NOT_LOGGED,
    ),
    Case(
        "champion not logged, to be asked",
        {**BETTER, **UNCLEAR},
        "0.9",
        "missing",
        "Inconclusive",
        ">= champion + 0.002",
        CHAMPION_NOT_LOGGED,
    ),
    Case(
        "champion is NaN",
        BETTER,
        "0.9",
        "NaN",
        "Inconclusive",
        ">= champion + 0.002",
        _not_comparable("champion", "NaN"),
    ),
    Case(
        "champion is infinite and to be beaten downwards",
        _lower(minImprovement=0),
        "0.1",
        "Infinity",
        "Inconclusive",
        "<= champion - 0",
        _not_comparable("champion", "Infinity"),
    ),
    Case(
        "champion is MLflow's minus infinity",
        BETTER,
        "0.9",
        f"-{LARGEST}",
        "Inconclusive",
        ">= champion + 0.002",
        _not_comparable("champion", "-Infinity"),
    ),
    Case("neither was logged", BETTER, "missing", "missing", "Failed", ">= champion + 0.002", NOT_LOGGED),
    Case(
        "not logged, beside a share of 0",
        _higher("Relative", minImprovement=0.1),
        "missing",
        "0",
        "Failed",
        ">= champion + 0.1 of it",
        NOT_LOGGED,
    ),
    Case(
        "not logged, to be asked, beside a share of 0",
        {**_higher("Relative", minImprovement=0.1), **UNCLEAR},
        "missing",
        "0",
        "Inconclusive",
        ">= champion + 0.1 of it",
        NOT_LOGGED,
    ),
]

NO_CHAMPIONS: Final = [
    Case("no champion yet", BETTER, "0.5", None, "Passed", ">= champion + 0.002", NO_CHAMPION),
    Case(
        "no champion, to pass",
        {**BETTER, "onNoChampion": "Pass"},
        "0.5",
        None,
        "Passed",
        ">= champion + 0.002",
        NO_CHAMPION,
    ),
    Case(
        "no champion, to fail",
        {**BETTER, "onNoChampion": "Fail"},
        "0.5",
        None,
        "Failed",
        ">= champion + 0.002",
        NO_CHAMPION,
    ),
    Case(
        "no champion, to be asked",
        {**BETTER, "onNoChampion": "Inconclusive"},
        "0.5",
        None,
        "Inconclusive",
        ">= champion + 0.002",
        NO_CHAMPION,
    ),
    Case(
        "no champion for a share",
        _lower("Relative", maxRegression=0.1),
        "0.5",
        None,
        "Passed",
        "<= champion + 0.1 of it",
        NO_CHAMPION,
    ),
    Case("neither champion nor metric", BETTER, "missing", None, "Failed", ">= champion + 0.002", NOT_LOGGED),
    Case(
        "neither champion nor metric, to be asked",
        {**BETTER, **UNCLEAR},
        "NaN",
        None,
        "Inconclusive",
        ">= champion + 0.002",
        _not_comparable("candidate", "NaN"),
    ),
    Case(
        "no champion to be on the same data with",
        {**BETTER, **SAME},
        "0.5 on val@1",
        None,
        "Passed",
        ">= champion + 0.002",
        NO_CHAMPION,
    ),
    Case(
        "no champion for an evaluation",
        {**BETTER, **EVALUATION},
        "0.5",
        None,
        "Passed",
        ">= champion + 0.002",
        NO_CHAMPION,
    ),
    Case("a threshold on the same data as nobody", _at_least(0.85, **SAME), "0.8", None, "Failed", ">= 0.85"),
]

ON_DATA: Final = "not measured on the same data: "
BAR: Final = ">= 0.802 (champion 0.8 + 0.002)"
ON_SAME: Final = {**BETTER, **SAME}
EVALUATED: Final = {**BETTER, **EVALUATION}
SEVERAL: Final = "was measured on several datasets (test@2, val@1)"
DATA: Final = [
    Case("the same data", ON_SAME, "0.9 on val@1", "0.8 on val@1", "Passed", BAR),
    Case("the same data, worse", ON_SAME, "0.8 on val@1", "0.8 on val@1", "Failed", BAR),
    Case(
        "the same digest by another name",
        ON_SAME,
        "0.9 on val@1",
        "0.8 on holdout@1",
        "Inconclusive",
        BAR,
        ON_DATA + "the candidate on val@1, the champion on holdout@1",
    ),
    Case(
        "another digest by the same name",
        ON_SAME,
        "0.9 on val@1",
        "0.8 on val@2",
        "Inconclusive",
        BAR,
        ON_DATA + "the candidate on val@1, the champion on val@2",
    ),
    Case(
        "data of the candidate unknown",
        ON_SAME,
        "0.9",
        "0.8 on val@1",
        "Inconclusive",
        BAR,
        "the dataset of the candidate is not known",
    ),
    Case(
        "data of the champion unknown",
        ON_SAME,
        "0.9 on val@1",
        "0.8",
        "Inconclusive",
        BAR,
        "the dataset of the champion is not known",
    ),
    Case(
        "data of both unknown",
        ON_SAME,
        "0.9",
        "0.8",
        "Inconclusive",
        BAR,
        "the dataset of the candidate and of the champion is not known",
    ),
    Case(
        "the same name, no digest",
        ON_SAME,
        "0.9 on val@",
        "0.8 on val@",
        "Inconclusive",
        BAR,
        "the dataset of the candidate and of the champion is not known",
    ),
    Case(
        "one of two without a digest",
        ON_SAME,
        "0.9 on val@1, test@",
        "0.8 on val@1, test@",
        "Inconclusive",
        BAR,
        "the dataset of the candidate and of the champion is not known",
    ),
    Case("two inputs, the same two", ON_SAME, "0.9 on val@1, test@2", "0.8 on test@2, val@1", "Passed", BAR),
    Case(
        "two inputs, one of them shared",
        ON_SAME,
        "0.9 on val@1, test@2",
        "0.8 on val@1",
        "Inconclusive",
        BAR,
        ON_DATA + "the candidate on test@2, val@1, the champion on val@1",
    ),
    Case(
        "a value for each, one shared",
        ON_SAME,
        "0.1 on val@1 | 0.9 on test@2",
        "0.8 on test@2",
        "Passed",
        BAR,
    ),
    Case(
        "a value for each, the shared one is worse",
        ON_SAME,
        "0.9 on val@1 | 0.1 on test@2",
        "0.8 on test@2",
        "Failed",
        BAR,
    ),
    Case(
        "a value for each, the shared one is NaN",
        ON_SAME,
        "0.9 on val@1 | NaN on test@2",
        "0.8 on test@2",
        "Failed",
        BAR,
        _not_comparable("candidate", "NaN"),
    ),
    Case(
        "a value for each, both shared",
        ON_SAME,
        "0.9 on val@1 | 0.9 on test@2",
        "0.8 on val@1 | 0.8 on test@2",
        "Inconclusive",
        BAR,
        "both were measured on several datasets (test@2, val@1)",
    ),
    Case(
        "a value for each, none shared",
        ON_SAME,
        "0.9 on val@1 | 0.9 on test@2",
        "0.8 on val@3",
        "Inconclusive",
        BAR,
        ON_DATA + "the candidate on test@2, val@1, the champion on val@3",
    ),
    Case(
        "a value for each, none shared, one NaN",
        ON_SAME,
        "0.9 on val@1 | NaN on test@2",
        "0.8 on val@3",
        "Inconclusive",
        BAR,
        ON_DATA + "the candidate on test@2, val@1, the champion on val@3",
    ),
    Case("not logged, on other data", ON_SAME, "missing on val@1", "0.8 on val@2", "Failed", BAR, NOT_LOGGED),
    Case(
        "a threshold on the same data",
        _at_least(0.85, **SAME),
        "0.9 on val@1",
        "0.1 on val@1",
        "Passed",
        ">= 0.85",
    ),
    Case(
        "a threshold on other data",
        _at_least(0.85, **SAME),
        "0.9 on val@1",
        "0.9 on val@2",
        "Inconclusive",
        ">= 0.85",
        ON_DATA + "the candidate on val@1, the champion on val@2",
    ),
    Case(
        "a threshold on the data of a champion that is NaN",
        _at_least(0.85, **SAME),
        "0.9 on val@1",
        "NaN on val@1",
        "Passed",
        ">= 0.85",
    ),
    Case("any data", BETTER, "0.9 on val@1", "0.8 on val@2", "Passed", BAR),
    Case(
        "any data, several for the candidate",
        BETTER,
        "0.9 on val@1 | 0.9 on test@2",
        "0.8",
        "Inconclusive",
        BAR,
        f"the candidate {SEVERAL}",
    ),
    Case(
        "any data, several for the candidate, one NaN",
        BETTER,
        "0.9 on val@1 | NaN on test@2",
        "0.8",
        "Inconclusive",
        BAR,
        f"the candidate {SEVERAL}",
    ),
    Case(
        "any data, several for the candidate, one unknown",
        BETTER,
        "0.9 on val@1 | 0.8",
        "0.8",
        "Inconclusive",
        BAR,
        "the candidate was measured on several datasets (an unknown one, val@1)",
    ),
    Case(
        "any data, several for the champion",
        BETTER,
        "0.9 on val@1",
        "0.8 on val@1 | 0.8 on test@2",
        "Inconclusive",
        BAR,
        f"the champion {SEVERAL}",
    ),
    Case(
        "a threshold, several for the candidate",
        _at_least(0.85),
        "0.9 on val@1 | 0.9 on test@2",
        "0.8",
        "Inconclusive",
        ">= 0.85",
        f"the candidate {SEVERAL}",
    ),
    Case(
        "a threshold, several for the champion",
        _at_least(0.85),
        "0.9 on val@1",
        "0.8 on val@1 | 0.8 on test@2",
        "Passed",
        ">= 0.85",
    ),
    Case("evaluations on the same data", EVALUATED, "0.9 on val@1", "0.8 on val@1", "Passed", BAR),
    Case(
        "evaluations on other data",
        EVALUATED,
        "0.9 on val@1",
        "0.8 on val@2",
        "Inconclusive",
        BAR,
        ON_DATA + "the candidate on val@1, the champion on val@2",
    ),
    Case(
        "evaluations on unknown data",
        EVALUATED,
        "0.9",
        "0.8",
        "Inconclusive",
        BAR,
        "the dataset of the candidate and of the champion is not known",
    ),
    Case(
        "an evaluation beside a threshold", _at_least(0.85, **EVALUATION), "0.9", "0.8", "Passed", ">= 0.85"
    ),
]

ADVICE: Final = [
    Case("advice that fails", _at_least(0.85, enforcement="Advise"), "0.8", "0.9", "Failed", ">= 0.85"),
    Case("advice that passes", _at_least(0.85, enforcement="Advise"), "0.9", "0.9", "Passed", ">= 0.85"),
    Case(
        "advice on nothing",
        _at_least(0.85, enforcement="Advise"),
        "missing",
        None,
        "Failed",
        ">= 0.85",
        NOT_LOGGED,
    ),
]

CASES: Final = (*THRESHOLDS, *ABSOLUTE, *RELATIVE, *NOT_NUMBERS, *NO_CHAMPIONS, *DATA, *ADVICE)


def _read(text: str) -> Readings:
    return tuple(_reading(item) for item in text.split(" | "))


def _reading(text: str) -> Reading:
    value, _, names = text.partition(" on ")
    named = [item.split("@") for item in names.split(", ") if item]
    return Reading(
        value=None if value == "missing" else Decimal(value),
        datasets=tuple(Dataset(name=name, digest=digest) for name, digest in named),
    )


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_worked_case(case: Case) -> None:
    rule = gate(**case.gate)
    champion = None if case.champion is None else _read(case.champion)

    finding = gates.judge_one(rule, _read(case.candidate), champion, NOW, has_champion=champion is not None)

    assert (finding.result, finding.rule, finding.message) == (case.result, case.rule, case.message)
    assert gates.blocks(finding) == (case.result != "Passed" and "enforcement" not in case.gate)


@pytest.mark.parametrize(
    ("rule", "candidate", "champion", "told"),
    [
        pytest.param(
            _at_least(0.85), "0.90", "0.80", ("0.9", None, None), id="a threshold tells no champion"
        ),
        pytest.param(BETTER, "0.90", "0.80", ("0.9", "0.8", None), id="both values"),
        pytest.param(BETTER, "0.9", None, ("0.9", None, None), id="no champion"),
        pytest.param(BETTER, "missing", "NaN", (None, "NaN", None), id="not logged and NaN"),
        pytest.param(BETTER, "0.9 on val@1", "0.8 on val@1", ("0.9", "0.8", "val@1"), id="the same data"),
        pytest.param(
            BETTER, "0.9 on val@1", None, ("0.9", None, "val@1"), id="the data of a candidate alone"
        ),
        pytest.param(
            _at_least(0.85), "0.9 on val@1", "0.8 on val@2", ("0.9", None, "val@1"), id="a threshold's data"
        ),
        pytest.param(
            BETTER, "0.9 on val@1", "0.8 on val@2", ("0.9", "0.8", "val@1; champion: val@2"), id="other data"
        ),
        pytest.param(
            {**BETTER, **SAME},
            "0.9 on val@1",
            "0.8 on holdout@1",
            ("0.9", "0.8", "val@1; champion: holdout@1"),
            id="the same data by another name",
        ),
        pytest.param(
            BETTER, "0.9", "0.8 on val@2", ("0.9", "0.8", "unknown; champion: val@2"), id="unknown of one"
        ),
        pytest.param(
            BETTER,
            "0.9 on val@1",
            "0.8",
            ("0.9", "0.8", "val@1; champion: unknown"),
            id="unknown of the other",
        ),
        pytest.param(
            BETTER,
            "0.9 on val@1, test@2",
            "0.8 on test@2, val@1",
            ("0.9", "0.8", "test@2, val@1"),
            id="two inputs",
        ),
        pytest.param(BETTER, "0.9 on val@", "0.8 on val@", ("0.9", "0.8", "val"), id="data without a digest"),
        pytest.param(
            {**BETTER, **SAME},
            "0.1 on val@1 | 0.9 on test@2",
            "0.3 on x@3 | 0.8 on test@2",
            ("0.9", "0.8", "test@2"),
            id="what was chosen of several",
        ),
        pytest.param(
            BETTER,
            "0.1 on val@1 | 0.9 on test@2",
            "0.8 on test@2",
            ("0.9", "0.8", "test@2"),
            id="the first of several",
        ),
        pytest.param(
            {**BETTER, **SAME},
            "0.9",
            "0.3 on val@1 | 0.8 on test@2",
            ("0.9", "0.8", "unknown; champion: test@2"),
            id="the first of the champion's",
        ),
        pytest.param(
            _at_least(0.85, **SAME),
            "0.9 on val@1",
            "0.8 on val@1",
            ("0.9", None, "val@1"),
            id="only the champion's data",
        ),
    ],
)
def test_a_finding_tells_the_values_and_the_data(
    rule: dict[str, Any],
    candidate: str,
    champion: str | None,
    told: tuple[str | None, str | None, str | None],
) -> None:
    readings = None if champion is None else _read(champion)

    finding = gates.judge_one(
        gate(**rule), _read(candidate), readings, NOW, has_champion=champion is not None
    )

    assert (finding.candidate, finding.champion, finding.dataset) == told
    assert finding.evaluated_at == NOW


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (_at_least(0.85), ">= 0.85"),
        (_at_most(0.3), "<= 0.3"),
        (BETTER, ">= champion + 0.002"),
        (_lower("Relative", maxRegression=0.1), "<= champion + 0.1 of it"),
        (_lower(minImprovement=0.1), "<= champion - 0.1"),
        (_higher("Relative", maxRegression=0.1), ">= champion - 0.1 of it"),
    ],
    ids=str,
)
@pytest.mark.parametrize("enforcement", ["Block", "Advise"])
def test_a_skipped_gate_tells_its_rule_and_why(rule: dict[str, Any], words: str, enforcement: str) -> None:
    finding = gates.skipped(
        gate(name="best", enforcement=enforcement, **rule), "a rollback is not judged", NOW
    )

    assert (finding.name, finding.metric, finding.result, finding.rule) == (
        "best",
        "val_auc",
        "Skipped",
        words,
    )
    assert (finding.candidate, finding.champion, finding.dataset) == (None, None, None)
    assert (finding.message, finding.evaluated_at, finding.enforcement) == (
        "a rollback is not judged",
        NOW,
        enforcement,
    )
    assert not gates.blocks(finding)


@pytest.mark.parametrize(
    ("rule", "candidate", "champion", "words"),
    [
        pytest.param(
            _at_least(0.85),
            "0.80",
            "1",
            "gate auc: val_auc 0.8 is not >= 0.85, short by 0.05",
            id="threshold",
        ),
        pytest.param(
            BETTER,
            "0.865",
            "0.864",
            "gate auc: val_auc 0.865 is not >= 0.866 (champion 0.864 + 0.002), short by 0.001",
            id="champion",
        ),
        pytest.param(
            _at_least(0.85), "missing", "1", f"gate auc: val_auc is missing: {NOT_LOGGED}", id="missing"
        ),
        pytest.param(
            _at_least(0.85),
            "NaN",
            "1",
            "gate auc: val_auc is NaN: the metric of the candidate is NaN, which cannot be compared",
            id="NaN",
        ),
        pytest.param(
            BETTER,
            "0.9",
            "missing",
            f"gate auc: val_auc is 0.9: {CHAMPION_NOT_LOGGED}",
            id="champion missing",
        ),
    ],
)
def test_a_sentence_names_the_gate_the_metric_and_the_rule(
    rule: dict[str, Any], candidate: str, champion: str, words: str
) -> None:
    finding = gates.judge_one(gate(**rule), _read(candidate), _read(champion), NOW, has_champion=True)

    assert gates.sentence(finding) == words
