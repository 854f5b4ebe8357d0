"""Who is asked, what follows when they do not answer: the rules by themselves."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cases.asking import (
    ROLE_WORDS,
    STANDING_WORDS,
    Asked,
    Role,
    Standing,
    can_become,
    escalation,
    seats,
)

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
PEOPLE = "abcdefgh"
asked = st.builds(
    Asked,
    person_id=st.sampled_from(PEOPLE),
    role=st.sampled_from(list(Role)),
    standing=st.sampled_from(list(Standing)),
    answer_by=st.none() | st.integers(-5, 5).map(lambda hours: NOW + timedelta(hours=hours)),
)
MAY = {
    (Standing.OFFERED, Standing.ACTIVE),
    (Standing.OFFERED, Standing.DECLINED),
    (Standing.OFFERED, Standing.TIMED_OUT),
    (Standing.OFFERED, Standing.WITHDRAWN),
    (Standing.ACTIVE, Standing.DECLINED),
    (Standing.ACTIVE, Standing.WITHDRAWN),
    (Standing.ACTIVE, Standing.COMPLETED),
}


@pytest.mark.parametrize(("one", "other"), list(itertools.product(Standing, Standing)))
def test_an_assignment_goes_only_the_ways_that_are_written_down(
    one: Standing, other: Standing
) -> None:
    assert can_become(one, other) == ((one, other) in MAY)


def test_every_role_and_every_standing_has_words() -> None:
    assert ROLE_WORDS.keys() == set(Role)
    assert STANDING_WORDS.keys() == set(Standing)


@pytest.mark.parametrize("hours", range(-48, 49, 4))
def test_an_offer_is_due_from_the_moment_on_and_not_before(hours: int) -> None:
    offer = Asked("a", Role.REVIEWER, Standing.OFFERED, NOW + timedelta(hours=hours))
    assert offer.is_due(NOW) == (hours <= 0)


@pytest.mark.parametrize("standing", [one for one in Standing if one is not Standing.OFFERED])
def test_only_an_open_offer_can_run_out(standing: Standing) -> None:
    assert not Asked("a", Role.REVIEWER, standing, NOW - timedelta(days=9)).is_due(NOW)


def test_an_assignment_without_a_day_to_answer_never_runs_out() -> None:
    assert not Asked("a", Role.REVIEWER, Standing.OFFERED).is_due(NOW)


@given(st.lists(asked, max_size=12), st.integers(0, 6))
def test_seats_are_never_counted_twice_and_observers_never(known: list[Asked], wanted: int) -> None:
    found = seats(known, wanted)
    deciding = [one for one in known if one.role is not Role.OBSERVER]
    assert found.taken == sum(one.standing is Standing.ACTIVE for one in deciding)
    assert found.asked == sum(one.standing is Standing.OFFERED for one in deciding)
    assert found.free == max(0, wanted - found.taken - found.asked)


@given(
    st.lists(asked, max_size=12),
    st.integers(0, 6),
    st.lists(st.sampled_from(PEOPLE + "ijkl"), max_size=8),
)
def test_escalation_asks_the_next_on_standby_nobody_twice_and_says_what_is_left(
    known: list[Asked], wanted: int, standby: list[str]
) -> None:
    found = escalation(known, wanted, standby)
    free = seats(known, wanted).free
    met = {one.person_id for one in known if one.standing is not Standing.COMPLETED}
    assert len(found.ask) + found.unfilled == free
    assert not met & set(found.ask)
    assert len(set(found.ask)) == len(found.ask)
    order = [one for one in dict.fromkeys(standby) if one not in met]
    assert list(found.ask) == order[: len(found.ask)]
    assert not found.unfilled or len(order) == len(found.ask)


def test_whoever_declined_is_not_asked_again() -> None:
    gone = [Asked("a", Role.REVIEWER, Standing.DECLINED)]
    assert escalation(gone, 1, ["a", "b"]).ask == ("b",)


def test_whoever_answered_an_earlier_round_can_be_asked_again() -> None:
    before = [Asked("a", Role.REVIEWER, Standing.COMPLETED)]
    assert escalation(before, 1, ["a"]).ask == ("a",)
