"""What is counted of the answers that somebody heard who asked all the time."""

from tests.support.asked import Move, summed
from tests.support.asker import heard, last_of

LINES = (
    {"how": "alias", "at": 0.0, "version": "1"},
    {"how": "new", "at": 1.0, "version": "1"},
    {"how": "kept", "at": 10.5, "version": "1"},
    {"how": "alias", "at": 11.0, "version": "2"},
    {"how": "kept", "at": 12.0, "version": "1"},
    {"how": "new", "at": 12.5, "version": "2"},
    {"how": "new", "at": 13.25, "version": "1"},
    {"how": "kept", "at": 14.0, "failed": "ConnectionResetError: closed"},
    {"how": "kept", "at": 15.0, "version": "2"},
    {"how": "new", "at": 30.0, "failed": "status 503"},
)


def test_answers_between_beginning_and_end_of_a_move_are_counted_and_the_last_old_one_is_timed() -> None:
    seen = summed(Move("promotion", "1", "2", "Succeeded", began=10.0, ended=20.0), LINES)

    assert (seen.answers, seen.failed) == (5, 1)
    assert seen.failures == ("kept: ConnectionResetError: closed",)
    assert seen.versions == ("1", "2")
    assert (seen.moved_after, seen.last_old_after) == (1.0, 2.25)


def test_of_a_move_that_was_undone_no_answer_is_old() -> None:
    seen = summed(Move("failed promotion", "1", "2", "RolledBack", began=10.0, ended=20.0), LINES)

    assert (seen.moved_after, seen.last_old_after) == (1.0, None)


def test_answers_are_counted_by_version_and_by_what_became_of_them() -> None:
    lines = (
        {"how": "alias", "at": 0.0, "version": "1"},
        {"how": "new", "began": 1.0, "at": 2.0, "version": "1"},
        {"how": "kept", "began": 2.0, "at": 2.5, "version": "2", "failed": "status 500"},
        {"how": "new", "began": 3.0, "at": 4.0, "version": "2"},
        {"how": "new", "began": 5.0, "at": 5.1, "failed": "ConnectionRefusedError: refused"},
    )

    assert heard(lines) == {
        "nobody: ConnectionRefusedError: refused": 1,
        "version 1: answered": 1,
        "version 2: answered": 1,
        "version 2: failed": 1,
    }
    assert heard(lines, since=2.5) == {"nobody: ConnectionRefusedError: refused": 1, "version 2: answered": 1}
    assert last_of(lines, "2") == 4.0
