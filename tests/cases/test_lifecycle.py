"""What may happen to a case in which state: the table, and everything that is not in it."""

from __future__ import annotations

import itertools

import pytest

from server.cases.lifecycle import LABELS, TRANSITIONS, Event, EventNotPossible, State, after

ILLEGAL = [pair for pair in itertools.product(State, Event) if pair not in TRANSITIONS]


@pytest.mark.parametrize(("state", "event"), ILLEGAL)
def test_what_the_table_does_not_name_is_refused(state: State, event: Event) -> None:
    with pytest.raises(EventNotPossible):
        after(state, event)


@pytest.mark.parametrize(("state", "event"), TRANSITIONS)
def test_what_the_table_names_happens(state: State, event: Event) -> None:
    assert after(state, event) in State


def test_every_state_can_be_reached_from_open() -> None:
    reached = {State.OPEN}
    for _ in State:
        reached |= {to for (state, _), to in TRANSITIONS.items() if state in reached}
    assert reached == set(State)


def test_nothing_leaves_a_finished_case() -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] in (State.CLOSED, State.WITHDRAWN)]


def test_an_opinion_is_signed_only_in_review() -> None:
    assert {s for s, e in TRANSITIONS if e is Event.OPINION_SIGNED} == {
        State.ASSIGNED,
        State.IN_REVIEW,
    }


def test_every_state_has_words() -> None:
    assert LABELS.keys() == set(State)
