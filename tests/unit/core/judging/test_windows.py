"""Windows together: until when something waits, whom that concerns, and what is said of it."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.api.alias import Operation, Window, WindowOperation
from modelalias.api.conditions import Reason
from modelalias.core.judging import windows
from modelalias.core.judging.schedule import open_until

FRIDAY_NIGHT = datetime(2026, 1, 2, 20, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WEEKEND: dict[str, Any] = {
    "name": "freeze-weekend",
    "cron": "0 18 * * 5",
    "duration": "60h",
    "timeZone": "Europe/Berlin",
}
BERLIN_MONDAY = "until 2026-01-05 05:00 UTC (06:00 Europe/Berlin), when the window freeze-weekend closes"


def _deny(**fields: Any) -> Window:
    return Window.model_validate({"kind": "Deny", "cron": "0 0 * * *", "duration": "1h", **fields})


def _allow(**fields: Any) -> Window:
    return _deny(**{"kind": "Allow", **fields})


def _waits(*given: Window, operation: Operation = Operation.PROMOTE, now: datetime = FRIDAY_NIGHT) -> str:
    closed = windows.why_closed(given, operation, now)
    return "" if closed is None else closed.wait


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param([], "", id="no window"),
        pytest.param(
            [_deny(**WEEKEND)],
            BERLIN_MONDAY,
            id="weekend",
        ),
        pytest.param(
            [_deny(cron="0 18 * * 5", duration="60h")],
            "until 2026-01-05 06:00 UTC, when the window 0 18 * * 5 for 60h closes",
            id="without a name, in UTC",
        ),
        pytest.param(
            [_deny(cron="0 0 * * 6", timeZone="Asia/Kolkata", duration="1d", name="s")],
            "until 2026-01-03 18:30 UTC (2026-01-04 00:00 Asia/Kolkata), when the window s closes",
            id="another date there",
        ),
        pytest.param([_deny(cron="0 19 * * 5", duration="30m")], "", id="closed again"),
        pytest.param([_deny(cron="0 21 * * 5")], "", id="not open yet"),
        pytest.param(
            [_allow(cron="0 9 * * 1-5", duration="8h", timeZone="America/New_York", name="office")],
            "",
            id="inside of an Allow window",
        ),
        pytest.param(
            [_allow(cron="0 9 * * 1-5", duration="8h", timeZone="Asia/Kolkata", name="office")],
            "until 2026-01-05 03:30 UTC (09:00 Asia/Kolkata), when the window office opens",
            id="outside of an Allow window",
        ),
        pytest.param(
            [_allow(cron="0 9 * * 1", name="a"), _allow(cron="0 9 * * 6", name="b")],
            "until 2026-01-03 09:00 UTC, when the window b opens",
            id="the next of several",
        ),
        pytest.param(
            [_allow(cron="0 20 * * 5", name="a"), _allow(cron="0 9 * * 6", name="b")], "", id="one is enough"
        ),
        pytest.param(
            [_deny(**WEEKEND), _allow(cron="0 20 * * 5", duration="8h")],
            "for an opening, and policy.windows leave none within 400 days",
            id="Deny at each opening of the only Allow",
        ),
        pytest.param(
            [_deny(**WEEKEND), _allow(cron="0 4 * * 1", duration="8h", name="monday")],
            BERLIN_MONDAY,
            id="Deny has precedence",
        ),
        pytest.param(
            [_deny(cron="0 18 * * 5", duration="12h"), _deny(cron="0 6 * * 6", duration="12h", name="next")],
            "until 2026-01-03 18:00 UTC, when the window next closes",
            id="two that adjoin",
        ),
        pytest.param(
            [_deny(cron="0 18 * * 5", duration="24h", name="long"), _deny(cron="0 19 * * 5", duration="2h")],
            "until 2026-01-03 18:00 UTC, when the window long closes",
            id="one inside the other",
        ),
        pytest.param(
            [_deny(cron="0 0 1 1 *", duration="36h"), _deny(cron="0 12 2 1 *", duration="9d", name="long")],
            "until 2026-01-11 12:00 UTC, when the window long closes",
            id="chain of days",
        ),
        pytest.param(
            [_deny(cron="0 0 * * *", duration="30h")],
            "for an opening, and policy.windows leave none within 400 days",
            id="longer than its period",
        ),
        pytest.param(
            [_deny(duration="12h"), _deny(cron="0 12 * * *", duration="12h")],
            "for an opening, and policy.windows leave none within 400 days",
            id="day and night",
        ),
        pytest.param(
            [_allow(cron="0 0 29 2 *")],
            "for an opening, and policy.windows leave none within 400 days",
            id="Allow in years",
        ),
        pytest.param(
            [_deny(cron="* * * * *", duration="1m")],
            "for an opening; policy.windows follow one another too closely to say when that is",
            id="every minute",
        ),
        pytest.param([_deny(cron="* * * * *", duration="1m", **{"except": ["Promote"]})], "", id="exempt"),
    ],
)
def test_what_is_closed_says_until_when(given: list[Window], expected: str) -> None:
    assert _waits(*given) == expected


@pytest.mark.parametrize(
    ("exempt", "waiting"),
    [
        pytest.param(None, ["Promote", "Pin", "Adopt"], id="left out"),
        pytest.param([], ["Promote", "Pin", "Rollback", "Swap", "Adopt"], id="none"),
        pytest.param(["Promote"], ["Pin", "Rollback", "Swap", "Adopt"], id="only promotions"),
    ],
)
@pytest.mark.parametrize("kind", ["Deny", "Allow"])
def test_a_window_concerns_whom_it_does_not_except(
    kind: str, exempt: list[str] | None, waiting: list[str]
) -> None:
    cron = "0 18 * * 5" if kind == "Deny" else "0 9 * * 1"
    window = _deny(kind=kind, cron=cron, duration="3h", **({} if exempt is None else {"except": exempt}))

    concerned = {item.value for item in Operation if _waits(window, operation=item)}

    assert concerned == set(waiting), "and never one that sets an alias back (Restore)"


@pytest.mark.parametrize("operation", [Operation.PROMOTE, Operation.ROLLBACK])
def test_a_window_with_a_fault_stays_closed_for_whom_it_concerns(operation: Operation) -> None:
    given = (_deny(), _deny(timeZone="Europe/Berlim"))

    closed = windows.why_closed(given, operation, FRIDAY_NIGHT)

    if operation is Operation.ROLLBACK:
        assert closed is None
    else:
        assert closed is not None
        assert closed.reason is Reason.INVALID
        assert closed.until is None
        assert closed.wait.startswith("until somebody changes spec.policy.windows[1].timeZone: there is no")
    assert windows.fault(given).startswith("spec.policy.windows[1].timeZone: there is no time zone")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param(
            [_deny(**WEEKEND)],
            [f"closed for Promote, Pin and Adopt, which wait {BERLIN_MONDAY}"],
            id="closed",
        ),
        pytest.param(
            [
                _deny(
                    cron="0 18 * * 5",
                    duration="3h",
                    name="w",
                    **{"except": ["Promote", "Pin", "Swap", "Adopt"]},
                )
            ],
            ["closed for Rollback, which waits until 2026-01-02 21:00 UTC, when the window w closes"],
            id="one",
        ),
        pytest.param([_deny(cron="0 12 * * 6")], ["open until 2026-01-03 12:00 UTC"], id="open"),
        pytest.param(
            [_allow(cron="0 18 * * 5", duration="3h"), _allow(cron="0 21 * * 5", duration="2h")],
            ["open until 2026-01-02 23:00 UTC"],
            id="two Allow windows that adjoin",
        ),
        pytest.param(
            [_allow(cron="0 18 * * 5", duration="9h"), _deny(cron="30 21 * * *")],
            ["open until 2026-01-02 21:30 UTC"],
            id="a Deny window comes first",
        ),
        pytest.param([_allow(duration="24h")], ["open"], id="open for good"),
        pytest.param([_deny(cron="0 0 29 2 *")], ["open"], id="closed in years"),
        pytest.param(
            [_deny(cron="* * * * *", **{"except": [*WindowOperation]})], ["open"], id="nobody concerned"
        ),
    ],
)
def test_people_are_told_what_the_windows_mean_now(given: list[Window], expected: list[str]) -> None:
    assert list(windows.sentences(given, FRIDAY_NIGHT)) == expected


def test_no_answer_takes_long() -> None:
    given = tuple(_deny(cron=f"{minute}/16 * * * *", duration="1m") for minute in range(16))
    began = time.process_time()

    closed = windows.why_closed(given, Operation.PROMOTE, FRIDAY_NIGHT)

    assert closed is not None
    assert closed.until is None
    assert FRIDAY_NIGHT < closed.again <= FRIDAY_NIGHT + timedelta(days=1)
    assert time.process_time() - began < 2.0, "a sixth of a second on an idle machine"


MANY = st.lists(
    st.builds(
        lambda kind, cron, zone, hours, exempt: _deny(
            kind=kind, cron=cron, timeZone=zone, duration=f"{hours}h", **{"except": exempt}
        ),
        st.sampled_from(["Deny", "Deny", "Allow"]),
        st.sampled_from(
            ["30 2 * * *", "0 18 * * 5", "0 9 * * 1-5", "0 */6 * * *", "0 0 1 * *", "45 23 * * 0"]
        ),
        st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
        st.integers(1, 70),
        st.lists(st.sampled_from([*WindowOperation]), max_size=3),
    ),
    max_size=4,
)
TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(given_windows=MANY, now=TIMES, operation=st.sampled_from([*Operation]))
def test_an_opening_is_open_and_the_moment_before_it_closed(
    given_windows: list[Window], now: datetime, operation: Operation
) -> None:
    closed = windows.why_closed(given_windows, operation, now)

    if closed is None or closed.until is None:
        return
    assert now < closed.until == windows.next_change(given_windows, operation, now)
    assert windows.why_closed(given_windows, operation, closed.until) is None
    before = windows.why_closed(given_windows, operation, closed.until - SECOND)
    assert before is not None
    assert (before.until, before.wait) == (closed.until, closed.wait), (
        "what is said does not change meanwhile"
    )


@given(given_windows=MANY, now=TIMES, operation=st.sampled_from([*Operation]))
def test_what_is_open_is_open_until_it_closes(
    given_windows: list[Window], now: datetime, operation: Operation
) -> None:
    change = windows.next_change(given_windows, operation, now)

    if windows.why_closed(given_windows, operation, now) is not None or change is None:
        return
    assert windows.why_closed(given_windows, operation, change) is not None
    assert windows.why_closed(given_windows, operation, change - SECOND) is None


@given(given_windows=MANY, now=TIMES, operation=st.sampled_from([*Operation]))
def test_it_is_closed_where_the_rules_say_so_and_nowhere_else(
    given_windows: list[Window], now: datetime, operation: Operation
) -> None:
    now = now.replace(microsecond=0)
    concerned = [item for item in given_windows if operation.value not in {*map(str, item.except_)}]
    open_now = {item.kind.value for item in concerned if open_until(item, now)}
    is_closed = "Deny" in open_now or (
        "Allow" not in open_now and any(item.kind.value == "Allow" for item in concerned)
    )

    closed = windows.why_closed(given_windows, operation, now)

    assert (closed is not None) is (is_closed and operation is not Operation.RESTORE)
