"""Which of a namespace's open requests have room."""

from bisect import insort

from hypothesis import given
from hypothesis import strategies as st

from modelalias.reconcile.room import Age, Room

AGES = st.tuples(st.sampled_from(("1", "2", "3")), st.text("abcdef", min_size=1, max_size=2))


@given(st.integers(1, 4), st.lists(st.tuples(AGES, st.booleans()), max_size=30))
def test_the_oldest_have_room_however_they_came_and_went(most: int, changes: list[tuple[Age, bool]]) -> None:
    room, ages = Room(most), list[Age]()
    room.enter("other", ("0", "a"))
    for age, comes in changes:
        if comes and age not in ages:
            room.enter("ml", age)
            insort(ages, age)
        elif not comes and age in ages:
            room.leave("ml", age)
            ages.remove(age)
        without = ages[most:]
        assert room.ends_at("ml") == (without[0] if without else None)
    assert room.ends_at("other") is None
