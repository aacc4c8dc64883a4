"""Numbers as people read them: six digits are enough, unless two that differ would then read the same.

What programs read, the fields of a finding and the evidence, keeps every digit.
"""

import re
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from typing import Final

from modelalias.api.request_status import Finding, GateResult

DIGITS: Final = 6
MOST_DIGITS: Final = 700
"""As many as `gates` calculates with."""

_WIDE: Final = Context(prec=MOST_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN)
_FARTHEST: Final = 100_000
"""Powers of ten from 1 within which differences are told; no float is a thousandth as far."""
_NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:E[+-]?\d+)?(?![\w.])")


def text(value: Decimal) -> str:
    """Write a finite number as people do: plain where it is short, with an exponent where it is not."""
    short = value.normalize(_WIDE) if value else Decimal(0)  # and no negative zero
    return f"{short:f}" if -12 < short.adjusted() < 15 else str(short)  # noqa: PLR2004 - what still reads as a number


def short(number: str, *others: str) -> str:
    """Return a number with six digits, or with as many as tell it from the others where it is another one.

    Digits before the point are never rounded away. What is no number is returned as it is.
    """
    value = _value(number)
    if value is None:
        return number
    different = [other for other in map(_value, others) if other is not None and other != value]
    for digits in range(DIGITS, MOST_DIGITS):
        rounded = _rounded(value, digits)
        if rounded == value or all(rounded != _rounded(other, digits) for other in different):
            return text(rounded)
    return number


def rule(finding: Finding) -> str:
    """Return the rule of a finding with its numbers as people read them."""
    numbers = _NUMBER.findall(finding.rule)
    beside = [item for item in (finding.candidate, *numbers) if item is not None]
    return _NUMBER.sub(lambda found: short(found.group(), *beside), finding.rule)


def candidate(finding: Finding) -> str | None:
    """Return the candidate's value as people read it beside the rule."""
    return None if finding.candidate is None else short(finding.candidate, *_NUMBER.findall(finding.rule))


def champion(finding: Finding) -> str | None:
    """Return the champion's value as people read it beside the candidate's."""
    if finding.champion is None:
        return None
    return short(finding.champion, *([] if finding.candidate is None else [finding.candidate]))


def difference(finding: Finding) -> str | None:
    """Return by how much the candidate's value differs from the champion's, with its sign; None unless both are numbers."""
    candidate, champion = (
        None if number is None else _near(number) for number in (finding.candidate, finding.champion)
    )
    if candidate is None or champion is None:
        return None
    by = _WIDE.subtract(candidate, champion)
    return f"{'+' if by > 0 else ''}{short(str(by))}"


def distance(finding: Finding) -> str:
    """Return by how much a gate that compared two numbers was missed, such as "short by 0.057"; "" otherwise."""
    found = _NUMBER.search(finding.rule)
    bar = None if found is None else _near(found.group())
    value = None if finding.candidate is None else _near(finding.candidate)
    if finding.result is not GateResult.FAILED or finding.message or bar is None or value is None:
        return ""
    by = _WIDE.abs(_WIDE.subtract(bar, value))
    return f"{'short' if finding.rule.startswith('>=') else 'over'} by {short(str(by))}"


def _value(number: str) -> Decimal | None:
    try:
        value = Decimal(number)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _near(number: str) -> Decimal | None:
    """Return the value of a number that others can be subtracted from."""
    value = _value(number)
    return None if value is None or abs(value.adjusted()) > _FARTHEST else value


def _rounded(value: Decimal, digits: int) -> Decimal:
    """Round to so many digits, and not above the point."""
    whole = value.adjusted() + 1
    kept = max(digits, whole) if whole <= 15 else digits  # noqa: PLR2004 - beyond, `text` writes an exponent
    return Context(prec=kept, Emax=MAX_EMAX, Emin=MIN_EMIN).create_decimal(value)
