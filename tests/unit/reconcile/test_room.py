"""Room for requests: the oldest of a namespace, so many at a time."""

from hypothesis import given
from hypothesis import strategies as st

from modelalias.reconcile.room import Age, Room


def age(number: int) -> Age:
    return ("2026-01-01T00:00:00+00:00", f"r-{number:03}")


steps = st.lists(st.tuples(st.sampled_from(["one", "two"]), st.integers(0, 12)), max_size=60)


@given(most=st.integers(1, 5), steps=steps)
def test_the_oldest_have_room_and_each_change_names_who_got_it_or_lost_it(
    most: int, steps: list[tuple[str, int]]
) -> None:
    room = Room(most)
    counted: dict[str, set[Age]] = {"one": set(), "two": set()}
    for namespace, number in steps:
        ages, it = counted[namespace], age(number)
        before = set(sorted(ages)[:most])
        if it in ages:
            ages.remove(it)
            told = room.leave(namespace, it)
        else:
            ages.add(it)
            told = room.enter(namespace, it)
        after = set(sorted(ages)[:most])
        changed = {*(before ^ after), *({it} & ages)} - ({it} & after) - ({it} - ages)
        assert {told} - {None} == changed
        assert {item for item in ages if room.has(namespace, item)} == after
