"""Which of a namespace's open requests have room."""

from bisect import insort

from hypothesis import given
from hypothesis import strategies as st

from modelalias.reconcile.open_ages import Age, OpenAges

AGES = st.tuples(st.sampled_from(("1", "2", "3")), st.text("abcdef", min_size=1, max_size=2))


@given(st.integers(1, 4), st.lists(st.tuples(AGES, st.booleans()), max_size=30))
def test_the_oldest_have_room_however_they_came_and_went(most: int, changes: list[tuple[Age, bool]]) -> None:
    open_ages, ages = OpenAges(most), list[Age]()
    open_ages.enter("other", ("0", "a"))
    for age, comes in changes:
        if comes and age not in ages:
            open_ages.enter("ml", age)
            insort(ages, age)
        elif not comes and age in ages:
            open_ages.leave("ml", age)
            ages.remove(age)
        without = ages[most:]
        assert open_ages.room_ends_at("ml") == (without[0] if without else None)
    assert open_ages.room_ends_at("other") is None
